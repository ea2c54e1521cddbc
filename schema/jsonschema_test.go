package schema_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/plugins/all"
	"github.com/devstream-io/dtm/plugins/plugintest"
	"github.com/devstream-io/dtm/schema"
)

// allPlugins is a loader with every plugin that is built in.
func allPlugins(t testing.TB) *schema.Loader {
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
func compiled(t testing.TB, write func(io.Writer) error) *jsonschema.Schema {
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
	docs, err := decoded(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return docs
}

func decoded(text string) ([]any, error) {
	var docs []any
	for dec := yaml.NewDecoder(strings.NewReader(text)); ; {
		var doc any
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return docs, nil
		} else if err != nil {
			return nil, err
		}
		data, err := json.Marshal(doc)
		if err != nil {
			return nil, err
		}
		plain, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			return nil, err
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

func TestJSONSchemaTellsMistakesFromWhatMayBeWritten(t *testing.T) {
	s := compiled(t, allPlugins(t).JSONSchema)
	const (
		tool   = "tools:\n- name: localfile\n  instanceID: a\n  options:\n    filename: a.txt\n"
		before = "tools:\n- name: a\n  plugin: localfile\n  options:\n    filename: a.txt\n"
		later  = "config:\n  state:\n    backend: local\n"
		app    = later + "apps:\n- name: a\n  spec:\n    language: go\n    framework: gin\n  repo:\n    url: github.com/o/n\n"
	)
	for _, c := range []struct {
		name, text string
		ok         bool
	}{
		{"a tool", tool, true},
		{"a reference", tool + "    content: \"${{ localfile.b.outputs.path }}\"\n", true},
		{"a reference where no text stands", tool + "    createDirs: ${{ localfile.b.outputs.path }}\n", true},
		{"a variable without quotes", tool + "    createDirs: [[ dirs ]]\n", true},
		{"a variable of the environment", tool + "    content: [[ env \"X\" ]]\n", true},
		{"a variable in quotes", tool + "    mode: \"[[ mode ]]\"\n", true},
		{"a variable as a plugin", "tools:\n- name: [[ plugin ]]\n  instanceID: [[ a ]]\n  options:\n    x: 1\n", true},
		{"a variable in a key", tool + "    \"[[ key ]]\": x\n", true},
		{"two lists that are no variable", tool + "    createDirs: [[ a ], [ b ]]\n", false},
		{"permissions", tool + "    mode: \"0600\"\n", true},
		{"what are no permissions", tool + "    mode: rwx\n", false},
		{"a lifecycle", tool + "  lifecycle:\n    retries: 2\n    timeout: 90s\n", true},
		{"a lifecycle that is wrong", tool + "  lifecycle:\n    retries: -1\n", false},
		{"no time", tool + "  lifecycle:\n    timeout: soon\n", false},
		{"a dependency", tool + "  dependsOn: [ localfile.b, \"[[ x ]]\", [[ y ]], null ]\n", true},
		{"no dependency", tool + "  dependsOn: [ localfile ]\n", false},
		{"an instance that is a number", "tools:\n- name: argocd\n  instanceID: 1\n", true},
		{"an instance in capitals", "tools:\n- name: argocd\n  instanceID: A\n", false},
		{"the core", "varFile: v.yaml\ntoolFile: t.yaml\nstate:\n  backend: s3\n  options:\n    bucket: b\n    region: r\n    key: k\n", true},
		{"empty files", "varFile:\ntoolFile: \"\"\n" + tool, true},
		{"a backend in capitals", "state:\n  backend: LOCAL\n", true},
		{"a backend in a cluster", "state:\n  backend: k8s\n  options:\n    namespace: n\n    configmap: c\n    stateFile: f\n", true},
		{"no backend", "state:\n  options:\n    stateFile: f\n", true},
		{"what other backends have, empty", "state:\n  backend: local\n  options:\n    bucket: \"\"\n    region:\n", true},
		{"S3 without a key", "state:\n  backend: s3\n  options:\n    bucket: b\n    region: r\n", false},
		{"S3 without options", "state:\n  backend: s3\n", false},
		{"an option of a state that there is not", "state:\n  options:\n    stateFil: f\n", false},
		{"how many runs are kept", "state:\n  retention: 5\n  encryption: {passphraseEnv: X}\n", true},
		{"nothing of what is kept", "state:\n  retention:\n  encryption:\n", true},
		{"runs below zero", "state:\n  retention: -5\n", false},
		{"a passphrase in clear", "state:\n  encryption: {passphrase: X}\n", false},
		{"where plugins come from", "plugins:\n  greeting:\n    source: ./greeting\n" + tool, true},
		{"where plugins come from, alone", "plugins:\n  greeting:\n    source: ./greeting\n    sourc: x\n", false},
		{"the folder of plugins of 0.9", "pluginDir: x\n" + tool, true},
		{"variables of any name", "owner: ada\nplugins: [a]\nnested:\n  x: 1\n", true},
		{"variables that are called as keys of 0.10", "config: x\nvars: 1\napps: none\nowner: ada\n", true},
		{"no tools at all", "tools:\n", true},
		{"nothing but a comment", "# nothing\n---\n" + tool, true},
		{"an option that there is not", tool + "    conten: x\n", false},
		{"an option of another kind", tool + "    createDirs: maybe\n", false},
		{"a required option that is missing", "tools:\n- name: localfile\n  instanceID: a\n  options: {}\n", false},
		{"a map with a required option that is missing", "tools:\n- name: argocdapp\n  instanceID: a\n  options:\n    source:\n      repoURL: x\n      path: y\n", false},
		{"no options where one is required", "tools:\n- name: localfile\n  instanceID: a\n", false},
		{"no options where none is required", "tools:\n- name: argocd\n  instanceID: a\n  options:\n", true},
		{"a plugin that there is not", "tools:\n- name: localfil\n  instanceID: a\n", false},
		{"no instance", "tools:\n- name: argocd\n", false},
		{"a key of a tool that there is not", tool + "  dependOn: []\n", false},
		{"a key at the top that there is not", tool + "stat: {}\n", false},
		{"a backend that there is not", "state:\n  backend: ftp\n", false},
		{"an option of another backend", "state:\n  backend: local\n  options:\n    bucket: b\n", false},
		{"a plugin without a source", "plugins:\n  greeting: {}\n" + tool, false},

		{"a tool of 0.3", before, true},
		{"a tool of 0.2", strings.Replace(before, "plugin: localfile", "plugin: {kind: localfile, version: 0.2.0}", 1), true},
		{"an option of 0.3 that there is not", before + "    conten: x\n", false},
		{"an option of 0.2 that there is not", strings.Replace(before, "plugin: localfile", "plugin: {kind: localfile}", 1) + "    conten: x\n", false},
		{"a plugin of 0.2 without its kind", strings.Replace(before, "plugin: localfile", "plugin: {version: 0.2.0}", 1), false},
		{"a plugin of 0.3 that there is not", strings.Replace(before, "plugin: localfile", "plugin: localfil", 1), false},
		{"a tool of 0.3 without a name", strings.Replace(before, "- name: a\n  plugin", "- plugin", 1), false},
		{"both forms in one tool", before + "  instanceID: b\n", false},

		{"a file of 0.10", later + "vars:\n  a: b\n" + tool, true},
		{"the core of 0.10 alone", later, true},
		{"a key of the core that 0.10 has not", later + "varFile: v.yaml\n", false},
		{"a file of 0.10 with a key that there is not", later + "app: []\n" + tool, false},
		{"a wrong option in a file of 0.10", later + tool + "    conten: x\n", false},
		{"an app", app, true},
		{"an app with pipelines", app + "  ci:\n  - type: github-actions\n  - type: template\n    templateName: t\n    vars: {x: 1}\n  cd:\n  - type: argocdapp\npipelineTemplates:\n- name: t\n  type: gitlab-ci\n", true},
		{"an app without a repository", strings.Replace(app, "  repo:\n    url: github.com/o/n\n", "", 1), false},
		{"an app without a framework", strings.Replace(app, "    framework: gin\n", "", 1), false},
		{"a key of an app that there is not", app + "  cI: []\n", false},
		{"a pipeline that there is not", app + "  ci:\n  - type: githubactions\n", false},
		{"a template without its name", app + "  ci:\n  - type: template\n", false},
		{"a pipeline template that is none", later + "pipelineTemplates:\n- name: t\n  type: template\n", false},

		{"a chart of 0.8", "tools:\n- name: helm-installer\n  instanceID: argocd-001\n  options:\n    valuesYaml: \"a: b\"\n", true},
		{"a chart of 0.8 that needs nothing", "tools:\n- name: helm-installer\n  instanceID: argocd-001\n", true},
		{"a chart of 0.8 of a plugin of its own", "tools:\n- name: argocd\n  instanceID: a\n  options:\n    chart:\n      chartName: a/b\n      releaseName: c\n", true},
		{"both spellings of a chart", "tools:\n- name: argocd\n  instanceID: a\n  options:\n    chart:\n      chart_name: a/b\n      release: c\n", false},
		{"a repository of 0.12", "tools:\n- name: repo-scaffolding\n  instanceID: a\n  options:\n    destinationRepo: {owner: [[ o ]], name: n}\n    sourceRepo: {org: devstream-io}\n", true},
		{"a repository of 0.12 that is a text", "tools:\n- name: repo-scaffolding\n  instanceID: a\n  options:\n    destinationRepo: x\n", false},
		{"a board of 0.12", "tools:\n- name: trello\n  instanceID: a\n  options:\n    board: {name: x}\n    scm: {owner: o, name: n}\n", true},
		{"a board of 0.7", "tools:\n- name: trello\n  instanceID: a\n  options:\n    owner: o\n    repo: r\n    kanbanBoardName: x\n", true},
		{"a board of 0.7 with a mistake", "tools:\n- name: trello\n  instanceID: a\n  options:\n    owner: o\n    repo: r\n    kanban: x\n", false},
		{"an application of 0.12", "tools:\n- name: argocdapp\n  instanceID: a\n  options:\n    source: {token: [[ env T ]], repoBranch: main}\n", true},
		{"a workflow of 0.3", "tools:\n- name: githubactions-golang\n  instanceID: a\n  options:\n    docker: {enable: true, repo: golang-demo}\n", true},
		{"a GitLab of 0.12", "tools:\n- name: gitlab-ce-docker\n  instanceID: a\n  options:\n    gitlabHome: /srv\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var mistakes []error
			for _, doc := range parts(t, c.text) {
				if err := s.Validate(doc); err != nil {
					mistakes = append(mistakes, err)
				}
			}
			if (mistakes == nil) != c.ok {
				t.Errorf("got %v for\n%s", mistakes, c.text)
			}
		})
	}
}

func TestJSONSchemasAreOfDraft202012(t *testing.T) {
	l := allPlugins(t)
	meta, err := jsonschema.NewCompiler().Compile("https://json-schema.org/draft/2020-12/schema")
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range allSchemas(l) {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(&b)
		if err != nil {
			t.Fatal(err)
		}
		if err := meta.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		root := doc.(map[string]any)
		if root["$schema"] != "https://json-schema.org/draft/2020-12/schema" || root["$id"] != name {
			t.Errorf("$schema %v, $id %v, want %s", root["$schema"], root["$id"], name)
		}
	}
}

// allSchemas are all documents that there are, by what they are called.
func allSchemas(l *schema.Loader) map[string]func(io.Writer) error {
	all := map[string]func(io.Writer) error{"https://devstream.io/dtm/schema/toolchain.schema.json": l.JSONSchema}
	for _, name := range l.Plugins() {
		all["https://devstream.io/dtm/plugins/"+name+"/options.schema.json"] = func(w io.Writer) error { return l.PluginJSONSchema(w, name) }
	}
	return all
}

func TestJSONSchemasAreTheSameEachTimeAndNotLarge(t *testing.T) {
	for name, write := range allSchemas(allPlugins(t)) {
		var first, second bytes.Buffer
		if err := write(&first); err != nil {
			t.Fatal(err)
		}
		if err := write(&second); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s differs", name)
		}
		if first.Len() > 1<<20 {
			t.Errorf("%s has %d bytes", name, first.Len())
		}
	}
}

func TestJSONSchemaHasTheCommentAndTheDefaultOfEveryOption(t *testing.T) {
	l := allPlugins(t)
	count := 0
	for _, name := range l.Plugins() {
		var b bytes.Buffer
		if err := l.PluginJSONSchema(&b, name); err != nil {
			t.Fatal(err)
		}
		var root map[string]any
		if err := json.Unmarshal(b.Bytes(), &root); err != nil {
			t.Fatal(err)
		}
		if root["description"] != l.Definition(name).Doc {
			t.Errorf("%s: %v", name, root["description"])
		}
		count += compareFields(t, name, l.Definition(name).Options, root)
	}
	t.Logf("%d options", count)
	if count < 400 {
		t.Errorf("only %d options", count)
	}
}

// compareFields compares fields with the schema of what they stand in, and counts them.
func compareFields(t *testing.T, path string, fields []schema.FieldDefinition, in map[string]any) int {
	t.Helper()
	properties, _ := in["properties"].(map[string]any)
	count := 0
	for _, f := range fields {
		at := path + "." + f.Name
		s, _ := properties[f.Name].(map[string]any)
		switch f.Name {
		case "[]":
			s, _ = in["items"].(map[string]any)
		case "*":
			s, _ = in["additionalProperties"].(map[string]any)
		default:
			count++
			if s == nil {
				t.Errorf("%s is not in the schema", at)
				continue
			}
			if got, _ := s["description"].(string); got != f.Doc || f.Doc == "" {
				t.Errorf("%s: %q is described as %q", at, f.Doc, got)
			}
			if got := s["default"]; f.Default != nil && len(f.Fields) == 0 && string(f.Default) != "{}" {
				var want any
				if err := json.Unmarshal(f.Default, &want); err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s: the default is %v, want %v", at, got, want)
				}
			}
		}
		if s != nil {
			count += compareFields(t, at, f.Fields, s)
		}
	}
	return count
}

func TestJSONSchemaOfAnUnknownPluginIsAnError(t *testing.T) {
	if err := allPlugins(t).PluginJSONSchema(io.Discard, "locafile"); err == nil {
		t.Error("an unknown plugin is no error")
	}
}

// One that is installed may be called as one of DevStream's that has another name here.
func TestJSONSchemaTakesAnotherPluginForWhatItIs(t *testing.T) {
	const cue = "// It does.\npackage jira\n\n#Options: {\n\t// The x.\n\tx!: int\n}\n#Outputs: {}\n#Sample: {x: 1}\n"
	l, err := schema.NewLoader([]schema.PluginSchema{{Name: "jira", CUE: cue}, {Name: "tool", CUE: strings.Replace(cue, "package jira", "package tool", 1)}})
	if err != nil {
		t.Fatal(err)
	}
	s := compiled(t, l.JSONSchema)
	for text, ok := range map[string]bool{
		"tools: [{name: jira, instanceID: a, options: {x: 1}}]":             true,
		"tools: [{name: tool, instanceID: a, options: {x: 1}}]":             true,
		"tools: [{name: jira, instanceID: a, options: {jira: {}}}]":         false,
		"tools: [{name: tool, instanceID: a}]":                              false,
		"tools: [{name: localfile, instanceID: a, options: {filename: x}}]": false,
	} {
		if err := s.Validate(parts(t, text)[0]); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
