package registry

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/devstream-io/dtm/plugins"
)

// errDamaged is wrapped by the error of an archive that cannot be read to its end.
var errDamaged = errors.New("the archive is damaged")

// unpack writes the files of an archive, a tar.gz or a zip of size bytes, below root, which is empty. Names that lead out
// of it, names that only differ in case, links and devices are errors, as is more than the limits allow. On an error what
// was written stays: the caller removes the folder.
func unpack(ctx context.Context, archive io.ReaderAt, size int64, root *os.Root, l limits) error {
	u := &unpacking{ctx: ctx, root: root, limits: l, seen: map[string]string{}, folders: map[string]bool{".": true}}
	start := make([]byte, 4)
	if n, err := archive.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	} else if start = start[:n]; bytes.HasPrefix(start, []byte("PK\x03\x04")) || bytes.HasPrefix(start, []byte("PK\x05\x06")) {
		err = u.zip(archive, size)
		return errors.Join(err, u.sync(err))
	} else if !bytes.HasPrefix(start, []byte{0x1f, 0x8b}) {
		return plugins.Hinted(errors.New("it is neither a tar.gz nor a zip"), "is it the address of the archive itself, and not of a page about it?")
	}
	err := u.tar(io.NewSectionReader(archive, 0, size))
	return errors.Join(err, u.sync(err))
}

func (u *unpacking) tar(r io.Reader) error {
	unzipped, err := gzip.NewReader(bufio.NewReader(r))
	if err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	files := tar.NewReader(unzipped)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			// The checksum of the compression comes after the last file. What else is there must not go on for ever.
			rest, err := io.Copy(io.Discard, io.LimitReader(bound{u.ctx, unzipped}, 1<<20))
			switch {
			case err != nil && u.ctx.Err() == nil:
				return fmt.Errorf("%w: %w", errDamaged, err)
			case err == nil && rest == 1<<20:
				return fmt.Errorf("%w: there is more behind its end", errDamaged)
			}
			return err
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
		switch header.Typeflag {
		case tar.TypeXGlobalHeader: // git archive writes one
			if err := u.count(); err != nil {
				return err
			}
		case tar.TypeDir:
			err = u.folder(header.Name)
		case tar.TypeReg:
			err = u.file(header.Name, header.FileInfo().Mode(), files)
		default:
			err = fmt.Errorf("%q is %s: an archive of a plugin has files and folders only", header.Name, kindOf(header.Typeflag))
		}
		if err != nil {
			return err
		}
	}
}

func kindOf(flag byte) string {
	switch flag {
	case tar.TypeSymlink, tar.TypeLink:
		return "a link"
	case tar.TypeChar, tar.TypeBlock:
		return "a device"
	case tar.TypeFifo:
		return "a pipe"
	}
	return "neither a file nor a folder"
}

func (u *unpacking) zip(archive io.ReaderAt, size int64) error {
	// All names are read at once: what they take is bounded by what may be read for them.
	directory := &metered{r: archive, left: int64(u.limits.files)*1024 + 1<<20}
	files, err := zip.NewReader(directory, size)
	if directory.left < 0 {
		return u.tooMany()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	directory.left = 1 << 62
	for _, f := range files.File {
		mode := f.Mode()
		switch {
		case mode.IsDir():
			err = u.folder(f.Name)
		case mode.IsRegular():
			var content io.ReadCloser
			if content, err = f.Open(); err != nil {
				return fmt.Errorf("%w: %q: %w", errDamaged, f.Name, err)
			}
			err = u.file(f.Name, mode, content)
			_ = content.Close()
		default:
			err = fmt.Errorf("%q is a link or a device: an archive of a plugin has files and folders only", f.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// metered is a reader that ends with an error after so many bytes.
type metered struct {
	r    io.ReaderAt
	left int64
}

func (m *metered) ReadAt(p []byte, at int64) (int, error) {
	if m.left -= int64(len(p)); m.left < 0 {
		return 0, errors.New("too much to read")
	}
	return m.r.ReadAt(p, at)
}
