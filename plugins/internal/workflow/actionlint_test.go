package workflow

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

var languages = map[string]language{"githubactions-golang": golang(), "githubactions-nodejs": nodejs(), "githubactions-python": python()}

// actionsChoices are every option of #Actions. CUE knows the names of languages, and refuses what does not go together.
func actionsChoices(plugin string) []choice {
	other := map[string]string{"githubactions-golang": "golang", "githubactions-nodejs": "node", "githubactions-python": "python3"}[plugin]
	const command = `"make build && ls <out> \"a b\" | tee '+x'\necho ${{ github.sha }}"`
	return []choice{
		{`{"owner":"acme"}`, `{"org":"acme"}`, `{"owner":"me","org":"acme"}`},
		{`{"repo":"hello"}`, `{"repo":"Hello_2.x"}`},
		{`{}`, `{"branch":"release/1.x+!2#y"}`},
		{`{}`, `{"baseURL":"https://github.example.com/api/v3"}`},
		{`{}`, `{"workflow":"CI_x.yaml"}`},
		{`{}`, `{"viaPullRequest":true}`},
		{`{}`, `{"adopt":true}`},
		{`{}`, `{"language":{"name":"` + other + `"}}`},
		{`{}`, `{"language":{"version":"1.25"}}`, `{"language":{"versions":["3.12","lts/*","1.2 - 1.4"]}}`},
		{`{}`, `{"runner":["self-hosted","linux"]}`, `{"runner":["macos-14"]}`},
		{`{}`, `{"timeoutMinutes":5}`},
		{`{}`, `{"install":{"enable":true}}`, `{"install":{"enable":false}}`, `{"install":{"enable":true,"command":` + command + `}}`},
		{`{}`, `{"lint":{"enable":true}}`, `{"lint":{"enable":true,"command":` + command + `}}`},
		{`{}`, `{"build":{"enable":false}}`, `{"build":{"enable":true}}`, `{"build":{"enable":true,"command":` + command + `}}`},
		{`{}`, `{"test":{"enable":false}}`, `{"test":{"command":` + command + `}}`},
		{`{}`, `{"test":{"coverage":{"enable":true}}}`, `{"test":{"coverage":{"enable":true,"profile":"-cover <&>","output":"out/cover"}}}`},
		{
			`{}`,
			`{"docker":{"enable":true,"registry":{"username":"Me"}}}`,
			`{"docker":{"enable":true,"registry":{"username":"me","repository":"org/Name"}}}`,
			`{"docker":{"enable":true,"registry":{"type":"harbor","url":"harbor.example.com:8443/library","username":"robot$ci","tokenEnv":"HARBOR_TOKEN"}}}`,
			`{"docker":{"enable":true,"registry":{"type":"generic","url":"ghcr.io/acme","username":"me","secret":"MY_TOKEN"}}}`,
		},
		{`{}`, `{"docker":{"context":"app","dockerfile":"app/Dockerfile"}}`},
		{`{}`, `{"docker":{"platforms":["linux/amd64","linux/arm64"]}}`},
		{`{}`, `{"docker":{"tag":"sha"}}`},
		{`{}`, `{"secrets":{"NPM_TOKEN":"NPM_TOKEN","npm_config_x":"X"}}`},
	}
}

// lint is what actionlint has to say of a workflow.
func lint(t testing.TB, content []byte) []*actionlint.Error {
	t.Helper()
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	errs, err := linter.Lint("x.yml", content, nil)
	if err != nil {
		t.Fatal(err)
	}
	return errs
}

func TestEveryPresetWithEveryOptionPassesActionlint(t *testing.T) {
	l := loader(t)
	for name, language := range languages {
		t.Run(name, func(t *testing.T) {
			for _, options := range wishes(t, l, name, actionsChoices(name)) {
				o := decode[Actions](t, options)
				document, err := language.render(o, o.Workflow)
				if !o.Lint.Enable && !o.Build.Enable && !o.Test.Enable && !o.Docker.Enable {
					if err == nil {
						t.Errorf("%s: a workflow without a job", options)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", options, err)
					continue
				}
				content, err := document.encode(name)
				if err != nil {
					t.Errorf("%s: %v", options, err)
					continue
				}
				for _, e := range lint(t, content) {
					t.Errorf("%s: %v\n%s", options, e, content)
				}
				mayOnlyRead(t, content)
				pinsActions(t, content)
				if strings.Contains(string(content), "&amp;") || strings.Contains(string(content), `\u003c`) {
					t.Errorf("something is escaped:\n%s", content)
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

// mayOnlyRead fails the test if a job may do more than read the contents, but for the one that makes a version tag.
func mayOnlyRead(t *testing.T, content []byte) {
	t.Helper()
	data, err := parse(content)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(data["permissions"]); got != "map[contents:read]" {
		t.Errorf("permissions are %s", got)
	}
	for name, job := range data["jobs"].(map[string]any) {
		p, ok := job.(map[string]any)["permissions"]
		if ok != (name == "tag") || ok && fmt.Sprint(p) != "map[contents:write]" {
			t.Errorf("the job %s has permissions %v", name, p)
		}
	}
}

// pinsActions fails the test if an action is not at a commit, with its tag in a comment.
func pinsActions(t *testing.T, content []byte) {
	t.Helper()
	uses := 0
	for line := range strings.SplitSeq(string(content), "\n") {
		if _, action, ok := strings.Cut(line, " uses: "); ok {
			uses++
			if !pinnedAction.MatchString(action) {
				t.Errorf("not pinned: %s", line)
			}
		}
	}
	if uses == 0 {
		t.Errorf("no action in\n%s", content)
	}
}

var pinnedAction = regexp.MustCompile(`^(actions|docker)/[a-z-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+$`)

// Shells are told nothing by expressions, and shellcheck likes what dtm itself writes.
func TestScriptsOfPresetsAreSound(t *testing.T) {
	l := loader(t)
	for name, language := range languages {
		o := decode[Actions](t, complete(t, l, name, actionsBase+`,"install":{"enable":true},"lint":{"enable":true},"test":{"coverage":{"enable":true}},"docker":{"enable":true,"registry":{"username":"me"}}}`))
		document, err := language.render(o, o.Workflow)
		if err != nil {
			t.Fatal(err)
		}
		content, err := document.encode(name)
		if err != nil {
			t.Fatal(err)
		}
		parts.LintWorkflow(t, content)
	}
}

func TestCommandsSurviveAsTheyAre(t *testing.T) {
	l := loader(t)
	for _, command := range []string{
		"make build && ls", `echo "<a>&'b'" + c`, "a\nb\n", "\ta: b # c\n - d", "echo ${{ github.sha }}", "x: |\n  y\n\n\n", "  leading", "trailing  ",
		"- a", "yes", "1.20", "~", "*x &y !z %w @v `u`", "\u2028\u0085", "a\r\nb", "ünï 世界 🎉",
	} {
		encoded, err := json.Marshal(command)
		if err != nil {
			t.Fatal(err)
		}
		o := decode[Actions](t, complete(t, l, "githubactions-golang", actionsBase+`,"build":{"command":`+string(encoded)+`}}`))
		document, err := golang().render(o, "dtm-go.yml")
		if err != nil {
			t.Fatal(err)
		}
		content, err := document.encode("githubactions-golang")
		if err != nil {
			t.Errorf("%q: %v", command, err)
			continue
		}
		data, err := parse(content)
		if err != nil {
			t.Fatal(err)
		}
		steps := data["jobs"].(map[string]any)["build"].(map[string]any)["steps"].([]any)
		if got := steps[len(steps)-1].(map[string]any)["run"]; got != command {
			t.Errorf("%q became %q", command, got)
		}
	}
}
