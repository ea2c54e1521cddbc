package main

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

// services are the code hosts and boards of a script, nil until it asks for them.
type services struct {
	hub    *parts.Hub
	lab    *parts.Lab
	kanban *parts.Kanban
	// begun is how many requests each of them had got at the last begin.
	begun [3]int
}

// requests are all that the services have got, as in "GET /repos/acme/shop".
func (s *services) requests() (all [3][]string) {
	if s.hub != nil {
		all[0] = s.hub.Requests()
	}
	if s.lab != nil {
		all[1] = s.lab.Requests()
	}
	if s.kanban != nil {
		all[2] = s.kanban.Requests()
	}
	return all
}

type servicesKey struct{}

func servicesOf(ts *testscript.TestScript) *services { return ts.Value(servicesKey{}).(*services) }

// serviceCommands are the commands of the scripts that need a code host or a board.
func serviceCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	all := maps.Clone(hubCommands)
	maps.Copy(all, labCommands)
	maps.Copy(all, boardCommands)
	// begin: requests count from here on.
	all["begin"] = func(ts *testscript.TestScript, _ bool, _ []string) {
		for i, requests := range servicesOf(ts).requests() {
			servicesOf(ts).begun[i] = len(requests)
		}
	}
	// asked TEXT: some request since the last begin had this in it, whatever service it was for. [!]
	all["asked"] = func(ts *testscript.TestScript, neg bool, args []string) {
		var all []string
		for i, requests := range servicesOf(ts).requests() {
			all = append(all, requests[servicesOf(ts).begun[i]:]...)
		}
		if strings.Contains(strings.Join(all, "\n"), args[0]) == neg {
			ts.Fatalf("%q was asked: %t", args[0], !neg)
		}
	}
	// wrote: some request since the last begin may have changed something. [!]
	all["wrote"] = func(ts *testscript.TestScript, neg bool, _ []string) {
		var wrote []string
		for i, requests := range servicesOf(ts).requests() {
			wrote = append(wrote, slices.DeleteFunc(requests[servicesOf(ts).begun[i]:], func(asked string) bool { return strings.HasPrefix(asked, http.MethodGet+" ") })...)
		}
		if (len(wrote) == 0) != neg {
			ts.Fatalf("it wrote: %q", wrote)
		}
	}
	return all
}

// lab is the GitLab of a script.
func lab(ts *testscript.TestScript) *parts.Lab {
	l := servicesOf(ts).lab
	if l == nil {
		ts.Fatalf("there is no GitLab yet")
	}
	return l
}

// board is the only board of a script that is open.
func board(ts *testscript.TestScript) parts.TrelloBoard {
	k := servicesOf(ts).kanban
	if k == nil {
		ts.Fatalf("there is no Trello yet")
	}
	open := slices.DeleteFunc(k.Boards(), func(b parts.TrelloBoard) bool { return b.Closed })
	if len(open) != 1 {
		ts.Fatalf("%d boards are open", len(open))
	}
	return open[0]
}

// The commands of the scripts that need GitLab. None may be negated unless it says so.
var labCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	// gitlab USER GROUP [PROJECT]: from now on there is a GitLab with this user, whose token is in the environment, a group,
	// and a project of the user's with a file in it.
	"gitlab": func(ts *testscript.TestScript, _ bool, args []string) {
		l := parts.GitLab(tb(ts))
		servicesOf(ts).lab = l
		ts.Setenv("GITLAB_URL", l.URL)
		token := l.User(args[0])
		ts.Setenv("GITLAB_TOKEN", token)
		letGoBuild(ts)
		l.Group(args[1])
		if len(args) > 2 {
			request, err := http.NewRequest(http.MethodPost, l.URL+"/api/v4/projects",
				strings.NewReader(`{"name": "`+base(args[2])+`", "path": "`+base(args[2])+`"}`))
			ts.Check(err)
			request.Header.Set("PRIVATE-TOKEN", token)
			request.Header.Set("Content-Type", "application/json")
			answer, err := http.DefaultClient.Do(request)
			ts.Check(err)
			if answer.Body.Close(); answer.StatusCode != http.StatusCreated {
				ts.Fatalf("make %s: %s", args[2], answer.Status)
			}
			l.SetFile(args[2], "main", "README.md", "# Hello\n")
		}
		ts.Defer(func() {
			// Of a project nothing may be deleted but by who says so in its configuration: no script does.
			for _, asked := range l.Requests() {
				if strings.HasPrefix(asked, "DELETE /api/v4/projects/") && strings.Count(asked, "/") == 4 {
					ts.Fatalf("%s", asked)
				}
			}
		})
	},
	// template FILE: serves the text of a file; its address is in TEMPLATE_URL.
	"template": func(ts *testscript.TestScript, _ bool, args []string) {
		text := ts.ReadFile(args[0])
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }))
		ts.Defer(server.Close)
		ts.Setenv("TEMPLATE_URL", server.URL+"/ci.yml")
	},
	// lab-clone PROJECT TO: clones a project with the git command.
	"lab-clone": func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Check(ts.Exec("git", "clone", "-q", lab(ts).CloneURL(args[0], ts.Getenv("GITLAB_TOKEN")), args[1]))
	},
	// lab-edit PROJECT BRANCH FILE CONTENT: somebody changes a file of a project.
	"lab-edit": func(ts *testscript.TestScript, _ bool, args []string) {
		lab(ts).SetFile(args[0], args[1], args[2], args[3])
	},
	// lab-path PROJECT BRANCH FILE: a branch has this file. [!]
	"lab-path": func(ts *testscript.TestScript, neg bool, args []string) {
		if _, there := lab(ts).Files(args[0], args[1])[args[2]]; there == neg {
			ts.Fatalf("%s is in %s on %s: %t", args[2], args[0], args[1], there)
		}
	},
	// lab-commits PROJECT BRANCH COUNT: a branch has so many commits.
	"lab-commits": func(ts *testscript.TestScript, _ bool, args []string) {
		log := lab(ts).Log(args[0], args[1])
		if want := number(ts, args[2]); len(log) != want {
			ts.Fatalf("there are %d commits, not %d: %q", len(log), want, log)
		}
	},
	// lab-variable PROJECT KEY VALUE: a variable of a project's pipelines is this, and masked. With !, there is none of that
	// key. [!]
	"lab-variable": func(ts *testscript.TestScript, neg bool, args []string) {
		v, ok := lab(ts).Variables(args[0])[args[1]]
		if neg == ok || !neg && (v.Value != args[2] || !v.Masked) {
			ts.Fatalf("the variable %s is there: %t, masked: %t", args[1], ok, v.Masked)
		}
	},
	// lab-project PROJECT STATE: there is such a project, and it is "active" or "archived".
	"lab-project": func(ts *testscript.TestScript, _ bool, args []string) {
		if archived := lab(ts).Archived(args[0]); archived != (args[1] == "archived") {
			ts.Fatalf("%s is archived: %t", args[0], archived)
		}
	},
	// lab-merge PROJECT NUMBER: somebody agrees to a merge request.
	"lab-merge": func(ts *testscript.TestScript, _ bool, args []string) { lab(ts).Merge(args[0], number(ts, args[1])) },
	// lab-asked TEXT: some request since the last begin had this in it, as in "DELETE /api/v4/projects". [!]
	"lab-asked": func(ts *testscript.TestScript, neg bool, args []string) {
		all := strings.Join(lab(ts).Requests()[servicesOf(ts).begun[1]:], "\n")
		if strings.Contains(all, args[0]) == neg {
			ts.Fatalf("%q was asked: %t", args[0], !neg)
		}
	},
}

// The commands of the scripts that need a board. None may be negated unless it says so.
var boardCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	// boards: from now on there are a Trello and a Jira, whose tokens are in the environment.
	"boards": func(ts *testscript.TestScript, _ bool, _ []string) {
		k, j := parts.Trello(tb(ts)), parts.Jira(tb(ts))
		servicesOf(ts).kanban = k
		ts.Setenv("TRELLO_API_URL", k.URL)
		ts.Setenv("TRELLO_API_KEY", k.Key)
		ts.Setenv("TRELLO_TOKEN", k.Token)
		ts.Setenv("JIRA_API_TOKEN", j.Token)
		ts.Setenv("JIRA_URL", j.URL)
		ts.Setenv("JIRA_USER", j.User)
		ts.Setenv("JIRA_PROJECT", j.Project)
	},
	// secretless FILE: no token of the script is in a file.
	"secretless": func(ts *testscript.TestScript, _ bool, args []string) {
		text := ts.ReadFile(args[0])
		for _, name := range []string{"GITHUB_TOKEN", "GITLAB_TOKEN", "TRELLO_API_KEY", "TRELLO_TOKEN", "JIRA_API_TOKEN"} {
			if token := ts.Getenv(name); token != "" && strings.Contains(text, token) {
				ts.Fatalf("%s is in %s", name, args[0])
			}
		}
	},
	// board-left NAME REPO: there is a board as DevStream made them; the IDs of it and its lists are in BOARD, TODO, DOING and DONE.
	"board-left": func(ts *testscript.TestScript, _ bool, args []string) {
		k := servicesOf(ts).kanban
		id := k.AddBoard(args[0], "Description is managed by DevStream, please don't modify. "+args[1], "To Do", "Doing", "Done")
		b, _ := k.Board(id)
		for name, value := range map[string]string{"BOARD": id, "TODO": b.Lists[0].ID, "DOING": b.Lists[1].ID, "DONE": b.Lists[2].ID} {
			ts.Setenv(name, value)
		}
	},
	// expand FILE NAME...: puts what is in the environment in the place of each $NAME.
	"expand": func(ts *testscript.TestScript, _ bool, args []string) {
		text := ts.ReadFile(args[0])
		for _, name := range args[1:] {
			text = strings.ReplaceAll(text, "$"+name, ts.Getenv(name))
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
	},
	// field KIND [NAMESPACE/]NAME PATH TEXT: this is what an object says at a path, as in spec.source.repoURL.
	"field": func(ts *testscript.TestScript, _ bool, args []string) {
		object, err := objects(ts, args[0], args[1]).Get(context.Background(), base(args[1]), metav1.GetOptions{})
		ts.Check(err)
		got, err := at(object.Object, strings.Split(args[2], "."))
		ts.Check(err)
		if got != any(args[3]) {
			ts.Fatalf("%s is %v, not %s", args[2], got, args[3])
		}
	},
	// in-order FILE ID ID: as the events in a file say, the second tool was begun when the first was finished.
	"in-order": func(ts *testscript.TestScript, _ bool, args []string) {
		var events []string
		for line := range strings.Lines(ts.ReadFile(args[0])) {
			var ev struct{ Type, ID string }
			ts.Check(json.Unmarshal([]byte(line), &ev))
			events = append(events, ev.Type+" "+ev.ID)
		}
		finished, started := slices.Index(events, "finished "+args[1]), slices.Index(events, "started "+args[2])
		if finished < 0 || started < finished {
			ts.Fatalf("%s and %s are not in order: %q", args[1], args[2], events)
		}
	},
	// board NAME LIST...: there is one board, of this name, which has these lists, and others perhaps.
	"board": func(ts *testscript.TestScript, _ bool, args []string) {
		b := board(ts)
		var lists []string
		for _, l := range b.Lists {
			lists = append(lists, l.Name)
		}
		for _, want := range args[1:] {
			if b.Name != args[0] || !slices.Contains(lists, want) {
				ts.Fatalf("the board is %q, with the lists %q", b.Name, lists)
			}
		}
	},
	// board-card LIST NAME: somebody writes a card.
	"board-card": func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Check(servicesOf(ts).kanban.Edit(board(ts).ID, func(b *parts.TrelloBoard) {
			for i := range b.Lists {
				if b.Lists[i].Name == args[0] {
					b.Lists[i].Cards = append(b.Lists[i].Cards, parts.TrelloCard{Name: args[1]})
				}
			}
		}))
	},
	// board-cards COUNT: the boards have so many cards in all, open and closed.
	"board-cards": func(ts *testscript.TestScript, _ bool, args []string) {
		cards := 0
		for _, b := range servicesOf(ts).kanban.Boards() {
			for _, l := range b.Lists {
				cards += len(l.Cards)
			}
		}
		if want := number(ts, args[0]); cards != want {
			ts.Fatalf("there are %d cards, not %d", cards, want)
		}
	},
	// boards-open COUNT: so many boards are open.
	"boards-open": func(ts *testscript.TestScript, _ bool, args []string) {
		open := slices.DeleteFunc(servicesOf(ts).kanban.Boards(), func(b parts.TrelloBoard) bool { return b.Closed })
		if want := number(ts, args[0]); len(open) != want {
			ts.Fatalf("%d boards are open, not %d", len(open), want)
		}
	},
}
