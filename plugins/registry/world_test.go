package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const here = "linux/amd64"

// world is a folder of a configuration, and the options for it.
type world struct {
	Options
	t testing.TB
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, Options: Options{
		Dir: filepath.Join(t.TempDir(), "conf"), Cache: filepath.Join(t.TempDir(), "cache"), Platform: here,
		HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		wait: func(int) time.Duration { return 0 },
	}}
	if err := os.MkdirAll(w.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return w
}

// init is Init, which must do well.
func (w *world) init(wishes ...Wish) Result {
	w.t.Helper()
	result, err := Init(context.Background(), w.Options, wishes)
	if err != nil {
		w.t.Fatalf("init: %v (%s)", err, hintOf(err))
	}
	return result
}

// refuses is Init, which must fail, with a hint, with these words in what it says, and leave nothing.
// It returns what was said.
func (w *world) refuses(wish Wish, words ...string) (said string) {
	w.t.Helper()
	before := w.files()
	result, err := Init(context.Background(), w.Options, []Wish{wish})
	if err == nil {
		w.t.Fatalf("init did well: %+v", result)
	}
	said = err.Error() + " (" + hintOf(err) + ")"
	for _, word := range words {
		if !strings.Contains(said, word) {
			w.t.Errorf("%s\nhas no %q", said, word)
		}
	}
	if hintOf(err) == "" {
		w.t.Errorf("no hint: %v", err)
	}
	if after := w.files(); !maps.Equal(before, after) {
		w.t.Errorf("%v\nleft something: %v, before %v", err, slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(before)))
	}
	parts, _ := filepath.Glob(filepath.Join(string(w.cache()), "*"+partial))
	if len(parts) > 0 {
		w.t.Errorf("the cache has %v", parts)
	}
	return said
}

// files are the files of the configuration's folder and their content, but for the lock of processes.
func (w *world) files() map[string]string {
	w.t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(w.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == ".lock" || e.Name() == ".gitignore" {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return files
}

// state is all that can be told of files and folders without reading them.
func state(t testing.TB, dirs ...string) string {
	t.Helper()
	var b strings.Builder
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			info, err := e.Info()
			fmt.Fprintln(&b, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// found is what is installed, which must be well.
func (w *world) found() []Found {
	w.t.Helper()
	found, err := Installed(context.Background(), w.Options)
	if err != nil {
		w.t.Fatalf("installed: %v (%s)", err, hintOf(err))
	}
	return found
}

func (w *world) lock() Lock {
	w.t.Helper()
	lock, err := ReadLock(w.Dir)
	if err != nil {
		w.t.Fatal(err)
	}
	return lock
}

func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// file is one of a plugin's, "x" in front of its content if it may be executed.
type files map[string]string

// plugin are the files of a plugin.
func plugin(name, version string) files {
	return files{
		"plugin.json":   fmt.Sprintf(`{"manifest": 1, "name": %q, "version": %q, "protocol": 1, "command": ["./run", "./lib/data.txt"], "env": ["GREETING_TOKEN"]}`, name, version),
		"schema.cue":    "package " + name + "\n\n#Options: {}\n",
		"run":           "x#!/bin/sh\necho " + version + "\n",
		"lib/data.txt":  "data of " + version + "\n",
		"lib/x/y/z.txt": "deep\n",
	}
}

// with is the files with others.
func (f files) with(name, content string) files {
	f = maps.Clone(f)
	if f[name] = content; content == "" {
		delete(f, name)
	}
	return f
}

// in writes the files into a folder.
func (f files) in(t testing.TB, dir string) string {
	t.Helper()
	for name, content := range f {
		path, mode := filepath.Join(dir, name), fs.FileMode(0o644)
		if text, ok := strings.CutPrefix(content, "x"); ok {
			content, mode = text, 0o755
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// packed is the archive of the files, as Pack makes it.
func (f files) packed(t testing.TB) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "packed.tar.gz")
	if _, err := Pack(context.Background(), f.in(t, t.TempDir()), file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// site is a server of files on the loopback.
type site struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string][]byte
	asked []string
	// answer answers instead, if it returns true.
	answer func(w http.ResponseWriter, r *http.Request) bool
}

func newSite(t testing.TB) *site {
	s := &site{files: map[string][]byte{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.URL.Path)
	data, ok := s.files[strings.TrimPrefix(r.URL.Path, "/")]
	answer := s.answer
	s.mu.Unlock()
	if answer != nil && answer(w, r) {
		return
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, "x", time.Time{}, bytes.NewReader(data))
}

func (s *site) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

const archiveName = "greeting_%s_%s.tar.gz"

// release puts archives of a version there for some platforms, and their SHA256SUMS.
func (s *site) release(t testing.TB, version string, platforms ...string) {
	t.Helper()
	s.mu.Lock() // another process may be what asks next
	defer s.mu.Unlock()
	var sums strings.Builder
	for _, platform := range platforms {
		name := fmt.Sprintf(archiveName, version, flat(platform))
		data := plugin("greeting", version).with("platform.txt", platform).packed(t)
		s.files[version+"/"+name] = data
		fmt.Fprintf(&sums, "%s  %s\n", sumOf(data), name)
	}
	s.files[version+"/"+sumsName] = []byte(sums.String())
}

// wish is for what release put there.
func (s *site) wish(version string) Wish {
	return Wish{Name: "greeting", Source: s.URL + "/{version}/greeting_{version}_{os}_{arch}.tar.gz", Version: version}
}

// noNetwork fails every request.
type noNetwork struct {
	mu    sync.Mutex
	asked []string
}

func (n *noNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, r.URL.String())
	return nil, errors.New("there is no network")
}

// offline takes the network away and returns what was asked of it.
func (w *world) offline() *noNetwork {
	n := &noNetwork{}
	w.HTTP = &http.Client{Transport: n}
	return n
}

func asJSON(v any) string {
	data, _ := json.MarshalIndent(v, "", " ")
	return string(data)
}
