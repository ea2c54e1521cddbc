package registry

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/dirhash"
)

// treeDigest is the digest of the files in a folder, their names and their bytes, as Go's checksum database makes it
// ("h1:…"). Whether a file may be executed is not in it; what is neither a file nor a folder is an error.
func treeDigest(ctx context.Context, dir string) (string, error) {
	var names []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return ctx.Err()
		case !e.Type().IsRegular():
			return fmt.Errorf("%s is not a file", path)
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		return "", err
	}
	return dirhash.Hash1(names, func(name string) (io.ReadCloser, error) {
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{bound{ctx, f}, f}, nil
	})
}

// bound is a reader that ends with its context.
type bound struct {
	ctx context.Context
	r   io.Reader
}

func (b bound) Read(p []byte) (int, error) {
	if err := context.Cause(b.ctx); err != nil {
		return 0, err
	}
	return b.r.Read(p)
}
