package schema

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"
)

// Vendor writes the schemas below cue.mod/pkg of the module that dir belongs to, and makes dir a module if it belongs
// to none, so that the stock cue command and editors work without a network. Files that are up to date are not touched;
// files of other versions of dtm are removed. It returns how many files were written.
func (l *Loader) Vendor(dir string) (written int, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return 0, err
	}
	root := moduleRoot(abs)
	stale, err := l.stale(root)
	if err != nil {
		return 0, err
	}
	for _, path := range stale {
		if err := os.Remove(path); err != nil {
			return written, err
		}
	}
	write := func(path, text string) error {
		if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, []byte(text)) {
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		written++
		return renameio.WriteFile(path, []byte(text), 0o644)
	}
	if module := filepath.Join(root, "cue.mod", "module.cue"); !exists(module) {
		if err := write(module, moduleFile(defaultModule)); err != nil {
			return written, err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(l.files)) {
		if err := write(filepath.Join(root, filepath.FromSlash(vendorDir), filepath.FromSlash(path)), l.files[path]); err != nil {
			return written, err
		}
	}
	return written, nil
}
