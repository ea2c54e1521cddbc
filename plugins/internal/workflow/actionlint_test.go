package workflow

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

var languages = map[string]language{"githubactions-golang": golang(), "githubactions-nodejs": nodejs(), "githubactions-python": python()}

// variants are options, each with the ways it may be written: all of them are combined with all others.
var variants = [][]string{
	{`"language":{}`, `"language":{"version":"1.25"}`, `"language":{"versions":["3.12","lts/*","1.2 - 1.4"]}`},
	{`"build":{}`, `"build":{"enable":false}`, `"build":{"enable":true,"command":"make build && ls <out> \"a b\" | tee '+x'\necho ${{ matrix.os }}"}`},
	{`"test":{}`, `"test":{"enable":false}`, `"test":{"coverage":{"enable":true}}`, `"test":{"command":"go test ./x\n","coverage":{"enable":true,"profile":"-cover"}}`},
	{
		`"docker":{}`,
		`"docker":{"enable":true,"registry":{"username":"Me"}}`,
		`"docker":{"enable":true,"tag":"sha","platforms":["linux/amd64","linux/arm64"],"registry":{"username":"me","repository":"org/Name"}}`,
		`"docker":{"enable":true,"context":"app","dockerfile":"app/Dockerfile","registry":{"type":"harbor","url":"harbor.example.com:8443/library","username":"robot$ci","tokenEnv":"HARBOR_TOKEN"}}`,
		`"docker":{"enable":true,"registry":{"type":"generic","url":"ghcr.io/acme","username":"me","secret":"MY_TOKEN"}}`,
	},
	{`"install":{}`, `"install":{"enable":true,"command":"make deps"},"lint":{"enable":true},"secrets":{"NPM_TOKEN":"NPM_TOKEN"}`},
	{`"branch":"main"`, `"branch":"release/1.x+!2#y"`, `"runner":["self-hosted","linux"],"timeoutMinutes":5,"workflow":"CI_x.yaml","baseURL":"https://github.example.com/api/v3"`},
}

func combinations(lists [][]string) []string {
	all := []string{actionsBase}
	for _, list := range lists {
		var longer []string
		for _, head := range all {
			for _, option := range list {
				longer = append(longer, head+","+option)
			}
		}
		all = longer
	}
	for i := range all {
		all[i] += "}"
	}
	return all
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
			t.Parallel()
			defaults := decode[map[string]any](t, complete(t, l, name, actionsBase+`}`))
			for i, options := range combinations(variants) {
				if testing.Short() && i%17 != 0 {
					continue
				}
				// CUE takes milliseconds for each of some thousand.
				o := decode[Actions](t, overlay(t, defaults, options))
				file := o.Workflow
				document, err := language.render(o, file)
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
					if strings.Contains(e.Message, `property "os" is not defined`) {
						continue // the command's own mistake
					}
					t.Errorf("%s: %v\n%s", options, e, content)
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

// overlay is options over defaults.
func overlay(t testing.TB, defaults map[string]any, options string) []byte {
	t.Helper()
	var merge func(under, over map[string]any) map[string]any
	merge = func(under, over map[string]any) map[string]any {
		all := maps.Clone(under)
		if all == nil {
			all = map[string]any{}
		}
		for k, v := range over {
			if m, ok := v.(map[string]any); ok {
				below, _ := under[k].(map[string]any)
				v = merge(below, m)
			}
			all[k] = v
		}
		return all
	}
	data, err := json.Marshal(merge(defaults, decode[map[string]any](t, []byte(options))))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestJobsMayReadOnlyAndActionsArePinned(t *testing.T) {
	l := loader(t)
	o := decode[Actions](t, complete(t, l, "githubactions-golang",
		actionsBase+`,"test":{"coverage":{"enable":true}},"docker":{"enable":true,"platforms":["linux/arm64"],"registry":{"username":"me"}}}`))
	document, err := golang().render(o, "dtm-go.yml")
	if err != nil {
		t.Fatal(err)
	}
	content, err := document.encode("githubactions-golang")
	if err != nil {
		t.Fatal(err)
	}
	data, err := parse(content)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(data["permissions"]); got != "map[contents:read]" {
		t.Errorf("permissions are %s", got)
	}
	for name, job := range data["jobs"].(map[string]any) {
		p, ok := job.(map[string]any)["permissions"]
		if ok != (name == "tag") {
			t.Errorf("the job %s has permissions %v", name, p)
		}
	}
	uses := 0
	for line := range strings.SplitSeq(string(content), "\n") {
		if _, action, ok := strings.Cut(line, "uses: "); ok {
			uses++
			_, version, _ := strings.Cut(action, "@")
			sha, tag, _ := strings.Cut(version, " # v")
			if len(sha) != 40 || tag == "" {
				t.Errorf("not pinned: %s", line)
			}
		}
	}
	if uses < 10 {
		t.Errorf("%d actions in\n%s", uses, content)
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

func TestTwoInstancesShareNothing(t *testing.T) {
	l := loader(t)
	one := decode[Actions](t, complete(t, l, "githubactions-golang", actionsBase+`,"build":{"command":"one"},"secrets":{"A":"A"},"docker":{"enable":true,"registry":{"username":"me"}}}`))
	two := decode[Actions](t, complete(t, l, "githubactions-golang", actionsBase+`,"workflow":"two.yml","build":{"command":"two"},"secrets":{"A":"A"},"docker":{"enable":true,"registry":{"username":"me"}}}`))
	a, b := one.place("dtm-go.yml"), two.place("dtm-go.yml")
	if slices.Equal(a.Files, b.Files) {
		t.Errorf("both have %v", a.Files)
	}
	for name := range a.Secrets {
		if _, ok := b.Secrets[name]; ok {
			t.Errorf("both have the secret %s", name)
		}
	}
	documents := map[string]Actions{"dtm-go.yml": one, "two.yml": two}
	for file, o := range documents {
		document, err := golang().render(o, file)
		if err != nil {
			t.Fatal(err)
		}
		content, err := document.encode("githubactions-golang")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(content), "run: one"); got != (file == "dtm-go.yml") {
			t.Errorf("%s has the command of the other:\n%s", file, content)
		}
	}
}

func TestNamesOfSecretsAreTheFilesOwn(t *testing.T) {
	seen := map[string]string{}
	for _, file := range []string{"a-b.yml", "a_b.yml", "a.b.yml", "A-B.yml", "a-b.yaml", "1a.yml", ".gitlab-ci.yml", "gitlab-ci.yml", "ci/a.yml", "github-x.yml", "ci-x.yml"} {
		name := SecretName(file, "TOKEN")
		if other, ok := seen[name]; ok {
			t.Errorf("%s and %s both have %s", file, other, name)
		}
		seen[name] = file
		if strings.HasPrefix(name, "GITHUB_") || name[0] <= '9' || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
			t.Errorf("%s: %s is no name of a secret", file, name)
		}
	}
	if got := SecretName("dtm-go.yml", "DOCKERHUB_TOKEN"); got != "DTM_GO_DOCKERHUB_TOKEN" {
		t.Errorf("got %s", got)
	}
}
