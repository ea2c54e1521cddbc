package external_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/external"
	"github.com/devstream-io/dtm/plugins/localfile"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

func TestABuiltInPluginLivesInAProcessOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	host := newHost(t, external.Options{Env: plugintest.Env(dir)})
	kind := host.Kind(localfileInstalled(t))

	want := encode(localfile.Options{Filename: "a", Content: "hello\n", Mode: "0644"})
	made, err := kind.Create(t.Context(), want)
	must(t, err)
	if r := decode[localfile.Resource](t, made); r.Path != filepath.Join(dir, "a") || r.Size != 6 {
		t.Errorf("created %+v", r)
	}
	found, err := kind.Read(t.Context(), want, made)
	must(t, err)
	if string(found) != string(made) {
		t.Errorf("created %s, read %s", made, found)
	}
	changed := encode(localfile.Options{Filename: "b", Content: "bye\n", Mode: "0600"})
	moved, err := kind.Update(t.Context(), changed, want, made)
	must(t, err)
	if r := decode[localfile.Resource](t, moved); r.Path != filepath.Join(dir, "b") || r.Mode != "0600" {
		t.Errorf("updated to %+v", r)
	}
	must(t, kind.Delete(t.Context(), changed, moved))
	if _, err := kind.Read(t.Context(), changed, moved); !errors.Is(err, plugins.ErrNotFound) {
		t.Errorf("after the delete: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

func TestLocalfileKeepsItsPromiseInAProcessOfItsOwn(t *testing.T) {
	// One process for each world: the folder of the configuration is in its environment.
	plugintest.Run(t, func(t *testing.T) plugintest.Subject {
		dir := t.TempDir()
		host := newHost(t, external.Options{Env: plugintest.Env(dir)})
		s := plugintest.Subject{
			Kind:    host.Kind(localfileInstalled(t)),
			Want:    json.RawMessage(`{"filename": "x/a", "content": "hello", "mode": "0666", "createDirs": true}`),
			Changed: json.RawMessage(`{"filename": "x/a", "content": "world", "mode": "0666", "createDirs": true}`),
			Renamed: json.RawMessage(`{"filename": "y/a", "content": "hello", "mode": "0666", "createDirs": true}`),
			Old:     json.RawMessage(`{"filename": "x/a", "content": "hello"}`),
			Drift:   func() error { return os.WriteFile(filepath.Join(dir, "x/a"), []byte("somebody was here"), 0o644) },
			Remove:  func() error { return os.Remove(filepath.Join(dir, "x/a")) },
			Exists: func(options json.RawMessage) (bool, error) {
				o := decode[localfile.Options](t, options)
				data, err := os.ReadFile(filepath.Join(dir, o.Filename))
				if errors.Is(err, fs.ErrNotExist) {
					return false, nil
				}
				return string(data) == o.Content, err
			},
			Leftovers: func() ([]string, error) {
				var names []string
				err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
					if err == nil && !d.IsDir() {
						names = append(names, path)
					}
					return err
				})
				return names, err
			},
		}
		for i := range 20 {
			s.Others = append(s.Others, encode(localfile.Options{
				Filename: fmt.Sprintf("others/%d/%d", i%3, i), Content: strings.Repeat("x", i), CreateDirs: true,
			}))
		}
		return s
	})
}
