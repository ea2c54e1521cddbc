package compat

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/devstream-io/dtm/schema"
)

const counterCUE = `package counter

#Options: {name!: =~"^[a-z]+$", count: *1 | int & >0, list: [...int], labels: [string]: string, token?: string @secret()}
#Outputs: {total: int, place: {city: string}}
#Sample: #Options & {name: "a"}
`

// checkFiles reads and checks a configuration whose files are an archive: the folder "f", or config.yaml.
func checkFiles(t *testing.T, path, archive string) (*schema.Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, f := range txtar.Parse([]byte(archive)).Files {
		write(t, filepath.FromSlash(f.Name), string(f.Data))
	}
	loader, err := schema.NewLoader([]schema.PluginSchema{{Name: "localfile", CUE: fileCUE}, {Name: "counter", CUE: counterCUE}})
	if err != nil {
		t.Fatal(err)
	}
	src, err := Read(t.Context(), path)
	if src == nil {
		return nil, err
	}
	config, more := loader.Check(t.Context(), src)
	return config, schema.Join(err, more)
}

// What comes from a variable is placed where it is used, and the variable's own place is told too.
func TestMistakesInWhatWasFilledInTellBothPlaces(t *testing.T) {
	tests := []struct{ name, path, files, want string }{
		{
			"sections", "config.yaml",
			`-- config.yaml --
state: {backend: local}
---
n: many
id: Upper
dep: counter.none
ref: ${{ counter.nobody.outputs.total }}
pw: [1]
---
tools:
- name: counter
  instanceID: a
  options:
    name: x
    count: [[ n ]]
    list: [1, [[ n ]]]
- name: counter
  instanceID: "[[ id ]]"
  options: {name: x}
- name: counter
  instanceID: b
  dependsOn: ["[[ dep ]]"]
  options:
    name: "a [[ n ]]"
    token: [[ pw ]]
    labels: {a: [[ ref ]]}
`,
			"tools[2].options.token: variable `pw` is a list (config.yaml:7:5), which cannot be filled in: DevStream put it there as Go prints it (fill in its strings, numbers and booleans one by one): config.yaml:24:12",
		},
		{
			"varFile and toolFile", "config.yaml",
			`-- config.yaml --
varFile: parts/vars.yaml
toolFile: parts/tools.yaml
-- parts/vars.yaml --
n: many
id: Upper
dep: counter.none
ref: ${{ counter.nobody.outputs.total }}
secret: 5
deep: {er: -1}
-- parts/tools.yaml --
tools:
- name: counter
  instanceID: a
  options:
    name: x
    count: [[ n ]]
    list: [1, [[ n ]]]
- name: counter
  instanceID: "[[ id ]]"
  options: {name: x}
- name: counter
  instanceID: b
  dependsOn: ["[[ dep ]]"]
  options:
    name: "a [[ n ]]"
    count: [[ deep.er ]]
    token: [[ secret ]]
`,
			"tools.counter.a.options.count: invalid value; expected *1 | int & >0 (variable `n` is set at parts/vars.yaml:1:4): parts/tools.yaml:6:5\n" +
				"tools.counter.a.options.list[1]: invalid value; expected int (variable `n` is set at parts/vars.yaml:1:4): parts/tools.yaml:7:15\n" +
				"tools.counter.Upper: \"Upper\" is not an instance name: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit (RFC 1123 subdomain): DevStream did not look (variable `id` is set at parts/vars.yaml:2:5): parts/tools.yaml:9:15\n" +
				"tools.counter.b.options.name: invalid value; expected =~\"^[a-z]+$\" (variable `n` is set at parts/vars.yaml:1:4): parts/tools.yaml:15:5\n" +
				"tools.counter.b.options.count: invalid value; expected *1 | int & >0 (variable `deep.er` is set at parts/vars.yaml:6:12): parts/tools.yaml:16:5\n" +
				"tools.counter.b.options.token: invalid value (secret): expected string (variable `secret` is set at parts/vars.yaml:5:9): parts/tools.yaml:17:5",
		},
		{
			"references and dependencies", "config.yaml",
			`-- config.yaml --
dep: counter.none
ref: ${{ counter.nobody.outputs.total }}
word: x
---
tools:
- name: counter
  instanceID: b
  dependsOn: ["[[ dep ]]"]
  options:
    name: x
    labels: {a: [[ ref ]], b: "[[ word ]] ${{ counter.nobody.outputs.total }}"}
`,
			"tools.counter.b.dependsOn[0]: there is no tool \"counter.none\": DevStream ignored the dependency (variable `dep` is set at config.yaml:1:6): config.yaml:8:15\n" +
				"tools.counter.b.options.labels.a: ${{ counter.nobody.outputs.total }} refers to a tool that is not in the configuration: DevStream skipped this tool, and reported success (variable `ref` is set at config.yaml:2:6): config.yaml:11:14\n" +
				"tools.counter.b.options.labels.b: ${{ counter.nobody.outputs.total }} refers to a tool that is not in the configuration: DevStream skipped this tool, and reported success: config.yaml:11:28",
		},
		{
			"folder of 0.12 with variables in variables", "f",
			`-- f/a.yaml --
config: {}
vars:
  base: many
-- f/b.yaml --
vars:
  n: "too [[ base ]]"
-- f/c/tools.yaml --
tools:
- name: counter
  instanceID: a
  options: {name: x, count: "[[ n ]]"}
- name: counter
  instanceID: b
  options: {name: x, count: [[ gone ]]}
`,
			"tools[1].options.count: variable `gone` is not defined (known are base, n): f/c/tools.yaml:7:29",
		},
		{
			"folder of 0.12", "f",
			`-- f/a.yaml --
config: {}
vars:
  base: many
-- f/b.yaml --
vars:
  n: "too [[ base ]]"
-- f/c/tools.yaml --
tools:
- name: counter
  instanceID: a
  options: {name: x, count: "[[ n ]]"}
`,
			"tools.counter.a.options.count: invalid value; expected *1 | int & >0 (variable `n` is set at f/b.yaml:2:6): f/c/tools.yaml:4:22",
		},
		{
			"an alias of what was filled in", "config.yaml",
			`-- config.yaml --
n: many
---
tools:
- {name: counter, instanceID: a, options: {name: x, count: &c [[ n ]]}}
- {name: counter, instanceID: b, options: {name: x, count: *c}}
`,
			"tools.counter.a.options.count: invalid value; expected *1 | int & >0 (variable `n` is set at config.yaml:1:4): config.yaml:4:53\n" +
				"tools.counter.b.options.count: invalid value; expected *1 | int & >0 (variable `n` is set at config.yaml:1:4): config.yaml:5:53",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := checkFiles(t, test.path, test.files)
			if err == nil {
				t.Fatalf("no mistake found, want\n%s", test.want)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// A template's option is placed in the template, and the variable where its value was written: for each use its own.
func TestMistakesInTemplatesTellThePlacesOfBoth(t *testing.T) {
	loader := builtIn(t)
	src := readArchive(t, `-- config.yaml --
config: {state: {backend: local}}
vars: {on: maybe}
apps:
- name: one
  spec: {language: go, framework: gin}
  repo: {owner: me, scmType: github}
  ci:
  - type: template
    templateName: build
- name: two
  spec: {language: go, framework: gin}
  repo: {owner: me, scmType: github}
  ci:
  - type: template
    templateName: build
    vars: {on: never}
pipelineTemplates:
- name: build
  type: github-actions
  options:
    test: {enable: [[ on ]]}
`)
	_, err := loader.Check(t.Context(), src)
	want := []string{
		"tools.githubactions-golang.one.options.test.enable: invalid value; expected *true | bool (variable `on` is set at config.yaml:2:12): config.yaml:21:",
		"tools.githubactions-golang.two.options.test.enable: invalid value; expected *true | bool (variable `on` is set at config.yaml:16:16): config.yaml:21:",
	}
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("no %s in\n%v", w, err)
		}
	}
}

// What DevStream let pass is an error that says what it did; forms whose reader refused it, too, do not say so.
func TestMistakesSayWhatDevStreamDid(t *testing.T) {
	const two = `
- name: counter
  instanceID: b
  dependsOn: [counter.aa, "counter.x y"]
  options:
    name: b
    labels:
      none: ${{ counter.aa.outputs.total }}
      output: x ${{ counter.a.outputs.totl }}
      nested: ${{ counter.a.outputs.place.cty }}
      word: ${{ secrets.TOKEN }}
      open: ${{ counter
`
	const one = "- {name: counter, instanceID: a, options: {name: a}}"
	const skipped, text = ": DevStream skipped this tool, and reported success", ": DevStream left it as text"
	mistakes := func(line int, ignored, dangling string) string {
		at := func(n, column int) string {
			return schema.Pos{File: "config.yaml", Line: line + n, Column: column}.String()
		}
		const path = "tools.counter.b.options.labels."
		const write = "write `${{ plugin.instance.outputs.key }}` or `${{ env.NAME }}`, and `$${{` for a literal `${{`"
		return "tools.counter.b.dependsOn[0]: there is no tool \"counter.aa\"" + ignored + " (did you mean `counter.a`?): " + at(3, 15) + "\n" +
			"tools.counter.b.dependsOn[1]: there is no tool \"counter.x y\"" + ignored + ": " + at(3, 27) + "\n" +
			path + "none: ${{ counter.aa.outputs.total }} refers to a tool that is not in the configuration" + dangling + " (did you mean `counter.a`?): " + at(7, 7) + "\n" +
			path + "output: ${{ counter.a.outputs.totl }}: plugin counter has no output \"totl\", only total, place" + dangling + " (did you mean `total`?): " + at(8, 7) + "\n" +
			path + "nested: ${{ counter.a.outputs.place.cty }}: plugin counter has no output \"place.cty\", only total, place" + text + " (did you mean `place`?): " + at(9, 7) + "\n" +
			path + "word: `${{ secrets.TOKEN }}` is not a reference: it has no `.outputs.`; " + write + text + ": " + at(10, 7) + "\n" +
			path + "open: `${{` without `}}`; for a literal `${{` write `$${{`" + text + ": " + at(11, 7)
	}
	old := `
- plugin: counter
  name: a
  options: {name: a}
- plugin: counter
  name: b
  dependsOn: [aa.counter]
  options: {name: b, labels: {x: "${{ a.counter.outputs.totl }}", y: "${{ x }}"}}
`
	for name, test := range map[string]struct{ yaml, want string }{
		"0.5 to 0.9":   {"state: {backend: local}\n---\ntools:\n" + one + two, mistakes(4, ": DevStream ignored the dependency", skipped)},
		"0.10 to 0.12": {"config: {}\ntools:\n" + one + two, mistakes(3, "", skipped)},
		"0.3": {"tools:" + old, "tools.counter.b.dependsOn[0]: there is no tool \"counter.aa\" (did you mean `counter.a`?): config.yaml:7:15\n" +
			"tools.counter.b.options.labels.x: ${{ counter.a.outputs.totl }}: plugin counter has no output \"totl\", only total, place (did you mean `total`?): config.yaml:8:31\n" +
			"tools.counter.b.options.labels.y: `${{ x }}` is not a reference: it has no `.outputs.`; write `${{ plugin.instance.outputs.key }}` or `${{ env.NAME }}`, and `$${{` for a literal `${{`: DevStream left it as text: config.yaml:8:67"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := checkFiles(t, "config.yaml", "-- config.yaml --\n"+test.yaml)
			if err == nil {
				t.Fatalf("no mistake found, want\n%s", test.want)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// What DevStream got wrong without a word, and what is right here.
func TestWhatDevStreamGotWrongIsRightHere(t *testing.T) {
	config, err := checkFiles(t, "config.yaml", `-- config.yaml --
state: {backend: local}
---
v: ${{ counter.a.outputs.total }}
---
tools:
- name: counter
  instanceID: dotted.name
  dependsOn: [" counter.a ", "", ]
  options: {name: x}
- name: counter
  instanceID: a
  options: {name: a}
- name: localfile
  instanceID: all
  options:
    filename: ${{ counter.a.outputs.total }}-${{ counter.dotted.name.outputs.place.city }}
    content: |
      -----BEGIN KEY-----
      [[ v ]] --- ${{ env.HOME }}
`)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, tool := range config.Tools {
		got += string(tool.ID) + " waits for"
		for _, id := range tool.Needs() {
			got += " " + string(id)
		}
		got += ": " + string(tool.Options) + "\n"
	}
	const want = `counter.dotted.name waits for counter.a: {"count":1,"labels":{},"list":[],"name":"x"}
counter.a waits for: {"count":1,"labels":{},"list":[],"name":"a"}
localfile.all waits for counter.a counter.dotted.name: {"content":"-----BEGIN KEY-----\n${{ counter.a.outputs.total }} --- ${{ env.HOME }}\n","filename":"${{ counter.a.outputs.total }}-${{ counter.dotted.name.outputs.place.city }}"}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhatIsMisspeltIsGuessed(t *testing.T) {
	for yaml, want := range map[string]string{
		"tols: []\n":                                  "did you mean `tools`?",
		"state: {}\ntoolfile: x\n":                    "did you mean `toolFile`?",
		"config: {stat: {}}\ntools: []":               "did you mean `state`?",
		"config: {state: {backend: locl}}\ntools: []": "did you mean `local`?",
		"config: {state: {}}\nvarz: {}\ntools: []":    "did you mean `vars`?",
		"config: {}\nvars: {name: x}\ntools: [{name: counter, instanceID: a, options: {name: [[ nam ]]}}]":                                                 "did you mean `name`?",
		"name: x\n---\ntools: [{name: counter, instanceID: a, options: {name: [[ nam ]]}}]":                                                                "did you mean `name`?",
		"tools: [{name: conter, instanceID: a}]":                                                                                                           "did you mean `counter`?",
		"tools: [{name: counter, instanceId: a}]":                                                                                                          "did you mean `instanceID`?",
		"tools: [{name: counter, instanceID: a, dependson: []}]":                                                                                           "did you mean `dependsOn`?",
		"tools: [{name: counter, instanceID: a, options: {nam: x}}]":                                                                                       "did you mean `name`?",
		"tools: [{name: counter, instanceID: a, options: {name: x, labels: {x: \"${{ conter.a.outputs.total }}\"}}}]":                                      "did you mean `counter.a`?",
		"tools: [{name: counter, instanceID: abc, options: {name: x}}, {name: localfile, instanceID: a, dependsOn: [counter.ab], options: {filename: x}}]": "did you mean `counter.abc`?",
	} {
		if _, err := checkFiles(t, "config.yaml", "-- config.yaml --\n"+yaml+"\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", yaml, err, want)
		}
	}
}

// readArchive reads the config.yaml of an archive.
func readArchive(t *testing.T, archive string) *schema.Source {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, f := range txtar.Parse([]byte(archive)).Files {
		write(t, filepath.FromSlash(f.Name), string(f.Data))
	}
	src, err := Read(t.Context(), "config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return src
}
