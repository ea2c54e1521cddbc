package compat

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func stateText(tools []StateTool) string {
	var b strings.Builder
	for _, t := range tools {
		fmt.Fprintf(&b, "%s after %v options %s resource %s\n", t.ID, t.DependsOn, t.Options, t.Resource)
	}
	return b.String()
}

func TestStatesOfEveryVersionAreRead(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"zero bytes", "", ""},
		{"comments", "# nothing\n---\n", ""},
		{"null", "~\n", ""},
		{"empty map", "{}\n", ""},
		{"0.2", "hello_localfile:\n  name: hello\n  plugin:\n    kind: localfile\n    version: 0.2.0\n  options:\n    a: 1\n  resource:\n    outputs:\n      b: c\n",
			`localfile.hello after [] options {"a":1} resource {"outputs":{"b":"c"}}` + "\n"},
		{"0.3.1", "hello_localfile:\n  name: hello\n  plugin: localfile\n  options: {z: 1, a: 2}\n  resource: {}\n",
			`localfile.hello after [] options {"z":1,"a":2} resource {}` + "\n"},
		{"0.4", "hello_localfile:\n  name: hello\n  plugin: localfile\n  dependson: [a.b.argocd]\n  options: {instanceID: x}\n  resource: {}\n",
			`localfile.hello after [argocd.a.b] options {"instanceID":"x"} resource {}` + "\n"},
		{"0.7", "localfile_b:\n  name: localfile\n  instanceid: b\n  dependson:\n    - localfile.a\n  options:\n    instanceID: own\n    x: 1.50\n  resource: null\nlocalfile_a:\n  name: localfile\n  instanceid: a\n  dependson: []\n",
			`localfile.b after [localfile.a] options {"instanceID":"own","x":1.50} resource ` + "\n" + `localfile.a after [] options {} resource ` + "\n"},
		{"0.12", "localfile_a:\n  name: localfile\n  instanceID: a\n  dependsOn: []\n  options:\n    instanceID: a\n    deep: {instanceID: kept}\n  resourceStatus:\n    outputs: {x: [1]}\n",
			`localfile.a after [] options {"deep":{"instanceID":"kept"}} resource {"outputs":{"x":[1]}}` + "\n"},
		{"references are text", "a_b:\n  name: a\n  instanceid: b\n  options: {x: '${{ c.d.outputs.e }}', l: &l ['$${{', {k: '${{'}], m: *l, v: '[[ v ]]'}\n  resource: {x: '${{ c }}'}\n",
			`a.b after [] options {"x":"$${{ c.d.outputs.e }}","l":["$$${{",{"k":"$${{"}],"m":["$$${{",{"k":"$${{"}],"v":"[[ v ]]"} resource {"x":"${{ c }}"}` + "\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tools, err := ReadState("devstream.state", []byte(test.yaml), nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, stateText(tools)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestMistakesOfAStateHaveAPlace(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"no YAML", "a_b: {name: a\n", "not YAML: did not find expected ',' or '}' (this is no state file of DevStream, or a damaged one): s:1:1"},
		{"a list", "- a\n", "a state file must be a map of tools, not a list: s:1:1"},
		{"a word", "a_b: x\n", "a_b: must be a map, not a string (this is no state file of DevStream, or a damaged one): s:1:6"},
		{"two documents", "a: {name: a, instanceid: b}\n---\nb: {}\n", "a second YAML document begins here (a state file has one): s:3:1"},
		{"zero byte", "a\x00b", "a zero byte: this is not a text file (this is no state file of DevStream, or a damaged one): s:1:2"},
		{"same tool twice", "a_b: {name: a, instanceid: b}\nx: {name: b, plugin: a}\n", "x: this is a.b, and so is a_b (remove the entry that is out of date): s:2:1"},
		{"same key twice", "a_b: {name: a, instanceid: b}\na_b: {name: a, instanceid: c}\n", "a_b: key `a_b` is written twice, first at s:1:1: s:2:1"},
		{"options are a list", "a_b: {name: a, instanceid: b, options: [1], resource: x, dependson: y}\n",
			"a_b.options: must be a map, not a list: s:1:40\na_b.resource: must be a map, not a string: s:1:55\na_b.dependsOn: must be a list, not a string: s:1:69"},
		{"dependsOn is no tool", "a_b: {name: a, instanceid: b, dependson: [x]}\n", "a_b.dependsOn: \"x\" is not a tool: write <plugin>.<instance>: s:1:43"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := ReadState("s", []byte(test.yaml), nil)
			if err == nil {
				t.Fatalf("no mistake found, want\n%s", test.want)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	for _, yaml := range []string{"a_b: {name: a}\n", "a_b: {instanceid: a}\n", "a_b: {name: a, instanceid: Bad_ID!}\n", "a_b: {}\n", "a_b: {name: [a], instanceid: b}\n"} {
		if tools, err := ReadState("s", []byte(yaml), nil); err == nil || !strings.Contains(err.Error(), "s:1:") {
			t.Errorf("%q gave %v, %v", yaml, tools, err)
		}
	}
}

func TestTheReferenceStatesAreRead(t *testing.T) {
	root := corpus(t)
	for name, want := range map[string]string{
		"configs/history/0.10.0/test/state/test_drifted.state": "gitlab-ce-docker.default",
		"configs/0.12.0/test/state/test_drifted.state":         "gitlab-ce-docker.default",
	} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		tools, err := ReadState(name, data, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(tools) != 1 || string(tools[0].ID) != want {
			t.Errorf("%s: got %s", name, stateText(tools))
		}
		var resource map[string]any
		if err := json.Unmarshal(tools[0].Resource, &resource); err != nil || resource["Hostname"] != "gitlab.example.com" {
			t.Errorf("%s: got the resource %s, %v", name, tools[0].Resource, err)
		}
	}
	name := "golden/23-state-errors/02-devstream.state"
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	if tools, err := ReadState(name, data, nil); err == nil {
		t.Errorf("%s: no mistake found in %s", name, stateText(tools))
	}
}
