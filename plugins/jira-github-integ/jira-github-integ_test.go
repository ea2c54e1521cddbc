package jiragithubinteg

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
	"github.com/devstream-io/dtm/plugins/internal/tracker"
	"github.com/devstream-io/dtm/plugins/internal/workflow/accident"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

const (
	repo = "acme/app"
	path = ".github/workflows/" + file
)

// world is a repository on GitHub, a project in Jira, and the plugin between them.
type world struct {
	hub       *parts.Hub
	jira      *parts.Tracker
	host      scm.Host
	kind      plugins.Kind
	transport *accident.Line
	env       map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{hub: parts.GitHub(t), jira: parts.Jira(t), transport: &accident.Line{Base: &http.Transport{DisableKeepAlives: true}}}
	w.hub.Org("acme", "alice")
	w.hub.NewRepo(t, repo, true)
	w.hub.SetFile(t, repo, "main", "README.md", "hello\n")
	w.env = map[string]string{"GITHUB_TOKEN": w.hub.Token("alice"), "GITHUB_API_URL": w.hub.URL, "JIRA_API_TOKEN": w.jira.Token}
	env := plugintest.Env(t.TempDir())
	env.Getenv = func(name string) string { return w.env[name] }
	env.HTTP.Transport = w.transport
	hosts := scm.New(env)
	w.kind = New(env, hosts)
	var err error
	if w.host, err = hosts.GitHub(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) options(change ...func(*Options)) Options {
	o := Options{
		Repository:  tracker.Repository{Owner: "alice", Org: "acme", Repo: "app", Branch: "main", Workflow: file, Runner: []string{"ubuntu-latest"}},
		JiraBaseURL: w.jira.URL, JiraUserEmail: w.jira.User, JiraProjectKey: w.jira.Project,
		IssueType: "Task", Transitions: Transitions{Edited: "In Progress", Closed: "Done", Reopened: "To Do"},
	}
	for _, c := range change {
		c(&o)
	}
	return o
}

func encode(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

func TestKeepsThePromise(t *testing.T) {
	plugintest.Run(t, func(t *testing.T) plugintest.Subject {
		w := newWorld(t)
		s := plugintest.Subject{
			Kind: w.kind, Fail: func(n int, when plugintest.When) func() bool {
				return w.transport.Fail(t.Name(), n, when == plugintest.After)
			},
			Want:    encode(w.options()),
			Changed: encode(w.options(func(o *Options) { o.IssueType, o.Transitions = "Bug", Transitions{Closed: "Closed"} })),
			Renamed: encode(w.options(func(o *Options) { o.Workflow = "to-jira.yaml" })),
			Drift: func() error {
				w.hub.SetFile(t, repo, "main", path, "# managed by dtm ("+name+")\non: push\n")
				return nil
			},
			Remove: func() error { w.hub.SetFiles(t, repo, "main", map[string][]byte{path: nil}); return nil },
			Exists: func(raw json.RawMessage) (bool, error) {
				var o Options
				err := json.Unmarshal(raw, &o)
				there := strings.Contains(w.hub.Files(t, repo, "main")[".github/workflows/"+o.Workflow], `ISSUE_TYPE: "`+o.IssueType+`"`)
				for secret := range o.Place(file, o.secret()).Secrets {
					there = there && w.hub.Secrets(t, repo)[secret] == w.jira.Token
				}
				return there, err
			},
			Leftovers: func() ([]string, error) {
				left := slices.Collect(maps.Keys(w.hub.Secrets(t, repo)))
				for file := range w.hub.Files(t, repo, "main") {
					if file != "README.md" {
						left = append(left, file)
					}
				}
				return left, nil
			},
		}
		for i := range 3 {
			s.Others = append(s.Others, encode(w.options(func(o *Options) { o.Workflow = fmt.Sprintf("other-%d.yml", i) })))
		}
		return s
	})
}

func (w *world) create(t *testing.T, o Options) []byte {
	t.Helper()
	r, err := w.kind.Create(t.Context(), encode(o))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(r), w.jira.Token) || strings.Contains(string(r), w.env["GITHUB_TOKEN"]) {
		t.Errorf("there is a token in %s", r)
	}
	return []byte(w.hub.Files(t, repo, "main")[".github/workflows/"+o.Workflow])
}

func TestTheWorkflowPassesActionlintWhateverTheOptions(t *testing.T) {
	w := newWorld(t)
	// No option has to do with another in the workflow, so each has another value in turn.
	for _, change := range []func(*Options){
		func(*Options) {},
		func(o *Options) { o.Runner = []string{"self-hosted", "on: [push]", "'\"\\ \n#"} },
		func(o *Options) { o.Workflow = "Issues_2.x.yaml" },
		func(o *Options) { o.ViaPullRequest, o.Adopt, o.Rotation = true, true, "\"}}\n" },
		func(o *Options) { o.Transitions = Transitions{} },
		func(o *Options) {
			o.IssueType, o.Transitions = "Änderung: \"&amp; #1\\", Transitions{Edited: "Läuft <&>", Closed: "'; id"}
		},
	} {
		document, err := w.options(change).Render(files, file, w.options(change))
		if err != nil {
			t.Fatal(err)
		}
		parts.LintWorkflow(t, document.Text)
		text := document.Text
		if !strings.Contains(string(text), `JIRA_USER: "jane+jira@example.com"`) || strings.Contains(string(text), w.jira.Token) {
			t.Errorf("the address is not as it was, or there is a token in\n%s", text)
		}
	}
}

func TestTwoToolsInOneRepositoryShareNothing(t *testing.T) {
	w := newWorld(t)
	one := w.create(t, w.options())
	other := w.options(func(o *Options) { o.Workflow, o.IssueType, o.Transitions = "bugs.yml", "Bug", Transitions{} })
	two := w.create(t, other)
	if again := []byte(w.hub.Files(t, repo, "main")[path]); string(again) != string(one) || strings.Contains(string(one), `"Bug"`) || !strings.Contains(string(two), `"Bug"`) {
		t.Error("one has the text of the other")
	}
	if err := w.kind.Delete(t.Context(), encode(other), nil); err != nil {
		t.Fatal(err)
	}
	if got := w.hub.Secrets(t, repo); len(got) != 1 || got["JIRA_GITHUB_INTEG_JIRA_API_TOKEN"] != w.jira.Token {
		t.Errorf("the secrets that are left are %v", slices.Collect(maps.Keys(got)))
	}
}

func TestTheTokenMayBeInAnotherVariable(t *testing.T) {
	w := newWorld(t)
	w.env["JIRA_OF_ACME"], w.env["JIRA_API_TOKEN"] = w.jira.Token, "another-token"
	text := w.create(t, w.options(func(o *Options) { o.TokenEnv = "JIRA_OF_ACME" }))
	if want := "${{ secrets.JIRA_GITHUB_INTEG_JIRA_OF_ACME }}"; !strings.Contains(string(text), want) {
		t.Errorf("the workflow has no %s:\n%s", want, text)
	}
	if got := w.hub.Secrets(t, repo); len(got) != 1 || got["JIRA_GITHUB_INTEG_JIRA_OF_ACME"] != w.jira.Token {
		t.Errorf("the secrets are %v", slices.Collect(maps.Keys(got)))
	}
	delete(w.env, "JIRA_OF_ACME")
	_, err := w.kind.Create(t.Context(), encode(w.options(func(o *Options) { o.TokenEnv, o.Workflow = "JIRA_OF_ACME", "other.yml" })))
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "set JIRA_OF_ACME to it") {
		t.Errorf("without it, create returns %v", err)
	}
}

func TestNothingIsWrittenBeforeJiraHasShownThatItWillWork(t *testing.T) {
	for name, m := range map[string]struct {
		change     func(w *world, o *Options)
		text, hint string
	}{
		"no token":        {func(w *world, _ *Options) { w.env["JIRA_API_TOKEN"] = "" }, "JIRA_API_TOKEN", "api-tokens gives the user jane+jira@example.com a token"},
		"a wrong token":   {func(w *world, _ *Options) { w.env["JIRA_API_TOKEN"] = "s3cret-of-nobody" }, "the credentials for Jira: jira: GET /rest/api/3/myself: 401", "JIRA_API_TOKEN"},
		"another address": {func(_ *world, o *Options) { o.JiraUserEmail = "jane@example.com" }, "401", "jiraUserEmail"},
		"no such project": {func(_ *world, o *Options) { o.JiraProjectKey = "NONE" }, "the project NONE: jira: GET /rest/api/3/project/NONE: 404 Not Found: No project", "HEAP"},
		"no such type":    {func(_ *world, o *Options) { o.IssueType = "Epic" }, `issueType: HEAP has no issues of the type "Epic"`, "Bug, Task"},
		"no such status":  {func(_ *world, o *Options) { o.Transitions.Closed = "Shipped" }, `transitions.closed: a Task of HEAP has no status "Shipped"`, "To Do, In Progress, Done"},
		"no URL":          {func(_ *world, o *Options) { o.JiraBaseURL = "https://u:s3cret@h" }, "jiraBaseUrl is not a URL", "credentials"},
		"a redirect": {func(w *world, _ *Options) {
			w.jira.Fail(1, parts.Trouble{Status: 302, Header: map[string]string{"Location": "http://127.0.0.1:1/"}})
		}, "302 Found", "credentials are not sent after them"},
		"no connection": {func(w *world, _ *Options) { w.jira.Fail(2, parts.Trouble{Cut: true}) }, "does not answer", "jiraBaseUrl"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			o := w.options()
			m.change(w, &o)
			_, err := w.kind.Create(t.Context(), encode(o))
			if err == nil || !strings.Contains(err.Error(), m.text) || errors.Is(err, plugins.ErrNotFound) {
				t.Fatalf("create returns %v", err)
			}
			var hint interface{ Hint() string }
			if m.hint != "" && (!errors.As(err, &hint) || !strings.Contains(hint.Hint(), m.hint)) {
				t.Errorf("the hint of %v is not about %s", err, m.hint)
			}
			if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), w.jira.Token) {
				t.Errorf("there is a secret in %v", err)
			}
			if files, secrets := w.hub.Files(t, repo, "main"), w.hub.Secrets(t, repo); len(files) != 1 || len(secrets) != 0 {
				t.Errorf("there are %d files and %d secrets", len(files), len(secrets))
			}
		})
	}
}

// That an old state is taken over changes nothing by itself; the first change does.
func TestWhatDevStreamLeftIsTakenOverAndItsSecretsGo(t *testing.T) {
	w := newWorld(t)
	w.hub.SetFile(t, repo, "main", path, "name: Issues Builder\non: issues\n")
	for _, name := range formerSecrets {
		if err := w.host.SetSecret(t.Context(), scm.Path{Owner: "acme", Name: "app"}, name, "x"); err != nil {
			t.Fatal(err)
		}
	}
	o := w.options()
	old, err := w.kind.Succeed(t.Context(), encode(o), []byte(`{"workflowDir":"/repos/acme/app/contents/.github/workflows"}`))
	if err != nil {
		t.Fatal(err)
	}
	read, err := w.kind.Read(t.Context(), encode(o), old)
	if err != nil || string(read) != string(old) {
		t.Errorf("read returns %s, %v; the resource of DevStream means %s", read, err, old)
	}
	if _, err := w.kind.Update(t.Context(), encode(o), encode(o), old); err != nil {
		t.Fatal(err)
	}
	parts.LintWorkflow(t, []byte(w.hub.Files(t, repo, "main")[path]))
	for name, value := range w.hub.Secrets(t, repo) {
		if !strings.HasPrefix(name, "JIRA_GITHUB_INTEG_") || value == "x" {
			t.Errorf("there is still %s", name)
		}
	}
}

// DevStream handed the operator's own token to everybody who can change a workflow.
func TestTheOperatorsTokenNeverGoesIntoTheRepository(t *testing.T) {
	w := newWorld(t)
	text := w.create(t, w.options())
	for name, value := range w.hub.Secrets(t, repo) {
		if strings.Contains(value, w.env["GITHUB_TOKEN"]) {
			t.Errorf("the secret %s has it", name)
		}
	}
	if strings.Contains(string(text), w.env["GITHUB_TOKEN"]) {
		t.Error("the workflow has it")
	}
}

func TestIssuesInJiraFollowThoseOnGitHub(t *testing.T) {
	w := newWorld(t)
	text := w.create(t, w.options())
	// The one call to GitHub is this one.
	const before = "'; touch pwned; echo \"$(id)\" `id` ${{ secrets.X }} ü \\ %s"
	title := before
	github := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body map[string]string
		data, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(data, &body); err != nil || r.Method+" "+r.URL.Path != "PATCH /repos/acme/app/issues/12" || r.Header.Get("Authorization") != "Bearer ghs_own" {
			t.Errorf("%s %s: %s", r.Method, r.URL.Path, data)
		}
		title = body["title"]
	}))
	defer github.Close()
	event := func(action, body string) map[string]any {
		return map[string]any{"action": action, "issue": map[string]any{
			"number": 12, "state": "open", "title": title, "body": body, "html_url": "https://github.com/acme/app/issues/12",
		}}
	}
	run := func(job, name string, payload any) string {
		t.Helper()
		return parts.RunWorkflow(t, text, parts.WorkflowEvent{
			Job: job, Name: name, Payload: payload, Secrets: w.hub.Secrets(t, repo), Repository: repo, API: github.URL, Token: "ghs_own",
		})
	}
	other := w.jira.AddIssue("Task", "somebody else's")
	body := "line one\r\n\r\n" + before
	run("issue", "issues", event("opened", body))
	if title != "[HEAP-2] "+before {
		t.Errorf("the title is %q", title)
	}
	run("issue", "issues", event("opened", body)) // again, by hand
	issues := w.jira.Issues()
	if len(issues) != 2 || issues[1].Summary != before || issues[1].Description != "https://github.com/acme/app/issues/12\n\nline one\n\n"+before {
		t.Fatalf("the issues are %+v", issues)
	}
	for _, m := range []struct{ action, status string }{
		{"edited", "In Progress"}, {"closed", "Done"}, {"reopened", "To Do"},
	} {
		run("issue", "issues", event(m.action, body))
		if got := w.jira.Issues()[1].Status; got != m.status {
			t.Errorf("after it was %s it is %q", m.action, got)
		}
	}
	comment := func(action, body string) {
		t.Helper()
		e := event(action, "")
		e["comment"] = map[string]any{"html_url": "https://github.com/acme/app/issues/12#issuecomment-1", "body": body, "user": map[string]any{"login": "eve"}}
		run("comment", "issue_comment", e)
	}
	comment("created", before+"\n\nbye")
	comment("deleted", "")
	got := w.jira.Issues()[1]
	if len(got.Comments) != 2 || got.Comments[0] != "eve (https://github.com/acme/app/issues/12#issuecomment-1, created):\n"+before+"\n\nbye" || got.Status != "To Do" {
		t.Errorf("the issue is %+v", got)
	}

	// A pull request has comments, too, and no issue in Jira.
	pull := event("created", "")
	pull["issue"].(map[string]any)["pull_request"] = map[string]any{"url": "x"}
	pull["comment"] = map[string]any{"html_url": "x", "body": "x", "user": map[string]any{"login": "eve"}}
	run("", "issue_comment", pull)

	// Whoever may edit the title may not move what is not theirs.
	title = "[" + other + "] mine"
	said := run("issue", "issues", event("closed", ""))
	comment("created", "hello")
	title = "no key at all"
	run("issue", "issues", event("closed", ""))
	if all := w.jira.Issues(); all[0].Status != "To Do" || len(all[0].Comments) != 0 || all[1].Status != "To Do" {
		t.Errorf("the issues are %+v; it said %s", all, said)
	}
}
