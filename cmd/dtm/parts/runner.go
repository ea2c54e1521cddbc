package parts

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"sigs.k8s.io/yaml"
)

// LintWorkflow fails the test if actionlint has something to say about a workflow, or shellcheck, where it is installed, about its
// scripts; and if an expression stands in a script.
func LintWorkflow(t testing.TB, workflow []byte) {
	t.Helper()
	// Machines of one's own have labels of one's own.
	options := &actionlint.LinterOptions{IgnorePatterns: []string{`label "(?s:.*)" is unknown`}}
	if path, err := exec.LookPath("shellcheck"); err == nil {
		options.Shellcheck = path
	}
	linter, err := actionlint.NewLinter(io.Discard, options)
	if err != nil {
		t.Fatal(err)
	}
	errs, err := linter.Lint("workflow.yml", workflow, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range errs {
		t.Error(e)
	}
	for name, j := range parseWorkflow(t, workflow).Jobs {
		for _, s := range j.Steps {
			if strings.Contains(s.Run, "${{") {
				t.Errorf("there is an expression in a script of the job %s", name)
			}
		}
	}
}

// A WorkflowEvent is what starts a workflow.
type WorkflowEvent struct {
	// Job is the one job that it starts, "" for none.
	Job string
	// Name and Payload are what GitHub tells of it, as in "issues".
	Name    string
	Payload any
	// Secrets are those of the repository, by name.
	Secrets map[string]string
	// Token is what github.token is, and API what GITHUB_API_URL is.
	Token, API string
	// Repository is "owner/name".
	Repository string
}

type workflowFile struct {
	Jobs map[string]workflowJob `json:"jobs"`
}

type workflowJob struct {
	If    string `json:"if"`
	Steps []struct {
		Run string            `json:"run"`
		Env map[string]string `json:"env"`
	} `json:"steps"`
}

func parseWorkflow(t testing.TB, workflow []byte) workflowFile {
	t.Helper()
	var d workflowFile
	if err := yaml.Unmarshal(workflow, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

var workflowExpression = regexp.MustCompile(`\$\{\{ (\S+) \}\}`)

// RunWorkflow runs the scripts of the job that the event starts, in bash, and returns what they print. That one fails, and that a job
// starts that is not the event's, fails the test.
func RunWorkflow(t testing.TB, workflow []byte, event WorkflowEvent) string {
	t.Helper()
	payload, err := json.Marshal(event.Payload)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(file, payload, 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for name, j := range parseWorkflow(t, workflow).Jobs {
		if starts := event.starts(t, j.If, payload); starts != (name == event.Job) {
			t.Errorf("%s: that the job %s starts is %t", event.Name, name, starts)
			continue
		} else if !starts {
			continue
		}
		for _, s := range j.Steps {
			script := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", s.Run)
			script.Dir = t.TempDir()
			script.Env = []string{
				"PATH=" + os.Getenv("PATH"), "HOME=" + script.Dir, "LC_ALL=C.UTF-8",
				"GITHUB_EVENT_PATH=" + file, "GITHUB_API_URL=" + event.API, "GITHUB_REPOSITORY=" + event.Repository,
			}
			for variable, value := range s.Env {
				script.Env = append(script.Env, variable+"="+event.evaluate(t, value))
			}
			said, err := script.CombinedOutput()
			out.Write(said)
			if err != nil {
				t.Errorf("%s: %v: %s", event.Name, err, said)
			}
		}
	}
	return out.String()
}

// starts tells whether a job's condition is met: one of the two that [workflowCondition] knows, or both.
func (e WorkflowEvent) starts(t testing.TB, condition string, payload []byte) bool {
	t.Helper()
	for part := range strings.SplitSeq(condition, " && ") {
		m := workflowCondition.FindStringSubmatch(part)
		switch {
		case m == nil:
			t.Errorf("nobody knows here what %s means", part)
		case m[1] != "":
			if m[1] != e.Name {
				return false
			}
		default:
			var at any
			if err := json.Unmarshal(payload, &at); err != nil {
				t.Fatal(err)
			}
			for field := range strings.SplitSeq(m[2], ".") {
				fields, _ := at.(map[string]any)
				at = fields[field]
			}
			if at != nil {
				return false
			}
		}
	}
	return true
}

// workflowCondition is met by events of a name, or by those that lack something.
var workflowCondition = regexp.MustCompile(`^(?:github\.event_name == '(\w+)'|!github\.event\.([\w.]+))$`)

// evaluate is a value with what its workflowExpressions come to.
func (e WorkflowEvent) evaluate(t testing.TB, value string) string {
	return workflowExpression.ReplaceAllStringFunc(value, func(text string) string {
		of := workflowExpression.FindStringSubmatch(text)[1]
		if of == "github.token" {
			return e.Token
		}
		secret, ok := e.Secrets[strings.TrimPrefix(of, "secrets.")]
		if !ok {
			t.Errorf("there is no %s", of)
		}
		return secret
	})
}
