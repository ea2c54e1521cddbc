package scaffold

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

const (
	workflowFile = ".github/workflows/check.yml"
	pipelineFile = ".gitlab-ci.yml"
)

// ciOf is the file of the built-in template that a service runs, for a branch.
func ciOf(t *testing.T, ci, branch string) []byte {
	t.Helper()
	o := wish()
	o.CI, o.Branch = ci, branch
	found, err := golang()
	if err != nil {
		t.Fatal(err)
	}
	files, err := found.render(o, atGitHub())
	if err != nil {
		t.Fatal(err)
	}
	return files[map[string]string{"github": workflowFile, "gitlab": pipelineFile}[ci]].Content
}

// commands are what it runs, one after another.
func commands(t *testing.T, ci string) []string {
	t.Helper()
	var d struct {
		Jobs map[string]struct {
			Steps []struct{ Run string }
		}
		Check struct{ Script []string }
	}
	if err := yaml.Unmarshal(ciOf(t, ci, "main"), &d); err != nil {
		t.Fatal(err)
	}
	all := d.Check.Script
	for _, job := range d.Jobs {
		for _, step := range job.Steps {
			if step.Run != "" {
				all = append(all, step.Run)
			}
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s runs nothing", ci)
	}
	return all
}

func TestTheScaffoldHasTheFileOfTheServiceThatIsAskedForAndNoOther(t *testing.T) {
	for ci, want := range map[string]string{"github": workflowFile, "gitlab": pipelineFile, "none": "", "": ""} {
		o := wish()
		o.CI = ci
		dir := written(t, o, atGitHub())
		readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{workflowFile, pipelineFile} {
			_, err := os.Stat(filepath.Join(dir, path))
			if there, told := err == nil, strings.Contains(string(readme), path); there != (path == want) || told != there {
				t.Errorf("ci %q: that %s is there is %t, that the README has it %t", ci, path, there, told)
			}
		}
	}
}

func TestTheWorkflowIsOneThatGitHubRuns(t *testing.T) {
	for _, branch := range []string{"main", "release/1.x", "a+b", "!x", `it's"x"`, "null", "1.10", "ä"} {
		text := ciOf(t, "github", branch)
		parts.LintWorkflow(t, text)
		var d struct {
			On struct {
				Push struct{ Branches []string }
			}
			Permissions map[string]string
		}
		if err := yaml.Unmarshal(text, &d); err != nil {
			t.Fatal(err)
		}
		literal := strings.NewReplacer(`\+`, "+", `\!`, "!")
		if len(d.On.Push.Branches) != 1 || literal.Replace(d.On.Push.Branches[0]) != branch {
			t.Errorf("branch %q: it runs on %q", branch, d.On.Push.Branches)
		}
		if !maps.Equal(d.Permissions, map[string]string{"contents": "read"}) {
			t.Errorf("it may %v", d.Permissions)
		}
	}
	// A "+" that is not escaped is a pattern.
	if text := ciOf(t, "github", "a+b"); !strings.Contains(string(text), `"a\\+b"`) {
		t.Errorf("a+b is a pattern in\n%s", text)
	}
}

func TestBothServicesCheckTheSameWithTheGoThatTheImageIsBuiltWith(t *testing.T) {
	if a, b := commands(t, "github"), commands(t, "gitlab"); !slices.Equal(a, b) {
		t.Errorf("GitHub runs %q, GitLab %q", a, b)
	}
	docker, err := os.ReadFile(filepath.Join(written(t, wish(), atGitHub()), "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`golang:([0-9.]+)-alpine`).FindSubmatch(docker)
	if m == nil {
		t.Fatalf("the version of Go is not to be found in\n%s", docker)
	}
	for ci, want := range map[string]string{"github": `go-version: "` + string(m[1]) + `"`, "gitlab": "image: golang:" + string(m[1]) + "\n"} {
		if text := ciOf(t, ci, "main"); !strings.Contains(string(text), want) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
}

// The list of pinned actions is that of the plugins for workflows. It cannot be read from there: what an embedded template
// gives is the same as long as its version is.
func TestActionsArePinnedAsThePluginsForWorkflowsPinThem(t *testing.T) {
	pins := pinsOf(t, filepath.Join("..", "workflow"))
	found := regexp.MustCompile(`uses: (\S+)@(\S+) # (\S+)\n`).FindAllStringSubmatch(string(ciOf(t, "github", "main")), -1)
	if uses := strings.Count(string(ciOf(t, "github", "main")), "uses:"); uses == 0 || len(found) != uses {
		t.Fatalf("%d of %d actions have a commit and a tag", len(found), uses)
	}
	for _, m := range found {
		if pin := pins[m[1]]; pin != [2]string{m[2], m[3]} {
			t.Errorf("%s is at %s (%s), and in package workflow at %v", m[1], m[2], m[3], pin)
		}
	}
}

// pinsOf are the commits and tags of actions in the source of a package, by action.
func pinsOf(t *testing.T, dir string) map[string][2]string {
	t.Helper()
	pins := map[string][2]string{}
	sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok || len(lit.Elts) != 3 {
				return true
			}
			if name, ok := lit.Type.(*ast.Ident); !ok || name.Name != "pinned" {
				return true
			}
			var words [3]string
			for i, e := range lit.Elts {
				if text, ok := e.(*ast.BasicLit); ok {
					words[i], _ = strconv.Unquote(text.Value)
				}
			}
			pins[words[0]] = [2]string{words[1], words[2]}
			return true
		})
	}
	if len(pins) == 0 {
		t.Fatalf("there are no pins in %s", dir)
	}
	return pins
}

func TestNoToolForWorkflowsHasTheNameOfTheFile(t *testing.T) {
	schemas, err := filepath.Glob(filepath.Join("..", "..", "*", "schema.cue"))
	if err != nil {
		t.Fatal(err)
	}
	seen := false
	for _, schema := range schemas {
		text, err := os.ReadFile(schema)
		if err != nil {
			t.Fatal(err)
		}
		seen = seen || strings.Contains(string(text), `.yml"`)
		if strings.Contains(string(text), `"`+filepath.Base(workflowFile)+`"`) {
			t.Errorf("%s has a file of that name, too", schema)
		}
	}
	if !seen {
		t.Error("no schema has the name of a workflow: they are somewhere else by now")
	}
}

func TestAFileOfAServiceGoesWithTheWish(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		none := wants(func(o *Options) { o.CI = ciNone })
		r := w.create(t, wants())
		if w.files(t, "ada/hello", "main")[workflowFile] == "" {
			t.Fatal("there is no workflow")
		}
		r = w.update(t, none, wants(), r)
		if w.files(t, "ada/hello", "main")[workflowFile] != "" || len(w.messages(t, "ada/hello", "main")) != 2 {
			t.Errorf("the workflow is there, or was not one commit: %q", w.messages(t, "ada/hello", "main"))
		}
		r = w.update(t, wants(), none, r)
		w.edit(t, "ada/hello", "main", workflowFile, "name: ours\n")
		w.update(t, none, wants(), r)
		if got := w.files(t, "ada/hello", "main")[workflowFile]; got != "name: ours\n" {
			t.Errorf("what people have made of it is gone: %q", got)
		}
	})
}
