package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// cacheDir is a folder for what can be had again, which need not exist: where the user's caches are or, where there is no
// such place, a folder of the user's own in temp. If somebody else has made that one, it is a new one each time.
func cacheDir(userCache func() (string, error), temp string) string {
	if dir, err := userCache(); err == nil && filepath.IsAbs(dir) {
		return filepath.Join(dir, "dtm")
	}
	dir := filepath.Join(temp, fmt.Sprintf("dtm-%d", os.Getuid()))
	_ = os.Mkdir(dir, 0o700) // it may be there
	if info, err := os.Lstat(dir); err == nil && info.IsDir() && info.Mode().Perm() == 0o700 && ownedByUser(info) {
		return dir
	}
	if own, err := os.MkdirTemp(temp, "dtm-"); err == nil {
		return own
	}
	return dir // nothing can be written in temp: who needs a cache will say so
}

// ownedByUser tells whether a file is this user's.
func ownedByUser(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
