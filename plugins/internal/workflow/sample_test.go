package workflow_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/schema"
)

func loadYAML(t *testing.T, plugin, file string) (*schema.Config, error) {
	t.Helper()
	src, err := compat.Read(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	return loaderOf(plugin).Check(t.Context(), src)
}

func optionsOf(t *testing.T, config *schema.Config, err error) map[string]any {
	t.Helper()
	must(t, err)
	var o map[string]any
	must(t, json.Unmarshal(config.Tools[0].Options, &o))
	return o
}

// A sample of DevStream 0.7 is valid as it is, and ours is the same but for versions that are alive.
func TestSamplesOfDevStreamAreTaken(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(makers)) {
		config, err := loadYAML(t, name, filepath.Join("testdata", "devstream", name+".yaml"))
		was := optionsOf(t, config, err)
		var b bytes.Buffer
		must(t, loaderOf(name).SampleYAML(&b, []string{name}))
		file := filepath.Join(t.TempDir(), "a.yaml")
		must(t, os.WriteFile(file, b.Bytes(), 0o600))
		config, err = loadYAML(t, name, file)
		ours := optionsOf(t, config, err)
		if strings.HasPrefix(name, "githubactions-") {
			now := ours["language"].(map[string]any)["version"]
			if was["language"].(map[string]any)["version"] == now {
				t.Errorf("%s: %s is no version of today", name, now)
			}
			was["language"].(map[string]any)["version"] = now
		}
		if diff := cmp.Diff(was, ours); diff != "" {
			t.Errorf("%s: -DevStream +dtm\n%s", name, diff)
		}
	}
}

func TestMistakesAreToldInTermsOfTheFile(t *testing.T) {
	for _, c := range []struct{ plugin, options, want string }{
		{golang, "repo: hello", "options.org"},
		{golang, "owner: a\n    repo: hello\n    language: {version: 1.20}", "options.language.version: invalid value 1.20; expected"},
		{golang, "owner: a\n    repo: hello\n    docker: {enable: true}", "options.docker.registry.username"},
		{golang, "owner: a\n    repo: hello\n    docker: {enable: true, registry: {type: harbor, username: b}}", "options.docker.registry.url"},
		{golang, "owner: a\n    repo: hello\n    dokcer: {enable: true}", "did you mean `docker`?"},
		{"gitlabci-generic", "pathWithNamespace: a/b", "options.templateURL"},
		{"gitlabci-golang", "pathWithNamespace: a", "options.pathWithNamespace: invalid value \"a\"; expected the path of a project as in"},
	} {
		file := filepath.Join(t.TempDir(), "a.yaml")
		must(t, os.WriteFile(file, []byte("tools:\n- name: "+c.plugin+"\n  instanceID: default\n  options:\n    "+c.options+"\n"), 0o600))
		_, err := loadYAML(t, c.plugin, file)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.options, err, c.want)
		}
		t.Log(err)
	}
}

// Every README has the same tools in CUE and in YAML, and names every field with its default.
func TestReadmesAreTrue(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(makers)) {
		l := loaderOf(name)
		file, err := filepath.Abs(filepath.Join("..", "..", name, "README.md"))
		must(t, err)
		text, err := os.ReadFile(file)
		must(t, err)
		var tools [2][]string
		for i, language := range []string{"cue", "yaml"} {
			_, block, _ := strings.Cut(string(text), "```"+language+"\n")
			block, _, closed := strings.Cut(block, "```")
			if !closed {
				t.Errorf("%s has no example in %s", name, language)
				continue
			}
			example := filepath.Join(t.TempDir(), "a."+language)
			must(t, os.WriteFile(example, []byte(block), 0o600))
			var config *schema.Config
			if language == "yaml" {
				config, err = loadYAML(t, name, example)
			} else {
				config, err = l.Load(t.Context(), example, nil)
			}
			must(t, err)
			for _, tool := range config.Tools {
				tools[i] = append(tools[i], string(tool.ID)+" "+string(tool.Options))
			}
			slices.Sort(tools[i])
		}
		if diff := cmp.Diff(tools[0], tools[1]); diff != "" {
			t.Errorf("%s: -cue +yaml\n%s", name, diff)
		}
		var walk func(fields []schema.FieldDefinition)
		walk = func(fields []schema.FieldDefinition) {
			for _, f := range fields {
				if f.Name == "*" || f.Name == "[]" {
					continue
				}
				if f.Doc == "" {
					t.Errorf("%s: %s has no comment", name, f.Name)
				}
				if !strings.Contains(string(text), "`"+f.Name+"`") {
					t.Errorf("%s: README.md does not name %s", name, f.Name)
				}
				walk(f.Fields)
			}
		}
		walk(l.Definition(name).Options)
		walk(l.Definition(name).Outputs)
	}
}
