package parts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// keep is how long a program that nobody asks for stays in the cache.
const keep = 30 * 24 * time.Hour

// Build says how a program is made from Go source.
//
// Programs are kept in the user's cache folder. One that comes from another module, or from a nested module of this
// repository, is built once for each Go version, platform, go.mod, go.sum and whatever else is in the module's folder.
// One that comes from dtm's own module is built each time, which costs little more than asking Go whether anything has
// changed. Any number of tests, in any number of processes, may ask at the same time.
type Build struct {
	// Name is what the program is called.
	Name string
	// Module is the folder whose go.mod pins the program and all that it is made of, relative to the root of dtm's
	// own module; empty for the root. Servers with many dependencies have a nested module of their own.
	Module string
	// Package is the main package: an import path, or "./x" for a folder of Module whose sources are asked after each
	// time. A package of a nested module is named by its import path: it is large, and its folder says when it changes.
	Package string
	// LDFlags are for the linker, in one string.
	LDFlags string
	// Env is added to the environment of the build, as "CGO_ENABLED=0".
	Env []string
}

// Path returns the path of the program, which it builds if need be. The program may be run until the test ends, and
// must not be changed. A program that cannot be built is [Missing].
func (b Build) Path(t testing.TB) string {
	t.Helper()
	path, err := b.make(t.Context())
	if err != nil {
		Missing(t, "%s is not here: %v", b.Name, err)
	}
	return path
}

func (b Build) make(ctx context.Context) (string, error) {
	host, err := askGo(ctx)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: %w", err)
	}
	root := filepath.Join(filepath.Dir(host.GOMOD), b.Module)
	key, err := b.key(host, root)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "dtm", "parts", b.Name+"-"+key)
	path := filepath.Join(dir, b.Name)
	if !b.own() && used(path) {
		return path, nil
	}

	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	unlock, err := lockedfile.MutexAt(filepath.Join(dir, "lock")).Lock()
	if err != nil {
		return "", err
	}
	defer unlock()
	// Whoever held the lock until now may have built it.
	if !b.own() && used(path) {
		return path, nil
	}
	if err := b.build(ctx, root, path); err != nil {
		return "", err
	}
	used(path)
	prune(filepath.Dir(dir), b.Name, time.Now().Add(-keep))
	return path, nil
}

// own tells whether the sources are in this repository, so that no version tells when they change.
func (b Build) own() bool { return strings.HasPrefix(b.Package, "./") }

// key is not the same for two programs that must not be taken for one another.
func (b Build) key(host goEnv, root string) (string, error) {
	host.GOMOD = "" // every clone of the repository shares what is made from pinned versions
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q", host, b)
	if b.own() {
		fmt.Fprintf(sum, " %q", root)
		return fmt.Sprintf("%.8x", sum.Sum(nil)), nil
	}
	names := []string{"go.mod", "go.sum"}
	if b.Module != "" {
		var err error
		if names, err = files(root); err != nil {
			return "", err
		}
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) { // a module without dependencies has no go.sum
			return "", err
		}
		fmt.Fprintf(sum, " %q", text)
	}
	return fmt.Sprintf("%.8x", sum.Sum(nil)), nil
}

// files are the names of the files in a folder, sorted.
func files(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// build makes the program beside path and moves it there in one step, so that nobody ever runs half a program and one
// that runs is not touched. The caller holds the lock.
func (b Build) build(ctx context.Context, root, path string) error {
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if b.own() {
		if err := watch(root); err != nil {
			return err
		}
		// Go does not link again what it finds up to date, and replaces (never overwrites) what it does not.
		if err := os.Link(path, fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-ldflags="+b.LDFlags, "-o", fresh, b.Package)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), b.Env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, bytes.TrimSpace(out))
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	// Renaming a file to another name of the same file leaves both names.
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// watch looks at every folder of the sources. Go keeps the result of a test until something changes that the test
// looked at itself; what go build looks at for it does not count.
func watch(root string) error {
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if e != nil && e.IsDir() && path != root && strings.HasPrefix(e.Name(), ".") {
			return fs.SkipDir
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // somebody else's test tidied up
		}
		return err
	})
}

// used tells whether the program is there, and if so notes in the time of its folder that somebody asked for it.
func used(path string) bool {
	if _, err := os.Stat(path); err != nil {
		return false
	}
	now := time.Now()
	// Without the note the program is built again some day: no reason to do without it now.
	_ = os.Chtimes(filepath.Dir(path), now, now)
	return true
}

// prune removes the builds of a program, under whatever key, that nobody has asked for since. What it cannot remove
// stays: that is no reason to fail a test.
func prune(dir, name string, since time.Time) {
	builds, _ := filepath.Glob(filepath.Join(dir, name+"-*"))
	for _, build := range builds {
		// Keys have no dash: what has one is another program, whose name only starts alike.
		if strings.Contains(strings.TrimPrefix(filepath.Base(build), name+"-"), "-") {
			continue
		}
		if info, err := os.Stat(build); err == nil && info.ModTime().Before(since) {
			_ = os.RemoveAll(build)
		}
	}
}

// goEnv is what decides, beside its sources, how a program turns out. Its fields are named as go env names them.
type goEnv struct {
	GOMOD, GOVERSION, GOOS, GOARCH, GOFLAGS, GOEXPERIMENT, CGO_ENABLED string
}

func askGo(ctx context.Context) (goEnv, error) {
	var host goEnv
	out, err := exec.CommandContext(ctx, "go", "env", "-json",
		"GOMOD", "GOVERSION", "GOOS", "GOARCH", "GOFLAGS", "GOEXPERIMENT", "CGO_ENABLED").Output()
	if err != nil {
		return host, fmt.Errorf("go env: %w", err)
	}
	if err := json.Unmarshal(out, &host); err != nil {
		return host, fmt.Errorf("go env: %w", err)
	}
	if host.GOMOD == "" || host.GOMOD == os.DevNull {
		return host, errors.New("not in a Go module")
	}
	return host, nil
}
