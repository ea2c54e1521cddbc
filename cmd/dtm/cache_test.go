package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestTheCacheIsWhereTheUsersCachesAre(t *testing.T) {
	home := t.TempDir()
	dir := cacheDir(func() (string, error) { return home, nil }, t.TempDir())
	if dir != filepath.Join(home, "dtm") {
		t.Errorf("it is %s", dir)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("it was made before anybody needs it")
	}
}

func TestWithoutAHomeTheCacheIsAFolderOfTheUsersOwn(t *testing.T) {
	homeless := func() (string, error) { return "", errors.New("HOME is not set") }
	temp := t.TempDir()
	name := filepath.Join(temp, fmt.Sprintf("dtm-%d", os.Getuid()))
	for range 2 {
		if dir := cacheDir(homeless, temp); dir != name {
			t.Errorf("it is %s", dir)
		}
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	// What others could write to is not taken.
	spoil := map[string]func(temp, name string) error{
		"open to others": func(_, name string) error { return os.Mkdir(name, 0o700) },
		"a file":         func(_, name string) error { return os.WriteFile(name, nil, 0o600) },
		"a link": func(temp, name string) error {
			return errors.Join(os.Mkdir(filepath.Join(temp, "real"), 0o700), os.Symlink("real", name))
		},
	}
	for what, make := range spoil {
		temp := t.TempDir()
		name := filepath.Join(temp, filepath.Base(name))
		if err := make(temp, name); err != nil {
			t.Fatal(err)
		}
		if what == "open to others" {
			if err := os.Chmod(name, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		dir := cacheDir(homeless, temp)
		info, err := os.Lstat(dir)
		if dir == name || filepath.Dir(dir) != temp || err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: it is %s, %v", what, dir, err)
		}
	}
}
