package compat

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// What the archives show to come out is what the plugins here take, too.
func TestWhatPluginsOfDevStreamBecomeFitsTheSchemasHere(t *testing.T) {
	loader := builtIn(t)
	for _, name := range []string{"later_names", "later_apps", "later_pipelines", "later_templates", "later_notes", "former_repositories"} {
		t.Run(name, func(t *testing.T) {
			archive, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			for _, f := range archive.Files {
				write(t, f.Name, string(f.Data))
			}
			src, err := Read(t.Context(), "config.yaml")
			if err != nil {
				t.Fatal(err)
			}
			config, err := loader.Check(t.Context(), src)
			if err != nil {
				t.Fatal(err)
			}
			if len(config.Notes) != len(src.Notes) {
				t.Errorf("%d of %d notes are left", len(config.Notes), len(src.Notes))
			}
		})
	}
}

func TestNotesAreToldOncePerPlaceAndNotWithoutEnd(t *testing.T) {
	var text strings.Builder
	text.WriteString("config: {}\npipelineTemplates:\n- {name: t, type: github-actions, options: {language: {name: go}, test: {containerName: x}}}\napps:\n")
	for i := range 3 {
		fmt.Fprintf(&text, "- {name: a%d, spec: {language: go, framework: \"\"}, repo: {owner: a}, ci: [{type: template, templateName: t}]}\n", i)
	}
	src, err := read(text.String())
	if err != nil || len(src.Notes) != 1 {
		t.Fatalf("got %v (%v)", src.Notes, err)
	}
	text.WriteString("tools:\n")
	for i := range 1500 {
		fmt.Fprintf(&text, "- {name: helm-installer, instanceID: vault%d, options: {chart: {create_namespace: true}}}\n", i)
	}
	if src, err = read(text.String()); err != nil || len(src.Notes) != 1000 {
		t.Fatalf("got %d notes (%v)", len(src.Notes), err)
	}
}
