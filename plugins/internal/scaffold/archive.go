package scaffold

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// unpack reads an archive, zip or tar.gz as its first bytes tell.
func unpack(data []byte) (map[string]templateFile, error) {
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return unzip(data)
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		gz, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		c := newCollector()
		err = c.untar(gz)
		return c.unpacked(), err
	}
	return nil, errors.New("it is neither a zip nor a tar.gz archive")
}

func unzip(data []byte) (map[string]templateFile, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	c := newCollector()
	for _, f := range archive.File {
		if strings.HasSuffix(f.Name, "/") || f.Mode().IsDir() {
			continue
		}
		if !f.Mode().IsRegular() {
			return nil, fmt.Errorf("%q is no plain file", f.Name)
		}
		in, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("%q: %w", f.Name, err)
		}
		err = c.from(in, f.Name, f.Mode()&0o111 != 0)
		_ = in.Close() // what was read has its checksum
		if err != nil {
			return nil, err
		}
	}
	return c.unpacked(), nil
}

// maxTar is how many bytes an unpacked tar may have, with all that is not files.
const maxTar = 2 * maxSize

func (c *collector) untar(packed io.Reader) error {
	limited := &io.LimitedReader{R: packed, N: maxTar}
	archive := tar.NewReader(limited)
	for {
		h, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case limited.N <= 0:
			return fmt.Errorf("it is larger than %d MiB", maxTar>>20)
		case err != nil:
			return err
		}
		switch h.Typeflag {
		case tar.TypeReg:
			if err := c.from(archive, h.Name, h.Mode&0o111 != 0); err != nil {
				return err
			}
		case tar.TypeDir, tar.TypeXGlobalHeader:
		default:
			return fmt.Errorf("%q is no plain file", h.Name)
		}
	}
}

// from takes a file out of an archive. "./" before its path is left away, as many archives have it.
func (c *collector) from(in io.Reader, name string, executable bool) error {
	content, err := io.ReadAll(io.LimitReader(in, c.room()+1))
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	if rest, ok := strings.CutPrefix(name, "./"); ok && path.Clean(rest) == rest {
		name = rest
	}
	return c.add(name, content, executable)
}
