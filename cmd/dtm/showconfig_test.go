package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/devstream-io/dtm/schema"
)

func TestTheTemplatesWantTheSameInBothLanguages(t *testing.T) {
	for _, name := range templates() {
		dir := t.TempDir()
		config := func(language string) *schema.Config {
			text, err := samples.ReadFile("sample/" + name + "." + language)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "config."+language)
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
			p, err := newApp().wire(t.Context(), dir, 1)
			if err != nil {
				t.Fatal(err)
			}
			config, err := p.load(t.Context(), file, &configFlags{})
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			return config
		}
		yaml, cue := config("yaml"), config("cue")
		if name == "apps" {
			// An app becomes tools with dependencies and texts of its own; the same tools are there.
			have := map[schema.ID]bool{}
			for i := range yaml.Tools {
				have[yaml.Tools[i].ID] = true
			}
			for i := range cue.Tools {
				if !have[cue.Tools[i].ID] {
					t.Errorf("%s: only the CUE has %s", name, cue.Tools[i].ID)
				}
			}
			if len(have) != len(cue.Tools) {
				t.Errorf("%s: %d tools in YAML, %d in CUE", name, len(have), len(cue.Tools))
			}
			continue
		}
		unlike, err := schema.Unlike(yaml, cue)
		if err != nil || len(unlike) > 0 {
			t.Errorf("%s: %v are not the same in CUE and in YAML: %v", name, unlike, err)
		}
	}
}
