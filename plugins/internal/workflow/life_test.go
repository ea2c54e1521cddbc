package workflow_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
	"github.com/devstream-io/dtm/plugins/internal/workflow"
)

const (
	golang  = "githubactions-golang"
	goFile  = ".github/workflows/dtm-go.yml"
	base    = `{"owner":"acme","repo":"hello"`
	docker  = `"docker":{"enable":true,"registry":{"username":"me"}}`
	goToken = "DTM_GO_DOCKERHUB_TOKEN"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// made is what there is of a file that may build an image.
type made = workflow.Resource[workflow.ImageOutputs]

func resource(t *testing.T, data json.RawMessage) made {
	t.Helper()
	var r made
	must(t, json.Unmarshal(data, &r))
	return r
}

func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// requests are those that came so far.
func (w *world) requests() []string {
	if w.hub != nil {
		return w.hub.Requests()
	}
	return w.lab.Requests()
}

func (w *world) writes() (writes []string) {
	for _, r := range w.hub.Requests() {
		if !strings.HasPrefix(r, "GET ") {
			writes = append(writes, r)
		}
	}
	return writes
}

func TestASecondApplyFindsNothingToDoAndDeletesNothing(t *testing.T) {
	t.Parallel()
	w := onGitHub(t)
	kind := w.kind(golang)
	want := w.options(golang, `{"owner":"nobody","org":"acme","repo":"hello",`+docker+`}`)
	r, err := kind.Create(t.Context(), want)
	must(t, err)
	commits := len(w.hub.Log(t, project, "main"))
	w.hub.Reset()
	again, err := kind.Read(t.Context(), want, r)
	must(t, err)
	if string(again) != string(r) {
		t.Errorf("read %s, made %s", again, r)
	}
	if _, err := kind.Update(t.Context(), want, want, r); err != nil {
		t.Fatal(err)
	}
	if got := len(w.hub.Log(t, project, "main")); got != commits {
		t.Errorf("an update to the same made %d commits", got-commits)
	}
	for _, request := range w.writes() {
		if !strings.HasPrefix(request, "PUT ") || !strings.Contains(request, "/actions/secrets/") {
			t.Errorf("an update to the same asks for %s", request)
		}
	}
	if got := resource(t, r); got.Outputs != (workflow.ImageOutputs{
		Outputs: workflow.Outputs{Repo: project, Branch: "main", File: goFile}, Image: "docker.io/me/hello",
	}) {
		t.Errorf("outputs are %+v", got.Outputs)
	}
	if got := w.secrets(); len(got) != 1 || got[goToken] != token {
		t.Errorf("secrets are %v", got)
	}
}

func TestAChangeIsOneCommit(t *testing.T) {
	t.Parallel()
	w := onGitHub(t)
	kind := w.kind(golang)
	have := w.options(golang, base+`}`)
	r, err := kind.Create(t.Context(), have)
	must(t, err)
	before := w.hub.Log(t, project, "main")
	want := w.options(golang, base+`,"workflow":"ci.yml"}`)
	preview, err := kind.Preview(t.Context(), want, have, r)
	must(t, err)
	if len(preview.Parts) != 2 || preview.Parts[0].Action != plugins.PartCreate || preview.Parts[1].Action != plugins.PartDelete {
		t.Errorf("the preview says %+v", preview)
	}
	_, err = kind.Update(t.Context(), want, have, r)
	must(t, err)
	log := w.hub.Log(t, project, "main")
	if len(log) != len(before)+1 || !strings.HasPrefix(log[0].Message, "ci: update 2 files\n") {
		t.Errorf("commits: %+v", log)
	}
	if files := w.files("main"); files[goFile] != "" || files[".github/workflows/ci.yml"] == "" || files["README.md"] == "" {
		t.Errorf("files: %v", files)
	}
}

func TestAFileOfSomebodyElseIsNotTouched(t *testing.T) {
	t.Parallel()
	w := onGitHub(t)
	kind := w.kind(golang)
	w.set("main", goFile, "on: push\n")
	w.hub.Reset()
	_, err := kind.Create(t.Context(), w.options(golang, base+`,`+docker+`}`))
	if !errors.Is(err, scm.ErrExists) || !strings.Contains(hint(err), "adopt") {
		t.Errorf("got %v, hint %q", err, hint(err))
	}
	if writes := w.writes(); len(writes) > 0 {
		t.Errorf("it was seen too late: %q", writes)
	}

	adopt := w.options(golang, base+`,"adopt":true}`)
	r, err := kind.Create(t.Context(), adopt)
	must(t, err)
	if !strings.Contains(w.files("main")[goFile], scm.MarkerOf(golang)) {
		t.Errorf("not adopted: %s", w.files("main")[goFile])
	}

	// Somebody makes the file their own: it is drift, and no longer dtm's to remove.
	w.set("main", goFile, "on: pull_request\n")
	drifted, err := kind.Read(t.Context(), adopt, r)
	must(t, err)
	if resource(t, drifted).Files[goFile] == resource(t, r).Files[goFile] {
		t.Error("the edit is not seen")
	}
	must(t, kind.Delete(t.Context(), adopt, r))
	if w.files("main")[goFile] != "on: pull_request\n" {
		t.Error("somebody else's file was removed")
	}
}

func TestAnEditedFileIsPutRightAndAnotherPluginsIsNot(t *testing.T) {
	t.Parallel()
	w := onGitHub(t)
	kind := w.kind(golang)
	want := w.options(golang, base+`}`)
	r, err := kind.Create(t.Context(), want)
	must(t, err)
	content := w.files("main")[goFile]
	w.set("main", goFile, content+"# edited\n")
	_, err = kind.Update(t.Context(), want, want, r)
	must(t, err)
	if w.files("main")[goFile] != content {
		t.Errorf("not put right: %s", w.files("main")[goFile])
	}
	node := w.kind("githubactions-nodejs")
	if _, err := node.Create(t.Context(), w.options("githubactions-nodejs", base+`,"workflow":"dtm-go.yml"}`)); !errors.Is(err, scm.ErrExists) {
		t.Errorf("the file of another plugin: %v", err)
	}
}

// What is missing is said before anything is asked for, and what it is for.
func TestCredentialsAreLookedForBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ plugin, options, variable, hint string }{
		{golang, base + `,` + docker + `}`, "DOCKERHUB_TOKEN", "set DOCKERHUB_TOKEN to a token, or password, of me that may push docker.io/me/hello"},
		{golang, base + `,"secrets":{"TOKEN":"NPM_TOKEN"}}`, "NPM_TOKEN", "set NPM_TOKEN to what commands are to find in $TOKEN"},
		{"gitlabci-golang", `{"pathWithNamespace":"acme/hello","variables":{"KEY":"DEPLOY_KEY"}}`, "DEPLOY_KEY", "set DEPLOY_KEY to the value that the CI/CD variable KEY is to have"},
		{
			"gitlabci-golang", `{"pathWithNamespace":"acme/hello","docker":{"enable":true,"registry":{"type":"harbor","url":"h.example.com/lib","username":"bot","tokenEnv":"H"}}}`,
			"H", "set H to a token, or password, of bot that may push h.example.com/lib/hello",
		},
	} {
		w := onGitHub(t)
		if c.plugin != golang {
			w = onGitLab(t)
		}
		with := w.env.Getenv
		w.env.Getenv = func(name string) string {
			if name == c.variable {
				return ""
			}
			return with(name)
		}
		before := len(w.requests())
		_, err := w.kind(c.plugin).Create(t.Context(), w.options(c.plugin, c.options))
		if err == nil || !strings.Contains(err.Error(), c.variable) || hint(err) != c.hint {
			t.Errorf("%s: %v, hint %q", c.options, err, hint(err))
		}
		if asked := w.requests()[before:]; len(asked) > 0 {
			t.Errorf("%s: asked for %q", c.options, asked)
		}
	}
}

func TestWhatIsNoPipelineNeverReachesTheProject(t *testing.T) {
	t.Parallel()
	w := onGitLab(t)
	kind := w.kind("gitlabci-generic")
	for text, why := range map[string]string{
		"build: {{ .x }}: y\n":    "no YAML",
		"- build\n":               "no YAML with a map",
		"# {{ .x }}\n":            "empty",
		"build: {{ .missing }}\n": "no entry for key",
	} {
		must(t, os.WriteFile(filepath.Join(w.dir, "ci.tmpl"), []byte(text), 0o600))
		before := len(w.requests())
		_, err := kind.Create(t.Context(), w.options("gitlabci-generic", `{"pathWithNamespace":"acme/hello","templateURL":"ci.tmpl","templateVariables":{"x":"a: b"},"variables":{"DEPLOY_KEY":"DEPLOY_KEY"}}`))
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %s", text, err, why)
		}
		if asked := w.requests()[before:]; len(asked) > 0 || len(w.lab.Variables(project)) > 0 {
			t.Errorf("%q: asked for %q", text, asked)
		}
	}
}

// Text is what it was on the service, too, wherever it stands.
func TestTextIsPushedAsItWas(t *testing.T) {
	t.Parallel()
	const command = `make && echo "<a>+'b'" > x &`
	encoded, err := json.Marshal(command)
	must(t, err)
	for _, step := range []string{"install", "lint", "build", "test"} {
		for _, plugin := range []string{golang, "githubactions-nodejs", "githubactions-python", "gitlabci-golang"} {
			w, file, options := onGitHub, goFile, base+`,"workflow":"dtm-go.yml","`+step+`":{"enable":true,"command":`+string(encoded)+`}}`
			if plugin == "gitlabci-golang" {
				if step == "install" {
					continue
				}
				w, file, options = onGitLab, ".gitlab-ci.yml", `{"pathWithNamespace":"acme/hello","`+step+`":{"enable":true,"command":`+string(encoded)+`}}`
			}
			world := w(t)
			kind := world.kind(plugin)
			_, err := kind.Create(t.Context(), world.options(plugin, options))
			must(t, err)
			if text := world.files("main")[file]; !strings.Contains(text, command) {
				t.Errorf("%s: %s is not in\n%s", plugin, step, text)
			}
		}
	}
}

// Two tools of one plugin live in one repository, and one goes without the other.
func TestOneToolGoesAndTheOtherStays(t *testing.T) {
	t.Parallel()
	w := onGitHub(t)
	kind := w.kind(golang)
	const with = `,"viaPullRequest":true,` + docker
	one, two := w.options(golang, base+with+`}`), w.options(golang, base+with+`,"workflow":"dtm-go.yaml"}`)
	first, err := kind.Create(t.Context(), one)
	must(t, err)
	second, err := kind.Create(t.Context(), two)
	must(t, err)
	if pulls := w.hub.Pulls(t, project); len(pulls) != 2 || len(w.secrets()) != 2 {
		t.Errorf("pulls %+v, %d secrets", pulls, len(w.secrets()))
	}
	must(t, kind.Delete(t.Context(), one, first))
	again, err := kind.Read(t.Context(), two, second)
	must(t, err)
	if string(again) != string(second) || len(w.secrets()) != 1 {
		t.Errorf("read %s, made %s; %d secrets", again, second, len(w.secrets()))
	}
}

func TestSecretsAreNowhereInClear(t *testing.T) {
	t.Parallel()
	w := onGitHub(t)
	kind := w.kind(golang)
	var concealed []string
	ctx := plugins.WithConceal(t.Context(), func(value string) { concealed = append(concealed, value) })
	want := w.options(golang, base+`,`+docker+`,"secrets":{"NPM_TOKEN":"NPM_TOKEN"}}`)
	r, err := kind.Create(ctx, want)
	must(t, err)
	if strings.Contains(string(r), token) || strings.Contains(w.files("main")[goFile], token) {
		t.Errorf("in clear: %s", r)
	}
	if !slices.Contains(concealed, token) || !slices.Contains(concealed, token+"2") {
		t.Errorf("concealed are %d values", len(concealed))
	}
	if got := resource(t, r).Secrets; !slices.Equal(got, []string{goToken, "DTM_GO_NPM_TOKEN"}) {
		t.Errorf("recorded are %q", got)
	}
	must(t, kind.Delete(ctx, want, r))
	if got := w.secrets(); len(got) > 0 {
		t.Errorf("left are %v", got)
	}
}

func TestWhatIsProposedIsNoDriftUntilSomebodyDeclines(t *testing.T) {
	t.Parallel()
	w := onGitHub(t)
	kind := w.kind(golang)
	want := w.options(golang, base+`,"viaPullRequest":true}`)
	r, err := kind.Create(t.Context(), want)
	must(t, err)
	pulls := w.hub.Pulls(t, project)
	if len(pulls) != 1 || !pulls[0].Open || resource(t, r).Status.Proposal == "" || w.files("main")[goFile] != "" {
		t.Fatalf("pulls %+v, made %s", pulls, r)
	}
	files := resource(t, r).Files
	read := func() (made, error) {
		data, err := kind.Read(t.Context(), want, r)
		if err != nil {
			return made{}, err
		}
		return resource(t, data), nil
	}
	w.hub.Merge(t, project, pulls[0].Number)
	got, err := read()
	must(t, err)
	if got.Files[goFile] != files[goFile] || got.Status.Proposal != "" {
		t.Errorf("after the merge: %+v", got)
	}

	changed := w.options(golang, base+`,"viaPullRequest":true,"timeoutMinutes":5}`)
	r, err = kind.Update(t.Context(), changed, want, r)
	must(t, err)
	pulls = w.hub.Pulls(t, project)
	if len(pulls) != 2 || !pulls[1].Open {
		t.Fatalf("pulls %+v", pulls)
	}
	w.hub.Decline(t, project, pulls[1].Number)
	got, err = read()
	must(t, err)
	if got.Files[goFile] != files[goFile] {
		t.Errorf("after it was declined: %+v", got)
	}

	// To remove it is proposed, too.
	must(t, kind.Delete(t.Context(), changed, r))
	pulls = w.hub.Pulls(t, project)
	if len(pulls) != 3 || !pulls[2].Open || w.files("main")[goFile] == "" {
		t.Fatalf("pulls %+v", pulls)
	}
	w.hub.Merge(t, project, pulls[2].Number)
	if w.files("main")[goFile] != "" {
		t.Error("it is still there")
	}
}

func TestARequestThatNobodyMergedGoesWithTheTool(t *testing.T) {
	t.Parallel()
	w := onGitHub(t)
	kind := w.kind(golang)
	want := w.options(golang, base+`,"viaPullRequest":true}`)
	r, err := kind.Create(t.Context(), want)
	must(t, err)
	direct := w.options(golang, base+`}`)
	r, err = kind.Update(t.Context(), direct, want, r)
	must(t, err)
	if pulls := w.hub.Pulls(t, project); len(pulls) != 1 || pulls[0].Open || w.files("main")[goFile] == "" {
		t.Errorf("pulls %+v", pulls)
	}
	must(t, kind.Delete(t.Context(), direct, r))
	if branches := w.hub.Repo(t, project).Branches; len(branches) != 1 {
		t.Errorf("branches %v", branches)
	}
}

func TestARepositoryThatIsGoneIsNoErrorForADelete(t *testing.T) {
	t.Parallel()
	w := onGitHub(t)
	kind := w.kind(golang)
	want := w.options(golang, base+`,`+docker+`}`)
	r, err := kind.Create(t.Context(), want)
	must(t, err)
	w.hub.Remove(t, project)
	if _, err := kind.Read(t.Context(), want, r); !errors.Is(err, plugins.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	must(t, kind.Delete(t.Context(), want, r))
	if _, err := kind.Create(t.Context(), want); err == nil || !strings.Contains(err.Error(), project) {
		t.Errorf("got %v", err)
	}
}

// DevStream's files are taken over as they are; the next change puts one of dtm's into their place, in one commit.
func TestFilesOfDevStreamAreTakenOver(t *testing.T) {
	t.Parallel()
	w := onGitHub(t)
	kind := w.kind(golang)
	const pr, push = ".github/workflows/pr-builder.yml", ".github/workflows/main-builder.yml"
	w.set("main", pr, "name: Pull Requests Builder\n")
	w.set("main", push, "name: Main Branch Builder\n")
	have := json.RawMessage(`{"owner":"nobody","org":"acme","repo":"hello","branch":"main","language":{"name":"go"},"docker":{"enable":true,"registry":{"username":"me"}}}`)
	meant, err := kind.Succeed(t.Context(), have, []byte(`{"workflowDir":"/repos/nobody/hello/contents/.github/workflows"}`))
	must(t, err)
	want := w.options(golang, `{"org":"acme","repo":"hello",`+docker+`}`)
	read, err := kind.Read(t.Context(), want, meant)
	must(t, err)
	if string(read) != string(meant) {
		t.Errorf("read %s, meant %s", read, meant)
	}
	commits := len(w.hub.Log(t, project, "main"))
	_, err = kind.Update(t.Context(), want, have, meant)
	must(t, err)
	files := w.files("main")
	if files[pr] != "" || files[push] != "" || files[goFile] == "" || len(w.hub.Log(t, project, "main")) != commits+1 {
		t.Errorf("files are %v", files)
	}
}

func TestIdentityIsTheFileInItsRepository(t *testing.T) {
	t.Parallel()
	w := onGitHub(t)
	kind := w.kind(golang)
	of := func(options string) string {
		id, err := kind.Identity(t.Context(), w.options(golang, options))
		must(t, err)
		return id
	}
	if of(base+`}`) != of(`{"owner":"x","org":"ACME","repo":"Hello","branch":"other"}`) {
		t.Error("one file is two things")
	}
	if of(base+`}`) == of(base+`,"workflow":"x.yml"}`) || of(base+`}`) == of(`{"owner":"acme","repo":"hello2"}`) {
		t.Error("two files are one thing")
	}
}

func TestIdentityIsReadByPeople(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ plugin, options, environment, want string }{
		{golang, base + `}`, "", "acme/hello on github.com: .github/workflows/dtm-go.yml"},
		{golang, base + `,"baseURL":"https://api.github.com/"}`, "", "acme/hello on github.com: .github/workflows/dtm-go.yml"},
		{golang, base + `,"baseURL":"https://GHE.example.com/api/v3"}`, "", "acme/hello on ghe.example.com: .github/workflows/dtm-go.yml"},
		{golang, base + `}`, "https://ghe.example.com:8443", "acme/hello on ghe.example.com:8443: .github/workflows/dtm-go.yml"},
		{"gitlabci-golang", `{"pathWithNamespace":"acme/x/hello"}`, "", "acme/x/hello on gitlab.com: .gitlab-ci.yml"},
		{"gitlabci-golang", `{"pathWithNamespace":"acme/hello"}`, "https://example.com/gitlab/", "acme/hello on example.com/gitlab: .gitlab-ci.yml"},
	} {
		w := newWorld(t)
		w.getenv(map[string]string{"GITHUB_API_URL": c.environment, "GITLAB_URL": c.environment})
		if got, err := w.kind(c.plugin).Identity(t.Context(), w.options(c.plugin, c.options)); err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.options, got, err, c.want)
		}
	}
}

func TestOnGitLabVariablesAreMaskedAndTheFileIsMergedIn(t *testing.T) {
	t.Parallel()
	w := onGitLab(t)
	w.set("main", ".gitlab-ci.yml", "old: {script: [x]}\n")
	kind := w.kind("gitlabci-golang")
	const options = `{"pathWithNamespace":"acme/hello","adopt":true,"variables":{"DEPLOY_KEY":"DEPLOY_KEY"},"docker":{"enable":true,"registry":{"type":"dockerhub","username":"me"}}}`
	want := w.options("gitlabci-golang", options)
	r, err := kind.Create(t.Context(), want)
	must(t, err)
	variables := w.lab.Variables(project)
	if len(variables) != 2 || !variables["DEPLOY_KEY"].Masked || !variables["DTM_CI_DOCKERHUB_TOKEN"].Masked {
		t.Errorf("variables are %+v", variables)
	}
	if !strings.Contains(w.files("main")[".gitlab-ci.yml"], "$DTM_CI_DOCKERHUB_TOKEN") {
		t.Errorf("the file is\n%s", w.files("main")[".gitlab-ci.yml"])
	}
	must(t, kind.Delete(t.Context(), want, r))
	if len(w.lab.Variables(project)) > 0 || len(w.files("main")) != 1 {
		t.Errorf("left are %v %v", w.lab.Variables(project), w.files("main"))
	}
}
