package compat

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/schema"
)

// readGolden reads a file of a transcript under the name that it had there, beside the files that were written before it.
// What the reference recorded after it is what the tools are compared with.
func (run *corpusRun) readGolden(t *testing.T, path string, data []byte) (*schema.Source, string, error) {
	t.Helper()
	folder, base := filepath.Split(path)
	scratch := t.TempDir()
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if filepath.Base(file) <= base {
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(scratch, nameThere(file)), string(before))
		}
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(scratch)
	src, err := Read(t.Context(), nameThere(base))
	t.Chdir(root)
	if err == nil {
		run.compareRecorded(t, path, src)
	}
	return src, formOf(t, path, data), err
}

// nameThere is the name without the number in front of it.
func nameThere(path string) string {
	_, name, _ := strings.Cut(filepath.Base(path), "-")
	return name
}

// compareRecorded compares the tools with the last state that the transcript shows before the next configuration.
func (run *corpusRun) compareRecorded(t *testing.T, path string, src *schema.Source) {
	t.Helper()
	folder, base := filepath.Split(path)
	data, err := os.ReadFile(filepath.Join(folder, "transcript.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(data), "## write "+nameThere(base)+" (see "+base+")\n")
	text, _, _ = strings.Cut(text, "## write ")
	shown := ""
	for _, part := range strings.Split(text, "\nstate file:\n")[1:] {
		if part, _, _ = strings.Cut(part, "\n## "); strings.TrimSpace(part) != "<empty>" {
			shown = part
		}
	}
	if !ok || shown == "" {
		return
	}
	var state map[string]struct {
		Name, InstanceID string
		DependsOn        []string `yaml:"dependson"`
		Options          any
		Resource         struct{ Outputs map[string]any }
	}
	if err := yaml.Unmarshal([]byte(shown), &state); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	compared := false
	for _, tool := range plainTools(t, src) {
		want, ok := state[tool.Name+"_"+tool.InstanceID]
		if !ok {
			continue
		}
		filled := false
		options := filledIn(tool.Options, func(r schema.Reference) (string, bool) {
			of := state[r.Tool.Plugin()+"_"+r.Tool.Instance()]
			text, ok := of.Resource.Outputs[r.Key[0]].(string)
			filled = true
			return text, ok
		})
		// What a stale reference was filled with, only the reference knows.
		if filled && strings.Contains(path, "stale") {
			continue
		}
		compared = true
		var recorded any
		if data, err := json.Marshal(want.Options); err != nil || json.Unmarshal(data, &recorded) != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if diff := cmp.Diff(recorded, options); diff != "" || !slices.Equal(want.DependsOn, tool.DependsOn) {
			t.Errorf("%s: %s.%s after %v, recorded after %v (-recorded +ours)\n%s", path, tool.Name, tool.InstanceID, tool.DependsOn, want.DependsOn, diff)
		}
	}
	if compared {
		run.counts["equal to what the reference recorded"]++
	}
}

// filledIn puts values where references stand.
func filledIn(v any, value func(schema.Reference) (string, bool)) any {
	switch v := v.(type) {
	case string:
		parts, err := schema.SplitReferences(v)
		if err != nil {
			return v
		}
		var b strings.Builder
		for _, p := range parts {
			if p.Ref == nil {
				b.WriteString(p.Text)
			} else if text, ok := value(*p.Ref); ok {
				b.WriteString(text)
			} else {
				b.WriteString(p.Ref.String())
			}
		}
		return b.String()
	case []any:
		for i := range v {
			v[i] = filledIn(v[i], value)
		}
	case map[string]any:
		for name := range v {
			v[name] = filledIn(v[name], value)
		}
	}
	return v
}
