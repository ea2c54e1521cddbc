package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

type hubKey struct{}

// hub is the GitHub of a script.
func hub(ts *testscript.TestScript) *parts.Hub {
	h, ok := ts.Value(hubKey{}).(**parts.Hub)
	if !ok || *h == nil {
		ts.Fatalf("there is no GitHub yet")
	}
	return *h
}

// The commands of the scripts that need GitHub. None may be negated unless it says so.
var githubCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	// github USER [ORG]: from now on there is a GitHub with this user, whose token is in the environment, and who owns the
	// organisation.
	"github": func(ts *testscript.TestScript, _ bool, args []string) {
		h := parts.GitHub(tb(ts))
		holder, _ := ts.Value(hubKey{}).(**parts.Hub)
		*holder = h
		h.User(args[0])
		if len(args) > 1 {
			h.Org(args[1], args[0])
		}
		token := h.Token(args[0])
		ts.Setenv("GITHUB_API_URL", h.URL)
		ts.Setenv("GITHUB_TOKEN", token)
		// What go builds of a clone is to be found again: the folder of the user is another one in scripts.
		cache, err := exec.Command("go", "env", "GOCACHE").Output()
		ts.Check(err)
		ts.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
	},
	// hub-new REPO: somebody has made a repository, with a file in it.
	"hub-new": func(ts *testscript.TestScript, _ bool, args []string) {
		hub(ts).NewRepo(tb(ts), args[0], true)
		hub(ts).SetFile(tb(ts), args[0], "main", "README.md", "# Hello\n")
	},
	// gitlab USER GROUP [PROJECT]: from now on there is a GitLab with this user, whose token is in the environment, a group,
	// and a project of the user's with a file in it.
	"gitlab": func(ts *testscript.TestScript, _ bool, args []string) {
		lab := parts.GitLab(tb(ts))
		ts.Setenv("GITLAB_URL", lab.URL)
		token := lab.User(args[0])
		ts.Setenv("GITLAB_TOKEN", token)
		lab.Group(args[1])
		if len(args) > 2 {
			request, err := http.NewRequest(http.MethodPost, lab.URL+"/api/v4/projects",
				strings.NewReader(`{"name": "`+base(args[2])+`", "path": "`+base(args[2])+`"}`))
			ts.Check(err)
			request.Header.Set("PRIVATE-TOKEN", token)
			request.Header.Set("Content-Type", "application/json")
			answer, err := http.DefaultClient.Do(request)
			ts.Check(err)
			if answer.Body.Close(); answer.StatusCode != http.StatusCreated {
				ts.Fatalf("make %s: %s", args[2], answer.Status)
			}
			lab.SetFile(args[2], "main", "README.md", "# Hello\n")
		}
		ts.Defer(func() {
			// Of a project nothing may be deleted but by who says so in its configuration: no script does.
			for _, asked := range lab.Requests() {
				if strings.HasPrefix(asked, "DELETE /api/v4/projects/") && strings.Count(asked, "/") == 4 {
					ts.Fatalf("%s", asked)
				}
			}
		})
	},
	// boards: from now on there are a Trello and a Jira, whose tokens are in the environment.
	"boards": func(ts *testscript.TestScript, _ bool, _ []string) {
		k, j := parts.Trello(tb(ts)), parts.Jira(tb(ts))
		ts.Setenv("TRELLO_API_URL", k.URL)
		ts.Setenv("TRELLO_API_KEY", k.Key)
		ts.Setenv("TRELLO_TOKEN", k.Token)
		ts.Setenv("JIRA_API_TOKEN", j.Token)
		ts.Setenv("JIRA_URL", j.URL)
		ts.Setenv("JIRA_USER", j.User)
		ts.Setenv("JIRA_PROJECT", j.Project)
	},
	// expand FILE NAME...: puts what is in the environment in the place of each $NAME.
	"expand": func(ts *testscript.TestScript, _ bool, args []string) {
		text := ts.ReadFile(args[0])
		for _, name := range args[1:] {
			text = strings.ReplaceAll(text, "$"+name, ts.Getenv(name))
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
	},
	// template FILE: serves the text of a file; its address is in TEMPLATE_URL.
	"template": func(ts *testscript.TestScript, _ bool, args []string) {
		text := ts.ReadFile(args[0])
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }))
		ts.Defer(server.Close)
		ts.Setenv("TEMPLATE_URL", server.URL+"/ci.yml")
	},
	// hub-file REPO BRANCH FILE TO: writes what is in a file of a repository to TO.
	"hub-file": func(ts *testscript.TestScript, _ bool, args []string) {
		text, ok := hub(ts).Files(tb(ts), args[0], args[1])[args[2]]
		if !ok {
			ts.Fatalf("%s has no %s on %s", args[0], args[2], args[1])
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[3]), []byte(text), 0o644))
	},
	// hub-edit REPO BRANCH FILE CONTENT: somebody changes a file of a repository.
	"hub-edit": func(ts *testscript.TestScript, _ bool, args []string) {
		hub(ts).SetFile(tb(ts), args[0], args[1], args[2], args[3])
	},
	// hub-clone REPO TO: clones a repository with the git command.
	"hub-clone": func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Check(ts.Exec("git", "clone", "-q", hub(ts).CloneURL(args[0], ts.Getenv("GITHUB_TOKEN")), args[1]))
	},
	// hub-secret REPO NAME VALUE: a secret of a repository's workflows is this. With !, there is none of that name. [!]
	"hub-secret": func(ts *testscript.TestScript, neg bool, args []string) {
		value, ok := hub(ts).Secrets(tb(ts), args[0])[args[1]]
		if neg == ok || !neg && value != args[2] {
			ts.Fatalf("the secret %s is there: %t", args[1], ok)
		}
	},
	// hub-repo REPO STATE: there is such a repository, and it is "active" or "archived".
	"hub-repo": func(ts *testscript.TestScript, _ bool, args []string) {
		if archived := hub(ts).Repo(tb(ts), args[0]).Archived; archived != (args[1] == "archived") {
			ts.Fatalf("%s is archived: %t", args[0], archived)
		}
	},
	// hub-asked TEXT: some request since the start had this in it, as in "DELETE /repos". [!]
	"hub-asked": func(ts *testscript.TestScript, neg bool, args []string) {
		all := strings.Join(hub(ts).Requests(), "\n")
		if strings.Contains(all, args[0]) == neg {
			ts.Fatalf("%q was asked: %t", args[0], !neg)
		}
	},
}
