package scaffold

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/devstream-io/dtm/plugins"
)

// readFolder reads a folder of this machine. What leads out of it is an error. If it is the work tree of a git repository,
// that repository's own folder is no part of the template.
func readFolder(ctx context.Context, path string) (template, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return template{}, plugins.Hinted(err, "template is a folder, the URL of an archive with its templateChecksum, or that of a git repository with a templateRef")
	}
	defer root.Close()
	c := newCollector()
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case path == ".git" && d.IsDir():
			return fs.SkipDir
		case path == ".git", d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%q is no plain file", path)
		}
		return c.read(root, path)
	})
	return template{origin: Origin{Version: fingerprint(c.files)}, files: c.files}, err
}

func (c *collector) read(root *os.Root, path string) error {
	f, err := root.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%q is no plain file", path)
	}
	content, err := io.ReadAll(io.LimitReader(f, c.room()+1))
	if err != nil {
		return err
	}
	return c.add(path, content, info.Mode()&0o111 != 0)
}

// fingerprint is the SHA-256 over files and their paths.
func fingerprint(files map[string]templateFile) string {
	sum := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(files)) {
		f := files[path]
		fmt.Fprintf(sum, "%s\x00%t\x00%d\x00", path, f.executable, len(f.content))
		sum.Write(f.content)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}
