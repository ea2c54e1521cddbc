package compat

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/schema"
)

func names(src *schema.Source) string {
	var all []string
	for _, t := range src.Tools {
		all = append(all, string(schema.MakeID(t.Plugin.Text, t.Instance.Text)))
	}
	return strings.Join(all, " ")
}

func TestAFolderIsReadWithAllItsFilesInTheOrderOfTheirNames(t *testing.T) {
	t.Chdir(t.TempDir())
	// The last line of the first file does not end: DevStream glued it to the second one.
	write(t, "c/a.yaml", "config: {state: {backend: local}}\nvars:\n  name: x")
	write(t, "c/b.yml", "---\ntools:\n- {name: localfile, instanceID: a, options: {filename: \"[[ name ]]\"}}\n")
	write(t, "c/sub/c.yaml", "tools:\n- {name: localfile, instanceID: b, options: {filename: \"[[ name ]]\"}}\n")
	write(t, "c/notes.txt", "not: [read")
	src, err := Read(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	if got := names(src); got != "localfile.a localfile.b" {
		t.Errorf("got %s", got)
	}
	if diff := cmp.Diff([]string{"c/a.yaml", "c/b.yml", "c/sub/c.yaml"}, src.Files); diff != "" {
		t.Errorf("files (-want +got)\n%s", diff)
	}
	if dir, _ := filepath.Abs("c"); src.Dir != dir {
		t.Errorf("got the folder %s, want %s", src.Dir, dir)
	}
	if err := os.Symlink("c", "link"); err != nil {
		t.Fatal(err)
	}
	if src, err := Read(t.Context(), "link"); err != nil || names(src) != "localfile.a localfile.b" || src.Files[0] != "link/a.yaml" {
		t.Errorf("got %v (%v)", src, err)
	}
	write(t, "c/z.yaml", "kind: Deployment\n")
	write(t, "d/main.yaml", "toolFile: tools.yaml\n")
	write(t, "f/config.yaml", "toolFile: t/tools.yaml\n")
	write(t, "f/t/tools.yaml", "tools: [{name: localfile, instanceID: main}]\n")
	if src, err := Read(t.Context(), "f"); err != nil || names(src) != "localfile.main" {
		t.Errorf("got %v (%v)", src, err)
	}
	// One that has tools alone may be of any form: files beside it that are of the later one say which.
	write(t, "g/config.yaml", "tools: [{name: localfile, instanceID: a}]\n")
	if src, err := Read(t.Context(), "g"); err != nil || names(src) != "localfile.a" {
		t.Errorf("got %v (%v)", src, err)
	}
	write(t, "g/more.yaml", "config: {}\ntools: [{name: localfile, instanceID: b}]\n")
	if src, err := Read(t.Context(), "g"); err != nil || names(src) != "localfile.a localfile.b" {
		t.Errorf("got %v (%v)", src, err)
	}
	write(t, "e/config.yaml", "tools: [\n")
	for path, want := range map[string]string{
		"c": "kind: unknown key: this form has others, and a folder is read with all its YAML files (known are config, vars, tools, apps, pipelineTemplates, plugins): c/z.yaml:1:1",
		"d": "toolFile: a folder is read as DevStream 0.10 and later did, which knows no such key (name the main file instead of the folder): d/main.yaml:1:1",
		"e": "not YAML: did not find expected node content: e/config.yaml:1:1",
	} {
		if diff := cmp.Diff(want, strings.TrimSpace(readText(path))); diff != "" {
			t.Errorf("%s (-want +got)\n%s", path, diff)
		}
	}
}

func TestAFileOfVariablesMayBeAnArgument(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "config.yaml", "tools:\n- name: hello\n  plugin: localfile\n  options: {filename: \"[[ name ]]\"}\n")
	write(t, "variables.yaml", "name: x.txt\n")
	src, err := ReadWith(t.Context(), "config.yaml", "variables.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := src.Tools[0].Options.Fields[0].Value.Text; got != "x.txt" {
		t.Errorf("got %q", got)
	}
	if diff := cmp.Diff([]string{"config.yaml", "variables.yaml"}, src.Files); diff != "" {
		t.Errorf("files (-want +got)\n%s", diff)
	}
	write(t, "sections.yaml", "name: y\n---\ntools: []\n")
	write(t, "later.yaml", "config: {}\ntools: []\n")
	for path, want := range map[string]string{
		"sections.yaml": "there is a file of variables besides (variables.yaml) (keep one of the two): sections.yaml:1:1",
		"later.yaml":    "is not used: the configuration has its variables below `vars` (move them there): variables.yaml",
	} {
		if _, err := ReadWith(t.Context(), path, "variables.yaml"); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
	if _, err := ReadWith(t.Context(), "config.yaml", "none.yaml"); err == nil || err.Error() != "file does not exist: none.yaml" {
		t.Errorf("got %v", err)
	}
}

func TestYAMLIsToldByTheNameOrByWhatIsInTheFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "yaml/a.yml", "")
	write(t, "cue/a.cue", "")
	write(t, "cue/a.yaml", "")
	write(t, "none/a.txt", "")
	write(t, "below/a/b/c.yaml", "config: {}\ntools: []\n")
	write(t, "beside/x.cue", "")
	write(t, "beside/a/c.yaml", "config: {}\ntools: []\n")
	write(t, "others/a/deployment.yaml", "kind: Deployment\n")
	write(t, "others/.hidden/c.yaml", "config: {}\ntools: []\n")
	for path, want := range map[string]bool{"x.yaml": true, "X.YML": true, "x.cue": false, "yaml": true, "cue": false, "none": false, "missing": false,
		"below": true, "beside": false, "others": false} {
		if got := IsYAML(path); got != want {
			t.Errorf("%s: got %t", path, got)
		}
	}
}

func TestASectionOfVariablesMayBeCalledAsALaterKey(t *testing.T) {
	src, err := read("state: {backend: local}\n---\nconfig: x\napps: y\nvars: z\n---\ntools:\n- {name: localfile, instanceID: a, options: {filename: \"[[ config ]][[ apps ]][[ vars ]]\"}}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := src.Tools[0].Options.Fields[0].Value.Text; got != "xyz" {
		t.Errorf("got %q", got)
	}
}

func TestAPluginWithASourceOfItsOwnIsLeftAlone(t *testing.T) {
	src, err := read("config: {}\nplugins: {zentao: {source: \"./zentao\"}}\ntools:\n- {name: zentao, instanceID: a}\n")
	if err != nil || names(src) != "zentao.a" {
		t.Errorf("got %v (%v)", src, err)
	}
}

func TestWhatWouldGrowOutOfAllProportionIsRefused(t *testing.T) {
	var vars, uses, deps strings.Builder
	vars.WriteString("config: {}\ntools: []\nvars:\n  a0: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n")
	for i := range 40 {
		fmt.Fprintf(&vars, "  a%d: \"[[ a%d ]][[ a%d ]]\"\n", i+1, i, i)
	}
	const app = "- {name: a%d, spec: {language: go, framework: gin}, repo: {owner: a}, ci: [{type: template, templateName: t}]}\n"
	uses.WriteString("pipelineTemplates:\n- name: t\n  type: github-actions\n  options: {language: {name: go}, x: \"" + strings.Repeat("x", 1<<16) + "\"}\napps:\n")
	for i := range 1000 {
		fmt.Fprintf(&uses, app, i)
	}
	deps.WriteString("tools:\n")
	for i := range 2000 {
		fmt.Fprintf(&deps, "- {name: localfile, instanceID: a%d}\n", i)
	}
	deps.WriteString("pipelineTemplates: [{name: t, type: github-actions, options: {}}]\napps:\n")
	for i := range 2000 {
		fmt.Fprintf(&deps, app, i)
	}
	for what, text := range map[string]string{"variables": vars.String(), "templates": uses.String(), "dependencies": deps.String()} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), " MiB longer") {
			t.Errorf("%s: got %.300v", what, err)
		}
	}
}
