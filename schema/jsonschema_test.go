package schema_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/plugins/all"
	"github.com/devstream-io/dtm/plugins/plugintest"
	"github.com/devstream-io/dtm/schema"
)

// allPlugins is a loader with every plugin that is built in.
func allPlugins(t *testing.T) *schema.Loader {
	t.Helper()
	set, err := all.Set(plugintest.Env(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	var list []schema.PluginSchema
	for name, kind := range set {
		list = append(list, schema.PluginSchema{Name: name, CUE: kind.Schema, Shared: kind.Shared})
	}
	l, err := schema.NewLoader(list)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// compiled is a schema as an independent validator reads it, which checks that it is of draft 2020-12 too.
func compiled(t *testing.T, write func(io.Writer) error) *jsonschema.Schema {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("dtm.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("dtm.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// parts are the documents of a YAML file, as an editor reads them.
func parts(t *testing.T, text string) []any {
	t.Helper()
	var docs []any
	for dec := yaml.NewDecoder(strings.NewReader(text)); ; {
		var doc any
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return docs
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, plain)
	}
}

func TestJSONSchemaTakesTheSampleOfEveryPlugin(t *testing.T) {
	l := allPlugins(t)
	s := compiled(t, l.JSONSchema)
	for _, name := range l.Plugins() {
		var b strings.Builder
		if err := l.SampleYAML(&b, []string{name}); err != nil {
			t.Fatal(err)
		}
		options := compiled(t, func(w io.Writer) error { return l.PluginJSONSchema(w, name) })
		for _, doc := range parts(t, b.String()) {
			if err := s.Validate(doc); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			section, _ := doc.(map[string]any)
			tools, _ := section["tools"].([]any)
			for _, tool := range tools {
				if err := options.Validate(tool.(map[string]any)["options"]); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}

func TestJSONSchemaTakesTheSamplesOfDevStream(t *testing.T) {
	l := allPlugins(t)
	s := compiled(t, l.JSONSchema)
	files, err := filepath.Glob("../plugins/all/testdata/devstream/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	example, err := filepath.Glob("../examples/devstream-0.7/*.yaml")
	if err != nil || len(example) == 0 {
		t.Fatal(example, err)
	}
	// Names in capitals, which Kubernetes does not take.
	fill := strings.NewReplacer("YOUR_CHART_NAMESPACE", "generic", "RELEASE_NAME", "generic", "[[ repoName ]].txt", `"[[ repoName ]].txt"`)
	for _, file := range append(files, example...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range parts(t, fill.Replace(string(text))) {
			if err := s.Validate(doc); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

func TestJSONSchemaTellsMistakesFromWhatMayBeWritten(t *testing.T) {
	s := compiled(t, allPlugins(t).JSONSchema)
	const tool = "tools:\n- name: localfile\n  instanceID: a\n  options:\n    filename: a.txt\n"
	for _, c := range []struct {
		name, text string
		ok         bool
	}{
		{"a tool", tool, true},
		{"a reference", tool + "    content: \"${{ localfile.b.outputs.path }}\"\n", true},
		{"a variable without quotes", tool + "    createDirs: [[ dirs ]]\n", true},
		{"a variable in quotes", tool + "    mode: \"[[ mode ]]\"\n", true},
		{"permissions", tool + "    mode: \"0600\"\n", true},
		{"what are no permissions", tool + "    mode: rwx\n", false},
		{"a lifecycle", tool + "  lifecycle:\n    retries: 2\n    timeout: 90s\n", true},
		{"the core", "varFile: v.yaml\ntoolFile: t.yaml\nstate:\n  backend: s3\n  options:\n    bucket: b\n    region: r\n    key: k\n", true},
		{"where plugins come from", "plugins:\n  greeting:\n    source: ./greeting\n" + tool, true},
		{"variables of any name", "owner: ada\nplugins: [a]\nnested:\n  x: 1\n", true},
		{"no tools at all", "tools:\n", true},
		{"an option that there is not", tool + "    conten: x\n", false},
		{"an option of another kind", tool + "    createDirs: maybe\n", false},
		{"a required option that is missing", "tools:\n- name: localfile\n  instanceID: a\n  options: {}\n", false},
		{"no options where one is required", "tools:\n- name: localfile\n  instanceID: a\n", false},
		{"a plugin that there is not", "tools:\n- name: localfil\n  instanceID: a\n", false},
		{"no instance", "tools:\n- name: argocd\n", false},
		{"a key of a tool that there is not", tool + "  dependOn: []\n", false},
		{"a key at the top that there is not", tool + "stat: {}\n", false},
		{"a backend that there is not", "state:\n  backend: ftp\n", false},
		{"an option of another backend", "state:\n  backend: local\n  options:\n    bucket: b\n", false},
		{"a plugin without a source", "plugins:\n  greeting: {}\n" + tool, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, doc := range parts(t, c.text) {
				if err := s.Validate(doc); (err == nil) != c.ok {
					t.Errorf("got %v for\n%s", err, c.text)
				}
			}
		})
	}
}

func TestJSONSchemaDescribesOptionsByTheirCommentsAndDefaults(t *testing.T) {
	l := allPlugins(t)
	var b bytes.Buffer
	if err := l.PluginJSONSchema(&b, "localfile"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The permissions of the file as octal digits", `"default": "0644"`, `"https://json-schema.org/draft/2020-12/schema"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
	if err := l.PluginJSONSchema(io.Discard, "locafile"); err == nil {
		t.Error("an unknown plugin is no error")
	}
}
