package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/devstream-io/dtm/plugins"
)

// syncFolder makes durable which names an opened folder holds. Some file systems have no notion of it, and say so.
func syncFolder(f *os.File) error {
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// replace puts the folder fresh at path, where something may be that is in the way, durably. trash is a name beside it
// for what was there.
func replace(fresh, path, trash string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	inTheWay, err := exists(path)
	if err != nil {
		return err
	}
	if inTheWay {
		// Folders cannot be exchanged in one step everywhere. Between these two there is none, which is noticed.
		if err := os.Rename(path, trash); err != nil {
			return err
		}
	}
	if err := os.Rename(fresh, path); err != nil {
		if inTheWay {
			err = errors.Join(err, os.Rename(trash, path))
		}
		return err
	}
	f, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer f.Close()
	return syncFolder(f)
}

// onDisk gives errors of writing the hints that help.
func onDisk(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return plugins.Hinted(err, "make room on the disk; nothing was installed")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return plugins.Hinted(err, "dtm must be able to write there; nothing was installed")
	case errors.Is(err, fs.ErrExist), errors.Is(err, syscall.ENOTDIR):
		return plugins.Hinted(err, "something else is where plugins are to be installed: move it away")
	}
	return err
}

// exists tells whether there is something at path; that it cannot be told is an error.
func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for %s: %w", path, err)
	}
	return true, nil
}
