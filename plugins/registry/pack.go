package registry

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/devstream-io/dtm/plugins"
)

// Pack makes an archive of the plugin in dir at file, a tar.gz, and returns what its manifest says. Of a plugin with the
// same files it makes the same bytes: times, owners and the order on disk do not count. What begins with a dot and what
// Python keeps for itself (__pycache__) stays out, as does file itself. A plugin that could not be installed is an error.
func Pack(ctx context.Context, dir, file string) (Manifest, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return m, err
	}
	if err := m.Check(dir); err != nil {
		return m, fmt.Errorf("%s: %w", dir, err)
	}
	out, err := renameio.NewPendingFile(file, renameio.WithPermissions(0o644))
	if err != nil {
		return m, err
	}
	defer out.Cleanup()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return m, err
	}
	defer root.Close()
	compressed, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return m, err
	}
	p := packing{ctx: ctx, root: root, out: tar.NewWriter(compressed), file: file}
	// WalkDir goes by the order of names, whatever the disk's is.
	err = fs.WalkDir(root.FS(), ".", p.add)
	if err == nil {
		err = p.out.Close()
	}
	if err == nil {
		err = compressed.Close()
	}
	if err != nil {
		return m, fmt.Errorf("packing %s: %w", dir, err)
	}
	return m, out.CloseAtomicallyReplace()
}

type packing struct {
	ctx  context.Context
	root *os.Root
	out  *tar.Writer
	// file is the archive, which may be in the folder.
	file string
}

func (p packing) add(name string, e fs.DirEntry, err error) error {
	switch {
	case err != nil:
		return err
	case name == ".":
		return nil
	case strings.HasPrefix(e.Name(), "."), e.Name() == "__pycache__":
		if e.IsDir() {
			return fs.SkipDir
		}
		return nil
	case e.IsDir():
		return p.ctx.Err()
	case !e.Type().IsRegular():
		return plugins.Hinted(fmt.Errorf("%s is not a file", name), "links and devices cannot be packed: put the file there itself")
	}
	f, err := p.root.Open(filepath.FromSlash(name))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if mine, err := os.Stat(p.file); err == nil && os.SameFile(info, mine) {
		return nil
	}
	mode := int64(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	err = p.out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: info.Size(), Mode: mode, Format: tar.FormatPAX})
	if err != nil {
		return err
	}
	if _, err := io.Copy(p.out, bound{p.ctx, f}); err != nil {
		if errors.Is(err, tar.ErrWriteTooLong) {
			return fmt.Errorf("%s grew while it was read", name)
		}
		return err
	}
	return nil
}
