package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

const hostingCanaries = `state: {backend: local, options: {stateFile: devstream.state}}
---
tools:
- name: github-repo-scaffolding-golang
  instanceID: default
  lifecycle: {preventDestroy: false, retries: 0}
  options: {owner: alice, repo: shop}
- name: githubactions-golang
  instanceID: default
  lifecycle: {retries: 0}
  options:
    owner: alice
    repo: ${{ github-repo-scaffolding-golang.default.outputs.repo }}
    docker: {enable: true, registry: {username: alice}}
    secrets: {DEPLOY_KEY: DEPLOY_KEY}
- name: gitlab-repo-scaffolding-golang
  instanceID: default
  lifecycle: {preventDestroy: false, retries: 0}
  options: {owner: alice, repo: shop}
- name: gitlabci-golang
  instanceID: default
  lifecycle: {retries: 0}
  options:
    pathWithNamespace: alice/${{ gitlab-repo-scaffolding-golang.default.outputs.repo }}
    variables: {DEPLOY_KEY: DEPLOY_KEY}
    docker: {enable: true, registry: {type: dockerhub, username: alice}}
- name: gitlabci-generic
  instanceID: default
  lifecycle: {retries: 0}
  options: {pathWithNamespace: "alice/${{ gitlab-repo-scaffolding-golang.default.outputs.repo }}", file: other.yml, templateURL: $TEMPLATE/ci.yml}
- name: trello
  instanceID: default
  lifecycle: {preventDestroy: false, retries: 0}
  options: {owner: alice, repo: shop}
- name: trello-github-integ
  instanceID: default
  lifecycle: {retries: 0}
  options:
    owner: alice
    repo: ${{ github-repo-scaffolding-golang.default.outputs.repo }}
    boardId: ${{ trello.default.outputs.boardId }}
    todoListId: ${{ trello.default.outputs.todoListId }}
    doingListId: ${{ trello.default.outputs.doingListId }}
    doneListId: ${{ trello.default.outputs.doneListId }}
- name: jira-github-integ
  instanceID: default
  lifecycle: {retries: 0}
  options:
    owner: alice
    repo: ${{ github-repo-scaffolding-golang.default.outputs.repo }}
    jiraBaseUrl: $JIRA
    jiraUserEmail: $USER
    jiraProjectKey: HEAP
`

// Every tool for code hosts and boards goes through every command, and services that answer with what they were told, send
// elsewhere or refuse. No token is written anywhere, and each has come to its own service alone.
func TestNoTokenIsWrittenOrSentToAnotherService(t *testing.T) {
	t.Parallel()
	h, l, k, j := parts.GitHub(t), parts.GitLab(t), parts.Trello(t), parts.Jira(t)
	h.User("alice")
	github, gitlab, trello, jira := newPost(t, "GitHub", h.URL), newPost(t, "GitLab", l.URL), newPost(t, "Trello", k.URL), newPost(t, "Jira", j.URL)
	template, traces, stranger := newPost(t, "the template's server", ""), newPost(t, "the traces", ""), newPost(t, "a stranger", "")
	template.answer(func(w http.ResponseWriter, _ *http.Request) bool {
		_, err := io.WriteString(w, "test: {script: echo}\n")
		return err == nil
	})
	traces.answer(func(http.ResponseWriter, *http.Request) bool { return true })
	posts := []*post{github, gitlab, trello, jira, template, traces, stranger}

	tokens := map[string]string{
		"GITHUB_TOKEN": h.Token("alice"), "GITLAB_TOKEN": l.User("alice"), "TRELLO_API_KEY": k.Key, "TRELLO_TOKEN": k.Token,
		"JIRA_API_TOKEN": j.Token, "DOCKERHUB_TOKEN": "dckr_pat_canary", "DEPLOY_KEY": "deploy-canary-12",
	}
	// To GitHub secrets go sealed; to GitLab variables go as they are.
	homes := map[string]*post{
		"GITHUB_TOKEN": github, "GITLAB_TOKEN": gitlab, "TRELLO_API_KEY": trello, "TRELLO_TOKEN": trello, "JIRA_API_TOKEN": jira,
		"DOCKERHUB_TOKEN": gitlab, "DEPLOY_KEY": gitlab,
	}
	dir := t.TempDir()
	config := strings.NewReplacer("$TEMPLATE", template.url, "$JIRA", jira.url, "$USER", j.User).Replace(hostingCanaries)
	writeFile(t, filepath.Join(dir, "config.yaml"), config)
	var said strings.Builder
	run := func(line string, env ...string) string {
		cmd := dtm(t, dir, strings.Fields(line)...)
		cmd.Env = append(os.Environ(), "GITHUB_API_URL="+github.url, "GITLAB_URL="+gitlab.url, "TRELLO_API_URL="+trello.url,
			"OTEL_EXPORTER_OTLP_ENDPOINT="+traces.url, "HOME="+dir, "XDG_CACHE_HOME="+filepath.Join(dir, ".cache"))
		for name, value := range tokens {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		cmd.Env = append(cmd.Env, env...)
		out, _ := cmd.CombinedOutput() // what it exits with is said below
		fmt.Fprintf(&said, "$ dtm %s\n%s\n", line, out)
		return string(out)
	}
	says := func(line, want string, env ...string) {
		t.Helper()
		if out := run(line, env...); !strings.Contains(out, want) {
			t.Errorf("dtm %s does not say %q:\n%s", line, want, out)
		}
	}
	trouble := func(instead answerer) {
		for _, p := range posts[:4] {
			p.answer(instead)
		}
	}
	// A service that tells everybody what it was told, in all ways that there are.
	echo := func(status int) answerer {
		return func(w http.ResponseWriter, r *http.Request) bool {
			all := r.URL.String()
			for name, values := range r.Header {
				all += " " + name + ": " + strings.Join(values, " ")
			}
			body, err := io.ReadAll(r.Body)
			all += " " + string(body)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"message": %q, "errors": [{"message": %[1]q}], "errorMessages": [%[1]q]}`, all)
			return err == nil
		}
	}
	writes := func(then answerer) answerer {
		return func(w http.ResponseWriter, r *http.Request) bool { return r.Method != http.MethodGet && then(w, r) }
	}
	elsewhere := func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, stranger.url+r.URL.Path, http.StatusTemporaryRedirect)
		return true
	}
	look := func() {
		for _, line := range []string{"--debug plan -o json", "drift -o json", "verify", "show status"} {
			run(line)
		}
	}

	for _, status := range []int{http.StatusUnauthorized, http.StatusUnprocessableEntity, http.StatusInternalServerError} {
		trouble(echo(status))
		says("--debug apply -y --events before.jsonl", "failed")
	}
	trouble(elsewhere)
	says("--debug apply -y --json", "failed")
	trouble(nil)
	look()
	run("plan --out saved.json")
	says("--debug apply saved.json --events first.jsonl", "8 created")
	says("apply -y", "There is nothing to do")
	look()
	for _, instead := range []answerer{echo(http.StatusForbidden), elsewhere} {
		trouble(instead)
		look()
		says("--debug apply -y --json", "failed")
	}
	trouble(nil)
	wrong := []string{"GITHUB_TOKEN=ghp_wrong1canary", "GITLAB_TOKEN=glpat-wrong2canary", "TRELLO_TOKEN=ATTAwrong3canary", "JIRA_API_TOKEN=ATATTwrong4canary"}
	says("--debug apply -y", "GITHUB_TOKEN", wrong...)
	says("drift", "could not be read", wrong...)
	// Somebody edits, and the configuration changes: there is something to write again.
	h.SetFile(t, "alice/shop", "main", ".github/workflows/dtm-go.yml", "name: mine")
	l.SetFile("alice/shop", "main", ".gitlab-ci.yml", "mine: {script: \"true\"}")
	look()
	for _, instead := range []answerer{writes(echo(http.StatusBadRequest)), writes(elsewhere)} {
		trouble(instead)
		says("--debug apply -y --json", "failed")
	}
	trouble(nil)
	says("--debug apply -y --events second.jsonl -m because", "2 updated")
	for _, line := range []string{"state pull", "history -o json", "history show latest -o json", "graph -o json", "state show githubactions-golang.default", "plan --destroy -o json"} {
		run(line)
	}
	trouble(echo(http.StatusForbidden))
	says("--debug destroy -y --json", "failed")
	trouble(nil)
	says("--debug destroy -y --events last.jsonl", "deleted")
	run("history show latest")

	// What was written.
	texts := map[string]string{"what was said": said.String()}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		texts[strings.TrimPrefix(path, dir)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Bearer ***", "Private-Token: ***", "OAuth oauth_consumer_key=", `"value":"(secret)"`} {
		if !strings.Contains(strings.ReplaceAll(said.String(), `\`, ""), want) {
			t.Errorf("no service has told what it was told: nothing says %s", want)
		}
	}
	for _, name := range []string{"devstream.state", "saved.json", "before.jsonl", "first.jsonl", "second.jsonl", "last.jsonl"} {
		if texts["/"+name] == "" {
			t.Errorf("%s was not written", name)
		}
	}
	for _, p := range posts {
		texts["requests to "+p.name] = p.text()
	}
	for name, token := range tokens {
		ours := "requests to " + homes[name].name
		forms := []string{token, base64.StdEncoding.EncodeToString([]byte(token)), base64.StdEncoding.EncodeToString([]byte(j.User + ":" + token)), url.QueryEscape(token)}
		if !slices.ContainsFunc(forms, func(form string) bool { return strings.Contains(texts[ours], form) }) {
			t.Errorf("%s has not come to %s: this test looks for nothing", name, homes[name].name)
		}
		for what, text := range texts {
			for _, form := range forms {
				if i := strings.Index(text, form); i >= 0 && what != ours {
					t.Errorf("%s is in %s:\n%s", name, what, text[max(0, i-300):min(len(text), i+80)])
					break
				}
			}
		}
	}
	for what, text := range texts {
		for _, token := range wrong {
			_, token, _ := strings.Cut(token, "=")
			if i := strings.Index(text, token); i >= 0 && !strings.HasPrefix(what, "requests to ") {
				t.Errorf("a wrong token is in %s:\n%s", what, text[max(0, i-300):min(len(text), i+80)])
			}
		}
	}
	for _, line := range strings.Split(texts["requests to a stranger"]+texts["requests to the template's server"], "\n") {
		if name, _, ok := strings.Cut(line, ":"); ok && slices.Contains([]string{"authorization", "private-token", "cookie"}, strings.ToLower(name)) {
			t.Errorf("a credential was sent elsewhere: %s", name)
		}
	}
	// No address has a token in it: addresses are logged by everybody.
	for _, p := range posts {
		for line := range strings.Lines(p.text()) {
			for name, token := range tokens {
				if strings.Contains(line, " HTTP/1.1") && strings.Contains(line, token) {
					t.Errorf("%s is in the address of a request to %s", name, p.name)
				}
			}
		}
	}
}
