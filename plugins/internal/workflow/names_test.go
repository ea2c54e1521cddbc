package workflow

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

// files are names that people may give, and that look much alike.
func files() []string {
	return []string{
		"dtm-go.yml", "dtm-nodejs.yml", "dtm-python.yml", "trello-github-integ.yml", "jira-github-integ.yml", rootFile,
		"dtm.yml", "dtm-ci.yml", "go.yml", "a-b.yml", "a_b.yml", "a.b.yml", "A-B.yml", "a-b.yaml", "a-b.yaml.yml", "a-b.yml.yml", "1a.yml", "gitlab-ci.yml",
		"github-x.yml", "ci-x.yml", "ci.yml", "ci/a.yml", "ci-a.yml", "ci/a/b.yml", "a..b.yml", "a.lock.yml", ".yml.yml", "trello.yml", "trello-github.yml",
	}
}

func TestNamesOfSecretsAreTheFilesOwn(t *testing.T) {
	seen := map[string]string{}
	for _, file := range files() {
		for _, variable := range []string{"TOKEN", "GO_TOKEN", "GITHUB_INTEG_TOKEN", "B_TOKEN", "_TOKEN", "CI_TOKEN"} {
			name := SecretName(file, variable)
			if other, ok := seen[name]; ok {
				t.Errorf("%s of %s is called %s, as is %s", variable, file, name, other)
			}
			seen[name] = variable + " of " + file
			if strings.HasPrefix(name, "GITHUB_") || strings.HasPrefix(name, "CI_") || name[0] <= '9' || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
				t.Errorf("%s: %s is no name of a secret", file, name)
			}
		}
	}
	for file, want := range map[string]string{"dtm-go.yml": "DTM_GO_DOCKERHUB_TOKEN", rootFile: "DTM_CI_DOCKERHUB_TOKEN"} {
		if got := SecretName(file, "DOCKERHUB_TOKEN"); got != want {
			t.Errorf("got %s", got)
		}
	}
}

// Git keeps branches as files: one cannot be another's folder, nor differ from it by what git refuses.
func TestBranchesOfProposalsAreTheFilesOwn(t *testing.T) {
	git := parts.Git(t)
	var seen, stems []string
	for _, file := range files() {
		branch := Through(file)
		if out, err := exec.CommandContext(t.Context(), git, "check-ref-format", "--branch", branch).CombinedOutput(); err != nil {
			t.Errorf("%s: %s is no branch: %s", file, branch, out)
		}
		if slices.Contains(seen, branch) || strings.Count(branch, "/") != 1 {
			t.Errorf("%s: another file has %s, or its folder", file, branch)
		}
		if slices.Contains(stems, stem(file)) {
			t.Errorf("%s: another file is called %s", file, stem(file))
		}
		seen, stems = append(seen, branch), append(stems, stem(file))
	}
	if got := Through("dtm-go.yml") + Through(rootFile); got != "dtm/dtm-godtm/gitlab-ci" {
		t.Errorf("got %s", got)
	}
}

func TestTwoInstancesShareNothing(t *testing.T) {
	l := loader(t)
	const with = `,"secrets":{"A":"A"},"viaPullRequest":true,"test":{"coverage":{"enable":true}},"docker":{"enable":true,"registry":{"username":"me"}}}`
	one := decode[Actions](t, complete(t, l, "githubactions-golang", actionsBase+`,"build":{"command":"one"}`+with))
	two := decode[Actions](t, complete(t, l, "githubactions-golang", actionsBase+`,"workflow":"dtm-go.yaml","build":{"command":"two"}`+with))
	a, b := one.place("dtm-go.yml"), two.place("dtm-go.yml")
	if slices.Equal(a.Files, b.Files) || a.Through == b.Through {
		t.Errorf("both have %v or %s", a.Files, a.Through)
	}
	for name := range a.Secrets {
		if _, ok := b.Secrets[name]; ok {
			t.Errorf("both have the secret %s", name)
		}
	}
	text := func(o Actions) string {
		document, err := golang().render(o, o.Workflow)
		if err != nil {
			t.Fatal(err)
		}
		content, err := document.encode("githubactions-golang")
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	first, second, again := text(one), text(two), text(one)
	if first != again || strings.Contains(first, "run: two") || strings.Contains(second, "run: one") {
		t.Errorf("one has the command of the other:\n%s\n%s", first, second)
	}
	// What runs under one name is cancelled by what runs under the same, and one cache is another's.
	for _, key := range []string{"name: ", "group: ", "cache-to: "} {
		_, mine, _ := strings.Cut(first, key)
		_, yours, _ := strings.Cut(second, key)
		mine, _, _ = strings.Cut(mine, "\n")
		yours, _, _ = strings.Cut(yours, "\n")
		if mine == "" || mine == yours {
			t.Errorf("%s%q, and of the other %q", key, mine, yours)
		}
	}
}

func TestOneSecretHasOneValue(t *testing.T) {
	l := loader(t)
	for options, ok := range map[string]bool{
		`"secrets":{"A":"X","B":"X"}`: true,
		`"secrets":{"A":"X","a":"Y"}`: false,
		`"secrets":{"A":"X","a":"X"}`: true,
		`"secrets":{"DOCKERHUB_TOKEN":"OTHER"},"docker":{"enable":true,"registry":{"username":"me"}}`:           false,
		`"secrets":{"DOCKERHUB_TOKEN":"DOCKERHUB_TOKEN"},"docker":{"enable":true,"registry":{"username":"me"}}`: true,
		`"secrets":{"DOCKERHUB_TOKEN":"OTHER"}`: true,
	} {
		o := decode[Actions](t, complete(t, l, "githubactions-golang", actionsBase+`,`+options+`}`))
		if _, err := golang().render(o, "dtm-go.yml"); (err == nil) != ok {
			t.Errorf("%s: %v", options, err)
		}
	}
	for options, ok := range map[string]bool{
		`"variables":{"DTM_CI_DOCKERHUB_TOKEN":"X"}`: true,
		`"variables":{"DTM_CI_DOCKERHUB_TOKEN":"X"},"docker":{"enable":true,"registry":{"type":"dockerhub","username":"me"}}`: false,
		`"variables":{"OTHER":"X"},"docker":{"enable":true,"registry":{"type":"dockerhub","username":"me"}}`:                  true,
	} {
		if _, err := decode[GitLabGo](t, complete(t, l, "gitlabci-golang", gitlabBase+`,`+options+`}`)).render(); (err == nil) != ok {
			t.Errorf("%s: %v", options, err)
		}
	}
}

// A version is text, is built with, and nothing else is.
func TestVersionsAreTheMatrix(t *testing.T) {
	for _, c := range []struct {
		of     language
		wish   Language
		matrix string
		setup  string
	}{
		{golang(), Language{}, "<nil>", "go-version-file:go.mod"},
		{golang(), Language{Version: "1.20"}, "<nil>", "go-version:1.20"},
		{golang(), Language{Versions: []string{"1.20", "1.3"}}, "map[version:[1.20 1.3]]", "go-version:${{ matrix.version }}"},
		{nodejs(), Language{}, "map[version:[22 24]]", "node-version:${{ matrix.version }}"},
		{nodejs(), Language{Versions: []string{"20"}}, "<nil>", "node-version:20"},
		{python(), Language{}, "map[version:[3.11 3.12 3.13 3.14]]", "python-version:${{ matrix.version }}"},
		{python(), Language{Version: "3.10"}, "<nil>", "python-version:3.10"},
	} {
		o := Actions{Owner: "a", Repo: "b", Runner: []string{"x"}, Language: c.wish, Build: Step{true, "build"}, Test: Test{Enable: true, Command: "test"}}
		document, err := c.of.render(o, c.of.file)
		if err != nil {
			t.Fatal(err)
		}
		content, err := document.encode("x")
		if err != nil {
			t.Fatal(err)
		}
		data, err := parse(content)
		if err != nil {
			t.Fatal(err)
		}
		for name, job := range data["jobs"].(map[string]any) {
			job := job.(map[string]any)
			strategy, _ := job["strategy"].(map[string]any)
			setup := job["steps"].([]any)[1].(map[string]any)["with"]
			if got := fmt.Sprint(strategy["matrix"]); got != c.matrix || !strings.Contains(fmt.Sprint(setup), c.setup) {
				t.Errorf("%s %+v: the job %s has %s, %s", c.of.file, c.wish, name, got, fmt.Sprint(setup))
			}
		}
	}
}
