package localfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// world is a folder with nothing but what the plugin makes of it.
type world struct {
	dir  string
	kind plugins.Kind
}

func newWorld(t *testing.T) world {
	dir := t.TempDir()
	return world{dir: dir, kind: New(plugintest.Env(dir))}
}

func (w world) subject(want, changed, renamed string) plugintest.Subject {
	s := plugintest.Subject{
		Kind:    w.kind,
		Want:    json.RawMessage(want),
		Changed: json.RawMessage(changed),
		Renamed: json.RawMessage(renamed),
		Exists: func(options json.RawMessage) (bool, error) {
			o := decode[Options](options)
			data, err := os.ReadFile(filepath.Join(w.dir, o.Filename))
			if errors.Is(err, fs.ErrNotExist) {
				return false, nil
			}
			return err == nil && string(data) == o.Content, err
		},
		Leftovers: w.files,
	}
	target := filepath.Join(w.dir, decode[Options](s.Want).Filename)
	s.Drift = func() error { return os.WriteFile(target, []byte("somebody was here"), 0o644) }
	s.Remove = func() error { return os.Remove(target) }
	s.Old = encode(map[string]string{
		"filename": decode[Options](s.Want).Filename,
		"content":  decode[Options](s.Want).Content,
	})
	for i := range 20 {
		s.Others = append(s.Others, encode(Options{
			Filename: fmt.Sprintf("others/%d/%d.txt", i%3, i), Content: strings.Repeat("x", i), CreateDirs: true,
		}))
	}
	return s
}

// files names every file, and every hidden folder, for none such may stay.
func (w world) files() ([]string, error) {
	var names []string
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && (!d.IsDir() || strings.HasPrefix(d.Name(), ".")) {
			names = append(names, strings.TrimPrefix(path, w.dir+"/"))
		}
		return err
	})
	return names, err
}

func (w world) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(w.dir, name)
}

func (w world) put(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (w world) create(t *testing.T, o Options) json.RawMessage {
	t.Helper()
	r, err := w.kind.Create(t.Context(), encode(o))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w world) update(t *testing.T, want, have Options, last json.RawMessage) json.RawMessage {
	t.Helper()
	r, err := w.kind.Update(t.Context(), encode(want), encode(have), last)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w world) mustHold(t *testing.T, want ...string) {
	t.Helper()
	got, err := w.files()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

func (w world) mustRead(t *testing.T, name, want string) {
	t.Helper()
	got, err := os.ReadFile(w.path(name))
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v; want %q", name, got, err, want)
	}
}

func encode(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

func decode[T any](data json.RawMessage) T {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		panic(err)
	}
	return v
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
