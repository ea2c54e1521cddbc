package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/devstream-io/dtm/store/bolt"
)

// readOldState is the text of a DevStream state file, nil if there is none at path. An empty file is what DevStream leaves when it
// has no tools, but also what a damaged disk leaves: with a backup beside it, it is not believed.
func readOldState(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if isOurs(path) || info.Size() == 0 && fileExists(backup(path)) && !backedUp(path) {
		return nil, nil // the store says what is wrong with it
	}
	if ours, err := bolt.Is(path); err != nil || ours {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if data == nil {
		data = []byte{}
	}
	return data, nil
}

// isOurs tells whether the file has the name that only dtm gives.
func isOurs(path string) bool { return filepath.Ext(path) == ".db" }

func backup(path string) string { return path + ".bak" }

// backedUp tells whether the backup is the very file: a take-over has made the link and was cut off before it went on.
func backedUp(path string) bool {
	file, err := os.Stat(path)
	if err != nil {
		return false
	}
	link, err := os.Stat(backup(path))
	return err == nil && os.SameFile(file, link)
}

// backUp keeps the file at path, which has this text, under its second name, whatever happens next. Only its owner can
// read it: DevStream wrote secrets into it.
func backUp(path string, text []byte) error {
	// A link to a link would lead to what takes the place of the file.
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	switch err = os.Link(file, backup(path)); {
	case err == nil || backedUp(path):
	// Not every system asks first whether it is there.
	case errors.Is(err, fs.ErrExist) || fileExists(backup(path)):
		kept, readErr := os.ReadFile(backup(path))
		if readErr != nil || len(text) == 0 || !bytes.Equal(kept, text) {
			return hinted{err, "move " + backup(path) + " away, then run again"}
		}
	default:
		// Some file systems have no links, and none leads from one to another.
		if err = renameio.WriteFile(backup(path), text, 0o600); err != nil {
			return err
		}
	}
	if err = os.Chmod(backup(path), 0o600); errors.Is(err, fs.ErrPermission) {
		return nil // somebody else's, who decides
	}
	return err
}
