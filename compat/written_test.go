package compat

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/schema"
)

// writtenText is what Written says, a line each.
func writtenText(w *schema.Written) string {
	var b strings.Builder
	for _, f := range w.Variables {
		fmt.Fprintf(&b, "variable %s = %s\n", f.Name, appendJSON(nil, f.Value))
	}
	var lines []string
	for pos, parts := range w.Templates {
		var s strings.Builder
		for _, p := range parts {
			if p.Variable != "" {
				s.WriteString("<" + p.Variable + ">")
			}
			s.WriteString(p.Text)
		}
		lines = append(lines, fmt.Sprintf("template %03d:%03d %q", pos.Line, pos.Column, s.String()))
	}
	for pos, name := range w.Names {
		lines = append(lines, fmt.Sprintf("name %03d:%03d %s", pos.Line, pos.Column, name))
	}
	for _, c := range w.Comments {
		lines = append(lines, fmt.Sprintf("comment %03d:%03d side %d top %t apart %t %q", c.Pos.Line, c.Pos.Column, c.Side, c.Top, c.Apart, c.Text))
	}
	slices.Sort(lines)
	return b.String() + strings.Join(lines, "\n") + "\n"
}

func TestWrittenSaysWhatTheValuesDoNot(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"sections", `# The file.

# The core.
state: # where
  backend: local
---
# Who.
name: ada # the first
deep: {in: 5}
---
tools:
# A tool.
- name: localfile
  instanceID: a
  options: &shared
    filename: [[ name ]].txt
    content: "[[deep.in]] [[ env HOME ]] ${{ x }}" # behind
    # the end
`, `variable name = "ada"
variable deep = {"in":5}
comment 004:001 side 0 top true apart false "The core."
comment 004:001 side 0 top true apart false "where"
comment 004:001 side 0 top true apart true "The file."
comment 008:001 side 0 top true apart false "Who."
comment 008:001 side 1 top true apart false "the first"
comment 013:003 side 0 top false apart false "A tool."
comment 017:005 side 1 top false apart false "behind"
comment 017:005 side 2 top false apart false "the end"
name 015:012 shared
template 016:015 "<name>.txt"
template 017:014 "<deep.in> ${{ env.HOME }} ${{ x }}"
`},
		{"later", `config:
  state: {backend: local, options: {stateFile: x}}
vars:
  a: "[[ b ]]/x" # of [[ b ]]
  b: y
  token: [[ env TOKEN ]]
tools:
- name: localfile
  instanceID: a
  options: {filename: [[ a ]]}
pipelineTemplates:
- name: build
  type: github-actions
  options:
    imageRepo: {user: [[ a ]]}
`, `variable b = "y"
variable a = "y/x"
variable token = "${{ env.TOKEN }}"
comment 004:003 side 1 top false apart false "of [[ b ]]"
name 015:005 build
template 004:006 "<b>/x"
template 010:023 "<a>"
template 015:023 "<a>"
`},
		{"nothing but tools", "tools:\n- {name: localfile, instanceID: a, options: {filename: x}}\n", "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			src, err := Read(t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			w, err := Written(src)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, writtenText(w)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// The variables of every form are found, whatever files they are in.
func TestWrittenFindsTheVariablesOfOtherFiles(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"main.yaml":  "varFile: vars.yaml\ntoolFile: tools.yaml\nstate: {backend: local}\n",
		"vars.yaml":  "tools: 5 # a variable may have that name\nname: ada\n",
		"tools.yaml": "tools:\n- {name: localfile, instanceID: a, options: {filename: [[ name ]]}}\n",
		"old.yaml":   "tools:\n- {plugin: localfile, name: a, options: {filename: [[ name ]]}}\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for main, varFile := range map[string]string{"main.yaml": "", "old.yaml": filepath.Join(dir, "vars.yaml")} {
		src, err := ReadWith(t.Context(), filepath.Join(dir, main), varFile)
		if err != nil {
			t.Fatal(err)
		}
		w, err := Written(src)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range w.Variables {
			names = append(names, f.Name)
		}
		if diff := cmp.Diff([]string{"tools", "name"}, names); diff != "" {
			t.Errorf("%s (-want +got)\n%s", main, diff)
		}
		if err := os.Remove(filepath.Join(dir, main)); err != nil {
			t.Fatal(err)
		}
		if _, err := Written(src); err == nil {
			t.Errorf("%s: a file that has gone is no error", main)
		}
	}
}
