package compat

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

func TestAConfigYAMLIsAPartWhereOthersOfItsFormHaveTools(t *testing.T) {
	const (
		later = "config: {state: {backend: local}}\ntools:\n- {name: a, instanceID: b}\n"
		tools = "tools:\n- {name: a, instanceID: c}\n"
		old   = "tools:\n- {name: a, plugin: c}\n"
		core  = "state: {backend: local}\ntoolFile: tools.yaml\n"
		apps  = "apps:\n- {name: a}\n"
		vars  = "vars: {a: b}\n"
	)
	for _, c := range []struct{ name, files, want string }{
		{"alone", "-- config.yaml --\n" + later, ""},
		{"with tools beside it", "-- config.yaml --\n" + later + "-- tools.yml --\n" + tools, "tools.yml"},
		{"with tools below it", "-- config.yaml --\n" + later + "-- more/a.yaml --\n" + tools + "-- more/b.YAML --\n" + apps, "more/a.yaml more/b.YAML"},
		{"without tools, which others have", "-- config.yaml --\nconfig: {state: {backend: local}}\n-- b.yaml --\n" + tools, "b.yaml"},
		{"with variables beside it", "-- config.yaml --\n" + later + "-- vars.yaml --\n" + vars, ""},
		{"with YAML of others", "-- config.yaml --\n" + later + "-- values.yaml --\nreplicas: 2\ntools: [a]\n", ""},
		{"with an empty list", "-- config.yaml --\n" + later + "-- b.yaml --\ntools: []\n", ""},
		{"with what is broken", "-- config.yaml --\n" + later + "-- b.yaml --\ntools: [\n", ""},
		{"with what is hidden", "-- config.yaml --\n" + later + "-- .git/b.yaml --\n" + tools, ""},
		{"with a module of JavaScript", "-- config.yaml --\n" + later + "-- node_modules/b.yaml --\n" + tools, ""},
		{"in braces, with tools below it", "-- config.yaml --\n{\"config\": {}}\n-- more/b.yaml --\n" + tools, "more/b.yaml"},
		{"with tools of a form before", "-- config.yaml --\n" + later + "-- b.yaml --\n" + old, ""},
		{"a list beside a list", "-- config.yaml --\n" + tools + "-- b.yaml --\n" + tools, ""},
		{"a list beside what is of 0.10 and later", "-- config.yaml --\n" + tools + "-- b.yaml --\n" + later, "b.yaml"},
		{"a list beside apps", "-- config.yaml --\n" + tools + "-- b.yaml --\n" + apps, "b.yaml"},
		{"a list of 0.4", "-- config.yaml --\n" + old + "-- b.yaml --\n" + later, ""},
		{"a core of 0.7", "-- config.yaml --\n" + core + "-- tools.yaml --\n" + tools + "-- b.yaml --\n" + later, ""},
		{"broken itself", "-- config.yaml --\ntools: [\n-- b.yaml --\n" + later, ""},
		{"not there", "-- b.yaml --\n" + later, ""},
	} {
		dir := t.TempDir()
		for _, f := range txtar.Parse([]byte(c.files)).Files {
			path := filepath.Join(dir, f.Name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, f.Data, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		others, err := Others(t.Context(), filepath.Join(dir, "config.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, name := range strings.Fields(c.want) {
			want = append(want, filepath.Join(dir, name))
		}
		if !slices.Equal(others, want) {
			t.Errorf("%s: the others are %q, not %q", c.name, others, want)
		}
	}
}

func TestLookingForOthersEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	path := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(path, []byte("config: {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Others(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}
