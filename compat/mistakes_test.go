package compat

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/schema"
)

func TestMistakesHaveAPlaceAndSayWhatToDo(t *testing.T) {
	const tool = "- name: localfile\n  instanceID: a\n"
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	tests := []struct{ name, yaml, want string }{
		{"empty", "", "is empty (write `tools:` and below it a list of tools): config.yaml"},
		{"comments only", "# nothing\n---\n\n", "is empty (write `tools:` and below it a list of tools): config.yaml"},
		{"zero byte", "tools:\n- a\x00", "a zero byte: this is not a text file: config.yaml:2:4"},
		{"latin 1", "tools:\n# caf\xe9\n", "not UTF-8 text (save it as UTF-8): config.yaml:2:6"},
		{"utf-16", "\xff\xfet\x00", "is UTF-16 (save it as UTF-8): config.yaml:1:1"},
		{"control character", "tools: \x01\n", "the control character U+0001 (YAML allows it only as an escape inside double quotes): config.yaml:1:8"},
		{"a list", "- a\n- b\n", "must be a mapping of `key: value` (tools are a list below `tools:`): config.yaml:1:1"},
		{"a word", "# c\n\n  hello\n", "must be a mapping of `key: value` (tools are a list below `tools:`): config.yaml:3:3"},

		{"misspelt tools alone", "tool:\n" + tool, "tool: unknown key: DevStream saw no tools, and deleted all that it had made (did you mean `tools`?): config.yaml:1:1"},
		{"misspelt tools in a section", "state: {backend: local}\n---\ntool:\n" + tool, "tool: unknown key: DevStream saw no tools, and deleted all that it had made (did you mean `tools`?): config.yaml:3:1"},
		{"capital tools", "Tools:\n" + tool, "Tools: unknown key: DevStream saw no tools, and deleted all that it had made (did you mean `tools`?): config.yaml:1:1"},
		{"misspelt state", "stat: {backend: local}\n---\ntools: []\n", "stat: unknown key (did you mean `state`?): config.yaml:1:1"},
		{"misspelt varFile", "state:\nvarfile: a.yaml\n", "varfile: unknown key: DevStream ignored it (did you mean `varFile`?): config.yaml:2:1"},
		{"variables beside tools", "owner: me\ntools: []\n", "owner: unknown key: DevStream ignored it (variables stand in a section of their own: put a line `---` in between): config.yaml:1:1"},
		{"two forms in one", "state: {}\nconfig: {}\ntools: []\n", "config: unknown key: DevStream ignored it (this is a key of DevStream 0.10 and later, which knows no state, varFile and toolFile at the top: use one form): config.yaml:2:1"},
		{"variables alone", "owner: me\nrepo: x\n", "there is no `tools`, `state`, `varFile` or `toolFile` in this file (a file of variables is named by the varFile of another): config.yaml:1:1"},
		{"a plugin folder beside tools", "tools: []\npluginDir: x\n", "pluginDir: unknown key: DevStream ignored it (plugins are built in, remove it): config.yaml:2:1"},
		{"two tools sections", "tools: []\n---\nstate: {}\n---\n# c\ntools: []\n", "a second section of tools; the first begins at config.yaml:1:1: config.yaml:6:1"},
		{"two core sections", "state: {}\n---\nvarFile: x\n---\ntools: []\n", "a second section of core settings (state, varFile, toolFile, plugins); the first begins at config.yaml:1:1: config.yaml:3:1"},
		{"two variables sections", "a: 1\n---\ntools: []\n---\nb: 1\n", "a second section of variables; the first begins at config.yaml:1:1: config.yaml:5:1"},
		{"text behind dashes", "tools: []\n--- a\n", "a second YAML document begins here (part sections by a line that is `---` and nothing else): config.yaml:2:1"},

		{"no list", "tools: {a: 1}\n", "tools: must be a list, not a map (write `- name: …` for each tool): config.yaml:1:8"},
		{"tool is a word", "tools:\n- hello\n", "tools[0]: must be a map, not a string (write `name` for the plugin and `instanceID` for this tool of it): config.yaml:2:3"},
		{"no instanceID", "tools:\n- name: a\n", "tools[0]: `instanceID` is missing (write `name` for the plugin and `instanceID` for this tool of it): config.yaml:2:3"},
		{"no name", "tools:\n- instanceID: a\n", "tools[0]: `name` is missing (write `name` for the plugin and `instanceID` for this tool of it): config.yaml:2:3"},
		{"old form without name", "tools:\n- plugin: a\n", "tools[0]: `name` is missing (write `plugin` for the kind of tool and `name` for this one): config.yaml:2:3"},
		{"empty name", "tools:\n- name:\n  instanceID: ''\n", "tools[0].name: is empty: config.yaml:2:8\ntools[0].instanceID: is empty: config.yaml:3:15"},
		{"name is a list", "tools:\n- name: [a]\n  instanceID: b\n", "tools[0].name: must be a string, not a list: config.yaml:2:9"},
		{"mixed forms", "tools:\n- plugin: a\n  name: b\n- name: a\n  instanceID: b\n",
			"tools[1]: `plugin` is missing (write `plugin` for the kind of tool and `name` for this one): config.yaml:4:3\n" +
				"tools[1].instanceID: does not belong to the form of this list (write `plugin` for the kind of tool and `name` for this one for every tool): config.yaml:5:3"},
		{"form of 0.3.0", "tools:\n- name: a\n  plugin: {version: 1, colour: red}\n", "tools[0].plugin: `kind` is missing (write the name of the plugin alone): config.yaml:3:11\n" +
			"tools[0].plugin.colour: unknown key: DevStream ignored it (known are kind, version): config.yaml:3:24"},
		{"unknown keys of tools", "tools:\n" + tool + "  optons: {}\n  color: red\n",
			"tools[0].optons: unknown key: DevStream ignored it (did you mean `options`?): config.yaml:4:3\n" +
				"tools[0].color: unknown key: DevStream ignored it (known are name, instanceID, dependsOn, options, lifecycle): config.yaml:5:3"},
		{"instanceId", "tools:\n- name: a\n  instanceId: b\n", "tools[0].instanceId: unknown key: DevStream ignored it (did you mean `instanceID`?): config.yaml:3:3"},
		{"duplicate tools", "tools:\n" + tool + tool, "tools[1]: tool localfile.a is written twice, first at config.yaml:2:3: in DevStream one of the two won (give one of them another instanceID): config.yaml:4:3"},
		{"options are a list", "tools:\n" + tool + "  options: [1]\n", "tools[0].options: must be a map, not a list: config.yaml:4:12"},
		{"dependsOn is a word", "tools:\n" + tool + "  dependsOn: b.c\n", "tools[0].dependsOn: must be a list, not a string (write [\"name.instanceID\"]): config.yaml:4:14"},
		{"dependsOn has a map", "tools:\n" + tool + "  dependsOn: [{}]\n", "tools[0].dependsOn[0]: must be a string, not a map: config.yaml:4:15"},
		{"duplicate key", "tools:\n" + tool + "  options:\n    a: 1\n    b: {c: 1, c: 2}\n    a: 2\n",
			"tools[0].options.b.c: key `c` is written twice, first at config.yaml:6:9: config.yaml:6:15\n" +
				"tools[0].options.a: key `a` is written twice, first at config.yaml:5:5: config.yaml:7:5"},
		{"key is a list", "tools:\n" + tool + "  options: {[a]: b}\n", "tools[0].options: a key must be a single word, not a list or a map: config.yaml:4:13"},
		{"key is missing", "tools:\n" + tool + "  options: {~: b}\n", "tools[0].options: a key is missing in front of `:`: config.yaml:4:13"},

		{"unknown backend", "state: {backend: etcd}\ntools: []\n", "state.backend: \"etcd\" is not supported (use local, s3 or k8s): config.yaml:1:18"},
		{"s3 without key", "state: {backend: s3, options: {bucket: b, region: r, stateFile: f, endpint: e, pathStyle: 1}}\n",
			"state.options.key: is required for the backend s3: config.yaml:1:31\n" +
				"state.options.stateFile: has no meaning for the backend s3 (remove it): config.yaml:1:54\n" +
				"state.options.endpint: unknown key: DevStream ignored it (did you mean `endpoint`?): config.yaml:1:68\n" +
				"state.options.pathStyle: must be true or false: config.yaml:1:91"},
		{"bucket without s3", "state: {backend: local, options: {bucket: b}}\n", "state.options.bucket: has no meaning for the backend local (remove it): config.yaml:1:35"},
		{"state is a word", "state: local\n", "state: must be a map, not a string: config.yaml:1:8"},
		{"unknown keys of state", "state: {backnd: local, options: {statefile: x}}\n",
			"state.backnd: unknown key: DevStream ignored it (did you mean `backend`?): config.yaml:1:9\n" +
				"state.options.statefile: unknown key: DevStream ignored it (did you mean `stateFile`?): config.yaml:1:34"},
		{"varFile without toolFile", "varFile: v.yaml\n---\ntools: []\n",
			"varFile: only used together with toolFile: DevStream ignored it here (move the tools to a toolFile, or the variables to a section of this file): config.yaml:1:10"},
		{"missing toolFile", "toolFile: t.yaml\n", "toolFile: t.yaml: file does not exist: config.yaml:1:11"},
		{"toolFile and tools", "toolFile: t.yaml\n---\na: 1\n---\ntools: []\n",
			"toolFile: t.yaml: file does not exist: config.yaml:1:11\n" +
				"these variables are not used, because there is a toolFile (config.yaml:1:11): DevStream ignored them (move them to the varFile): config.yaml:3:1\n" +
				"tools: there is a toolFile too (config.yaml:1:11): DevStream ignored the tools written here (keep one of the two): config.yaml:5:1"},

		{"tab", "tools:\n\t- name: a\n", "a tab: YAML is indented with spaces: config.yaml:2:1"},
		{"tab behind blanks", "state:\n  options:\n  \tstateFile: a\n", "a tab: YAML is indented with spaces: config.yaml:3:3"},
		{"at sign", "tools:\n- name: @a\n", "not YAML: found character that cannot start any token (put quotes around the value): config.yaml:2:9"},
		{"two colons", "tools: []\n---\na: b: c\n", "not YAML: mapping values are not allowed in this context (check the indentation, and put quotes around a value that contains `: `): config.yaml:3:1"},
		{"indentation", "tools:\n- name: a\n  instanceID: b\n options:\n  x: 1\n", "not YAML: did not find expected key (check the indentation and the quotes): config.yaml:4:2"},
		{"open list", "tools:\n- name: a\n  instanceID: b\n  dependsOn: [a\n  options: {}\n- x: 1\n", "not YAML: did not find expected ',' or ']' (a list or a map is not closed): config.yaml:4:3"},
		{"open quote", "tools:\n- name: \"a\n  instanceID: b\n", "not YAML: found unexpected end of stream (a quote is not closed): config.yaml:2:1"},
		{"quote behind quote", "tools:\n- name: 'a'b\n  instanceID: 'b'\n", "not YAML: did not find expected key (check the indentation and the quotes): config.yaml:2:1"},
		{"star", "tools:\n- name: *a\n", "not YAML: unknown anchor 'a' referenced (put quotes around a value that begins with `*`): config.yaml:2:9"},
		{"mistakes of all sections", "a: b: c\n---\nstate: x\n---\ntools: 1\n",
			"not YAML: mapping values are not allowed in this context (check the indentation, and put quotes around a value that contains `: `): config.yaml:1:1\n" +
				"state: must be a map, not a string: config.yaml:3:8\n" +
				"tools: must be a list, not a number (write `- name: …` for each tool): config.yaml:5:8"},

		{"environment in names", "e: \"[[ env X ]]\"\n---\ntools:\n- name: a\n  instanceID: x-[[ env ID ]]\n  options: {[[ env X ]]: 1, \"[[ e ]]\": 2, '${{ a }}': 3}\n",
			"tools[0].instanceID: \"x-${{ env.ID }}\" is filled in when the tool is applied, and its name must be known before (write the name itself, or a variable that has it): config.yaml:5:15\n" +
				"tools[0].options: `[[ env X ]]` is filled in when the tool is applied, and keys must be known before (write the key itself, or a variable that has it): config.yaml:6:13\n" +
				"tools[0].options: `[[ e ]]` is filled in when the tool is applied, and keys must be known before (write the key itself, or a variable that has it): config.yaml:6:29"},

		{"deep", "tools:\n" + tool + "  options: {a: " + deep + "}\n", "tools[0].options.a" + strings.Repeat("[0]", 96) + ": lists and maps stand more than 100 deep in one another: config.yaml:4:112"},
		{"alias of itself", "tools:\n" + tool + "  options: &o {a: *o}\n", "tools[0].options.a: `*o` stands inside of what it names: config.yaml:4:19"},
		{"merge of a word", "tools:\n" + tool + "  options: {<<: a}\n", "tools[0].options.<<: `<<` takes a map or a list of maps, not a string: config.yaml:4:17"},
		{"infinity", "tools:\n" + tool + "  options: {a: .inf}\n", "tools[0].options.a: `.inf` is no number that JSON has (put quotes around it): config.yaml:4:16"},
		{"strange tag", "tools:\n" + tool + "  options: {a: !vault x, b: !!int x, c: !set {}}\n",
			"tools[0].options.a: the tag !vault means nothing here (remove it): config.yaml:4:16\n" +
				"tools[0].options.b: `x` does not fit its tag !!int: config.yaml:4:29\n" +
				"tools[0].options.c: the tag !set means nothing here (remove it): config.yaml:4:41"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := read(test.yaml)
			if err == nil {
				t.Fatalf("no mistake found, want\n%s", test.want)
			}
			if _, ok := errors.AsType[schema.Errors](err); !ok {
				t.Errorf("the error is a %T, not schema.Errors", err)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
