package main

import (
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

// hub is the GitHub of a script.
func hub(ts *testscript.TestScript) *parts.Hub {
	h := servicesOf(ts).hub
	if h == nil {
		ts.Fatalf("there is no GitHub yet")
	}
	return h
}

// The commands of the scripts that need GitHub. None may be negated unless it says so.
var hubCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	// github USER [ORG]: from now on there is a GitHub with this user, whose token is in the environment, and who owns the
	// organisation. Its repositories are below GIT_URL.
	"github": func(ts *testscript.TestScript, _ bool, args []string) {
		h := parts.GitHub(tb(ts))
		servicesOf(ts).hub = h
		h.User(args[0])
		if len(args) > 1 {
			h.Org(args[1], args[0])
		}
		token := h.Token(args[0])
		ts.Setenv("GITHUB_API_URL", h.URL)
		ts.Setenv("GIT_URL", strings.TrimSuffix(h.GitURL, "/"))
		ts.Setenv("GITHUB_TOKEN", token)
		letGoBuild(ts)
	},
	// hub-new REPO: somebody has made a repository, with a file in it.
	"hub-new": func(ts *testscript.TestScript, _ bool, args []string) {
		hub(ts).NewRepo(tb(ts), args[0], true)
		hub(ts).SetFile(tb(ts), args[0], "main", "README.md", "# Hello\n")
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
	// hub-secrets REPO COUNT: a repository has so many secrets.
	"hub-secrets": func(ts *testscript.TestScript, _ bool, args []string) {
		if all, want := hub(ts).Secrets(tb(ts), args[0]), number(ts, args[1]); len(all) != want {
			ts.Fatalf("there are %d secrets, not %d", len(all), want)
		}
	},
	// hub-repo REPO STATE: there is such a repository, and it is "active" or "archived"; or there is none, and it is "gone".
	"hub-repo": func(ts *testscript.TestScript, _ bool, args []string) {
		if args[1] == "gone" {
			if slices.Contains(hub(ts).Repos(), args[0]) {
				ts.Fatalf("%s is there", args[0])
			}
			return
		}
		if archived := hub(ts).Repo(tb(ts), args[0]).Archived; archived != (args[1] == "archived") {
			ts.Fatalf("%s is archived: %t", args[0], archived)
		}
	},
	// hub-path REPO BRANCH FILE: a branch has this file. [!]
	"hub-path": func(ts *testscript.TestScript, neg bool, args []string) {
		if _, there := hub(ts).Files(tb(ts), args[0], args[1])[args[2]]; there == neg {
			ts.Fatalf("%s is in %s on %s: %t", args[2], args[0], args[1], there)
		}
	},
	// hub-commits REPO BRANCH COUNT: a branch has so many commits.
	"hub-commits": func(ts *testscript.TestScript, _ bool, args []string) {
		log := hub(ts).Log(tb(ts), args[0], args[1])
		if want := number(ts, args[2]); len(log) != want {
			ts.Fatalf("there are %d commits, not %d: %v", len(log), want, log)
		}
	},
	// hub-open REPO COUNT: a repository has so many open pull requests.
	"hub-open": func(ts *testscript.TestScript, _ bool, args []string) {
		open := 0
		for _, p := range hub(ts).Pulls(tb(ts), args[0]) {
			if p.Open {
				open++
			}
		}
		if want := number(ts, args[1]); open != want {
			ts.Fatalf("%d pull requests are open, not %d", open, want)
		}
	},
	// hub-merge REPO NUMBER and hub-decline REPO NUMBER: somebody agrees to a pull request, or closes it.
	"hub-merge": func(ts *testscript.TestScript, _ bool, args []string) {
		hub(ts).Merge(tb(ts), args[0], number(ts, args[1]))
	},
	"hub-decline": func(ts *testscript.TestScript, _ bool, args []string) {
		hub(ts).Decline(tb(ts), args[0], number(ts, args[1]))
	},
	// hub-rename REPO TO: somebody gives a repository another name.
	"hub-rename": func(ts *testscript.TestScript, _ bool, args []string) {
		hub(ts).Rename(tb(ts), args[0], args[1])
	},
	// hub-busy START: the next request that begins so, as in "PUT /repos", is refused: later, in a second.
	"hub-busy": func(ts *testscript.TestScript, _ bool, args []string) {
		fault := parts.SecondaryLimit(http.StatusForbidden, time.Second)
		fault.Match = args[0]
		hub(ts).Break(1, fault)
	},
	// hub-asked TEXT: some request since the last begin had this in it, as in "DELETE /repos". [!]
	"hub-asked": func(ts *testscript.TestScript, neg bool, args []string) {
		all := strings.Join(hub(ts).Requests()[servicesOf(ts).begun[0]:], "\n")
		if strings.Contains(all, args[0]) == neg {
			ts.Fatalf("%q was asked: %t", args[0], !neg)
		}
	},
}

// letGoBuild lets what go builds of a clone be found again: the folder of the user is another one in scripts.
func letGoBuild(ts *testscript.TestScript) {
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	ts.Check(err)
	ts.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
}

func number(ts *testscript.TestScript, word string) int {
	n, err := strconv.Atoi(word)
	ts.Check(err)
	return n
}
