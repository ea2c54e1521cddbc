package trellogithubinteg

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
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

// world is a repository on GitHub, a board on Trello, and the plugin between them.
type world struct {
	hub       *parts.Hub
	kanban    *parts.Kanban
	board     parts.TrelloBoard
	host      scm.Host
	kind      plugins.Kind
	transport *accident.Line
	env       map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{hub: parts.GitHub(t), kanban: parts.Trello(t), transport: &accident.Line{Base: &http.Transport{DisableKeepAlives: true}}}
	w.hub.Org("acme", "alice")
	w.hub.NewRepo(t, repo, true)
	w.hub.SetFile(t, repo, "main", "README.md", "hello\n")
	id := w.kanban.AddBoard("app", "", "To Do", "Doing", "Done")
	w.board, _ = w.kanban.Board(id)
	w.env = map[string]string{"GITHUB_TOKEN": w.hub.Token("alice"), "GITHUB_API_URL": w.hub.URL}
	env := plugintest.Env(t.TempDir())
	env.Getenv = func(name string) string {
		if value, ok := w.env[name]; ok {
			return value
		}
		return w.kanban.Getenv(name)
	}
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
		Repository: tracker.Repository{Owner: "alice", Org: "acme", Repo: "app", Branch: "main", Workflow: file, Runner: []string{"ubuntu-latest"}},
		BoardID:    w.board.ID, TodoListID: w.board.Lists[0].ID, DoingListID: w.board.Lists[1].ID, DoneListID: w.board.Lists[2].ID,
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
			Changed: encode(w.options(func(o *Options) { o.DoneListID = o.DoingListID; o.Runner = []string{"self-hosted", "linux"} })),
			Drift: func() error {
				w.hub.SetFile(t, repo, "main", path, "# managed by dtm ("+name+")\non: push\n")
				return nil
			},
			Remove: func() error { w.hub.SetFiles(t, repo, "main", map[string][]byte{path: nil}); return nil },
			Exists: func(raw json.RawMessage) (bool, error) {
				var o Options
				err := json.Unmarshal(raw, &o)
				text := w.hub.Files(t, repo, "main")[".github/workflows/"+o.Workflow]
				there := strings.Contains(text, `DONE: "`+o.DoneListID+`"`) && strings.Contains(text, o.Runner[0])
				for secret, from := range o.Place(file, o.secrets()...).Secrets {
					there = there && w.hub.Secrets(t, repo)[secret] == w.kanban.Getenv(from.Variable)
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
	if strings.Contains(string(r), w.kanban.Token) || strings.Contains(string(r), w.env["GITHUB_TOKEN"]) {
		t.Errorf("there is a token in %s", r)
	}
	return []byte(w.hub.Files(t, repo, "main")[path])
}

// No option has to do with another in the workflow, so each has another value in turn.
func TestTheWorkflowPassesActionlintWhateverTheOptions(t *testing.T) {
	w := newWorld(t)
	text := w.create(t, w.options())
	if strings.Contains(string(text), w.kanban.Token) || strings.Contains(string(text), w.kanban.Key) {
		t.Error("there is a credential in the workflow")
	}
	for _, change := range []func(*Options){
		func(*Options) {},
		func(o *Options) { o.Runner = []string{"self-hosted", "on: [push]", "'\"\\ \n#"} },
		func(o *Options) { o.Workflow = "Issues_2.x.yaml" },
		func(o *Options) { o.KeyEnv, o.TokenEnv = "BOARD_KEY", "board_token" },
		func(o *Options) {
			o.Branch, o.BaseURL, o.Adopt, o.ViaPullRequest = "x/y", "https://h/api/v3", true, true
		},
		func(o *Options) { o.Rotation = "\"}}\n" },
	} {
		d, err := document(w.options(change), "https://trello.example.com/1")
		if err != nil {
			t.Fatal(err)
		}
		parts.LintWorkflow(t, d.Text)
	}
	if _, err := w.kind.Create(t.Context(), encode(w.options(func(o *Options) { o.Runner = []string{"${{ github.event.issue.title }}"} }))); err == nil {
		t.Error("an expression may come in by an option")
	}
}

func TestTwoToolsInOneRepositoryShareNothing(t *testing.T) {
	w := newWorld(t)
	one := w.create(t, w.options())
	other := w.options(func(o *Options) { o.Workflow, o.DoingListID = "trello-github-integ.yaml", o.TodoListID })
	w.create(t, other)
	files := w.hub.Files(t, repo, "main")
	two := files[".github/workflows/trello-github-integ.yaml"]
	if files[path] != string(one) || two == "" || len(w.hub.Secrets(t, repo)) != 4 {
		t.Errorf("one has changed by the other, or there are %d secrets", len(w.hub.Secrets(t, repo)))
	}
	for _, key := range []string{"group: ", "TRELLO_TOKEN: "} {
		_, mine, _ := strings.Cut(string(one), key)
		_, yours, _ := strings.Cut(two, key)
		mine, _, _ = strings.Cut(mine, "\n")
		if yours, _, _ = strings.Cut(yours, "\n"); mine == "" || mine == yours {
			t.Errorf("%s%q, and of the other %q", key, mine, yours)
		}
	}
	if err := w.kind.Delete(t.Context(), encode(other), nil); err != nil {
		t.Fatal(err)
	}
	if files := w.hub.Files(t, repo, "main"); files[path] != string(one) || len(files) != 2 || len(w.hub.Secrets(t, repo)) != 2 {
		t.Errorf("there are %d files and %d secrets", len(files), len(w.hub.Secrets(t, repo)))
	}
}

// Whoever may change workflows has the workflow's token, but not that with which boards are made.
func TestTheWorkflowMayHaveATokenOfItsOwn(t *testing.T) {
	w := newWorld(t)
	w.env["BOARD_KEY"], w.env["BOARD_TOKEN"] = w.kanban.Key, w.kanban.Token
	w.env["TRELLO_API_KEY"], w.env["TRELLO_TOKEN"] = "operators-key", "operators-token"
	o := w.options(func(o *Options) { o.KeyEnv, o.TokenEnv = "BOARD_KEY", "BOARD_TOKEN" })
	text := w.create(t, o)
	secrets := w.hub.Secrets(t, repo)
	if len(secrets) != 2 || secrets["TRELLO_GITHUB_INTEG_BOARD_TOKEN"] != w.kanban.Token || secrets["TRELLO_GITHUB_INTEG_BOARD_KEY"] != w.kanban.Key {
		t.Errorf("the secrets are %v", slices.Collect(maps.Keys(secrets)))
	}
	for _, value := range secrets {
		if strings.Contains(value, "operators") || strings.Contains(value, w.env["GITHUB_TOKEN"]) {
			t.Error("the operator's own is among the secrets")
		}
	}
	said := parts.RunWorkflow(t, text, parts.WorkflowEvent{
		Job: "issue", Name: "issues", Payload: issue("opened", "open", "t", "b"), Secrets: secrets, Repository: repo, API: w.hub.URL,
	})
	if b, _ := w.kanban.Board(w.board.ID); len(b.Lists[0].Cards) != 1 {
		t.Errorf("there is no card: %s", said)
	}
	// It is the workflow's that is looked at before anything is written.
	w.env["BOARD_TOKEN"] = "nobody5"
	_, err := w.kind.Create(t.Context(), encode(o))
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "BOARD_TOKEN") || strings.Contains(err.Error(), "nobody5") {
		t.Errorf("create returns %v", err)
	}
}

func TestNothingIsWrittenBeforeTrelloHasShownThatItWillWork(t *testing.T) {
	for name, m := range map[string]struct {
		change     func(w *world, o *Options)
		text, hint string
	}{
		"no key":        {func(w *world, _ *Options) { w.env["TRELLO_API_KEY"] = "" }, "TRELLO_API_KEY", "export them as TRELLO_API_KEY and TRELLO_TOKEN"},
		"no token":      {func(w *world, _ *Options) { w.env["TRELLO_TOKEN"] = "" }, "TRELLO_TOKEN", "https://trello.com/power-ups/admin"},
		"a wrong token": {func(w *world, _ *Options) { w.env["TRELLO_TOKEN"] = "nobody5" }, "the credentials for Trello: trello: GET /members/me: 401 Unauthorized: invalid token", "TRELLO_TOKEN"},
		"no such board": {func(_ *world, o *Options) { o.BoardID = strings.Repeat("0", 24) }, "the board 000000000000000000000000: trello: GET", "boardId"},
		"no such list":  {func(_ *world, o *Options) { o.DoingListID = o.BoardID }, "doingListId: the board", ""},
		"an archived one": {func(w *world, o *Options) {
			_ = w.kanban.Edit(o.BoardID, func(b *parts.TrelloBoard) { b.Lists[2].Closed = true })
		}, "doneListId: the board", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			o := w.options()
			m.change(w, &o)
			_, err := w.kind.Create(t.Context(), encode(o))
			if err == nil || !strings.Contains(err.Error(), m.text) || errors.Is(err, plugins.ErrNotFound) {
				t.Errorf("create returns %v", err)
			}
			var hint interface{ Hint() string }
			if m.hint != "" && (!errors.As(err, &hint) || !strings.Contains(hint.Hint(), m.hint)) {
				t.Errorf("the hint of %v is not about %s", err, m.hint)
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
		if !strings.HasPrefix(name, "TRELLO_GITHUB_INTEG_") || value == "x" {
			t.Errorf("there is still %s", name)
		}
	}
}

// issue is what GitHub tells of an issue.
func issue(action, state, title, body string) map[string]any {
	return map[string]any{"action": action, "issue": map[string]any{
		"number": 12, "state": state, "title": title, "body": body, "html_url": "https://github.com/acme/app/issues/12",
	}}
}

func TestCardsFollowIssues(t *testing.T) {
	w := newWorld(t)
	text := w.create(t, w.options())
	hostile := "'; touch pwned; echo \"$(id)\" ${{ secrets.X }} `id` & name=x&idList=y ü\n--data x\n@/etc/passwd"
	run := func(job, event string, payload any) string {
		t.Helper()
		return parts.RunWorkflow(t, text, parts.WorkflowEvent{
			Job: job, Name: event, Payload: payload, Secrets: w.hub.Secrets(t, repo), Repository: repo, API: w.hub.URL,
		})
	}
	cards := func() [3][]parts.TrelloCard {
		b, _ := w.kanban.Board(w.board.ID)
		return [3][]parts.TrelloCard{b.Lists[0].Cards, b.Lists[1].Cards, b.Lists[2].Cards}
	}
	// Another issue quotes this one's address, and one has it as its beginning.
	_ = w.kanban.Edit(w.board.ID, func(b *parts.TrelloBoard) {
		b.Lists[0].Cards = []parts.TrelloCard{
			{Name: "quoting", Desc: "https://github.com/acme/app/issues/13\n\nsee https://github.com/acme/app/issues/12"},
			{Name: "longer", Desc: "https://github.com/acme/app/issues/123"}, {Name: "none"},
		}
	})
	at := func(list int) parts.TrelloCard {
		t.Helper()
		all := cards()
		if n := len(all[0]) + len(all[1]) + len(all[2]); n != 4 || len(all[list]) == 0 {
			t.Fatalf("the cards are %+v", all)
		}
		return all[list][len(all[list])-1]
	}

	run("issue", "issues", issue("opened", "open", hostile, hostile))
	if c := at(0); c.Name != hostile || c.Desc != "https://github.com/acme/app/issues/12\n\n"+hostile {
		t.Errorf("the card is %+v", c)
	}
	run("issue", "issues", issue("opened", "open", hostile, hostile))
	run("issue", "issues", issue("assigned", "open", "t", "b"))
	if c := at(1); c.Name != hostile {
		t.Errorf("the card is %+v", c)
	}
	// This is what Trello's editor makes of an address.
	_ = w.kanban.Edit(w.board.ID, func(b *parts.TrelloBoard) {
		b.Lists[1].Cards[0].Desc = "[https://github.com/acme/app/issues/12](https://github.com/acme/app/issues/12 \"smartCard-inline\")\nx"
	})
	run("issue", "issues", map[string]any{"action": "edited", "issue": map[string]any{
		"state": "open", "title": "new", "body": nil, "html_url": "https://github.com/acme/app/issues/12",
	}})
	if c := at(1); c.Name != "new" || c.Desc != "https://github.com/acme/app/issues/12\n\n" {
		t.Errorf("the card is %+v", c)
	}
	run("issue", "issues", issue("closed", "closed", "new", ""))
	at(2)
	run("issue", "issues", issue("assigned", "closed", "new", ""))
	at(2)
	run("issue", "issues", issue("reopened", "open", "new", ""))
	at(0)

	comment := func(action string, id int, body string) {
		t.Helper()
		e := issue(action, "open", "new", "")
		e["comment"] = map[string]any{"html_url": fmt.Sprintf("https://github.com/acme/app/issues/12#issuecomment-%d", id), "body": body, "user": map[string]any{"login": "eve"}}
		run("comment", "issue_comment", e)
	}
	comment("created", 1, "hi @board")
	comment("created", 11, hostile)
	comment("edited", 1, "hi again")
	c := at(0)
	if len(c.Comments) != 2 || c.Comments[0].Text != "https://github.com/acme/app/issues/12#issuecomment-1\n\neve: hi again" ||
		!strings.HasSuffix(c.Comments[1].Text, strings.ReplaceAll(hostile, "@/", "@/")) {
		t.Errorf("the comments are %+v", c.Comments)
	}
	comment("created", 2, "hi @board")
	if c := at(0); strings.Contains(c.Comments[2].Text, "@board") {
		t.Errorf("a comment calls somebody: %q", c.Comments[2].Text)
	}
	comment("deleted", 1, "")
	comment("deleted", 1, "")
	// A pull request has comments, too, and no card.
	pull := issue("created", "open", "a change", "")
	pull["issue"].(map[string]any)["pull_request"] = map[string]any{"url": "x"}
	pull["comment"] = map[string]any{"html_url": "x", "body": "x", "user": map[string]any{"login": "eve"}}
	run("", "issue_comment", pull)
	if c := at(0); len(c.Comments) != 2 {
		t.Errorf("the comments are %+v", c.Comments)
	}
}
