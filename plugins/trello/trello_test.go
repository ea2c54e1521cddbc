package trello

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/workflow/accident"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// world is a Trello and the plugin in front of it.
type world struct {
	*parts.Kanban
	kind      plugins.Kind
	transport *accident.Line
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Kanban: parts.Trello(t), transport: &accident.Line{Base: &http.Transport{DisableKeepAlives: true}}}
	env := plugintest.Env(t.TempDir())
	env.Getenv = w.Getenv
	env.HTTP.Transport = w.transport
	w.kind = New(env)
	return w
}

func options(change ...func(*Options)) Options {
	o := Options{Owner: "cnych", Repo: "app", Lists: Lists{Todo: "To Do", Doing: "Doing", Done: "Done"}, OnDelete: "archive"}
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

func decode[T any](t *testing.T, data []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (w *world) create(t *testing.T, o Options) Resource {
	t.Helper()
	r, err := w.kind.Create(t.Context(), encode(o))
	if err != nil {
		t.Fatal(err)
	}
	return decode[Resource](t, r)
}

func (w *world) read(t *testing.T, o Options, last Resource) Resource {
	t.Helper()
	r, err := w.kind.Read(t.Context(), encode(o), encode(last))
	if err != nil {
		t.Fatal(err)
	}
	return decode[Resource](t, r)
}

func (w *world) update(t *testing.T, want, have Options, last Resource) Resource {
	t.Helper()
	r, err := w.kind.Update(t.Context(), encode(want), encode(have), encode(last))
	if err != nil {
		t.Fatal(err)
	}
	return decode[Resource](t, r)
}

// open are the boards that are not archived.
func (w *world) open() []parts.TrelloBoard {
	return slices.DeleteFunc(w.Boards(), func(b parts.TrelloBoard) bool { return b.Closed })
}

func names(b parts.TrelloBoard) []string {
	var all []string
	for _, l := range b.Lists {
		if !l.Closed {
			all = append(all, l.Name)
		}
	}
	return all
}

func TestKeepsThePromise(t *testing.T) {
	for name, with := range map[string]struct {
		want, changed Options
		before        func(*parts.Kanban)
	}{
		"a new board": {
			want:    options(),
			changed: options(func(o *Options) { o.KanbanBoardName = "Kanban" }),
		},
		"lists of other names": {
			want:    options(func(o *Options) { o.Org = "acme" }),
			changed: options(func(o *Options) { o.Org = "acme"; o.Lists = Lists{Todo: "Backlog", Doing: "Doing", Done: "Shipped"} }),
		},
		"deleted for good": {
			want:    options(func(o *Options) { o.OnDelete = "delete"; o.KanbanBoardName = "Ünï & co=?" }),
			changed: options(func(o *Options) { o.OnDelete = "delete"; o.Org = "CNYCH" }),
		},
		"a board of somebody else's": {
			want:    options(func(o *Options) { o.Adopt = true }),
			changed: options(func(o *Options) { o.Adopt = true; o.Lists.Done = "Shipped" }),
			before:  func(k *parts.Kanban) { k.AddBoard("cnych/app", "Ours.", "Ideas", "Doing") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plugintest.Run(t, func(t *testing.T) plugintest.Subject {
				w := newWorld(t)
				if with.before != nil {
					with.before(w.Kanban)
				}
				return w.subject(t, with.want, with.changed, with.before == nil)
			})
		})
	}
}

func (w *world) subject(t *testing.T, want, changed Options, fresh bool) plugintest.Subject {
	first := func() string {
		if b := w.open(); len(b) > 0 {
			return b[0].ID
		}
		return ""
	}
	s := plugintest.Subject{
		Kind: w.kind, Want: encode(want), Changed: encode(changed), Fail: func(n int, when plugintest.When) func() bool {
			return w.transport.Fail(t.Name(), n, when == plugintest.After)
		},
		Drift: func() error {
			return w.Edit(first(), func(b *parts.TrelloBoard) {
				b.Name, b.Desc = "Our board", "What we do."
				b.Lists[1].Name = "In progress"
				b.Lists[2].Closed = true
			})
		},
		Remove: func() error { return w.Edit(first(), func(b *parts.TrelloBoard) { b.Closed = true }) },
		Exists: func(raw json.RawMessage) (bool, error) {
			var o Options
			if err := json.Unmarshal(raw, &o); err != nil {
				return false, err
			}
			for _, b := range w.open() {
				has := func(name string) bool { return slices.Contains(names(b), name) }
				if b.Name == o.name() && strings.Contains(b.Desc, mark(o)) && has(o.Lists.Todo) && has(o.Lists.Doing) && has(o.Lists.Done) {
					return true, nil
				}
			}
			return false, nil
		},
	}
	if fresh {
		s.Leftovers = func() ([]string, error) {
			var left []string
			for _, b := range w.Boards() {
				if !b.Closed || want.OnDelete == "delete" {
					left = append(left, b.Name)
				}
			}
			return left, nil
		}
		id := func(n int) string { return fmt.Sprintf("64a0b1c2d3e4f5a6b7%06x", n) }
		s.Old = encode(map[string]any{
			"boardId": id(1), "todoListId": id(2), "doingListId": id(3), "doneListId": id(4),
			"outputs": map[string]any{"boardId": id(1), "todoListId": id(2), "doingListId": id(3), "doneListId": id(4)},
		})
	}
	for i := range 3 {
		other := want
		other.Repo, other.KanbanBoardName = fmt.Sprint("other-", i), ""
		s.Others = append(s.Others, encode(other))
	}
	return s
}

func TestTheBoardIsKnownByItsIDWhateverUsersCallIt(t *testing.T) {
	w := newWorld(t)
	r := w.create(t, options())
	if err := w.Edit(r.BoardID, func(b *parts.TrelloBoard) { b.Name, b.Desc = "Everything", "What we do." }); err != nil {
		t.Fatal(err)
	}
	w.AddBoard("cnych/app", "somebody else's", "To Do")
	got := w.read(t, options(), r)
	if got.BoardID != r.BoardID || got.Name != "Everything" || got.Marked {
		t.Errorf("read returns %+v", got)
	}
	again := w.update(t, options(), options(), r)
	if again != r {
		t.Errorf("update returns %+v, want %+v", again, r)
	}
	if b, _ := w.Board(r.BoardID); b.Name != "cnych/app" || !strings.HasPrefix(b.Desc, "What we do.\n\n") || !strings.Contains(b.Desc, mark(options())) {
		t.Errorf("the board is %q, %q", b.Name, b.Desc)
	}
}

func TestCardsAreNeverLost(t *testing.T) {
	w := newWorld(t)
	have := options()
	r := w.create(t, have)
	put := func(b *parts.TrelloBoard) {
		for i := range b.Lists {
			b.Lists[i].Cards = append(b.Lists[i].Cards, parts.TrelloCard{Name: "card of " + b.Lists[i].Name})
		}
		b.Lists = append(b.Lists, parts.TrelloList{Name: "Ideas", Cards: []parts.TrelloCard{{Name: "an idea"}}})
	}
	if err := w.Edit(r.BoardID, put); err != nil {
		t.Fatal(err)
	}
	cards := func() int {
		n := 0
		for _, b := range w.Boards() {
			for _, l := range b.Lists {
				n += len(l.Cards)
			}
		}
		return n
	}
	want := options(func(o *Options) {
		o.KanbanBoardName = "Kanban"
		o.Lists = Lists{Todo: "Ideas", Doing: "In progress", Done: "Done"}
	})
	r2 := w.update(t, want, have, r)
	b, _ := w.Board(r.BoardID)
	if cards() != 4 || r2.BoardID != r.BoardID || r2.DoingListID != r.DoingListID || len(w.Boards()) != 1 {
		t.Errorf("after the update there are %d cards; %+v", cards(), r2)
	}
	if got := names(b); !slices.Equal(got, []string{"To Do", "In progress", "Done", "Ideas"}) {
		t.Errorf("the lists are %q", got)
	}
	if r2.TodoListID != b.Lists[3].ID || len(b.Lists[1].Cards) != 1 {
		t.Errorf("a list that had the name is not the one, or the renamed one lost its card: %+v", b)
	}

	if err := w.kind.Delete(t.Context(), encode(want), encode(r2)); err != nil {
		t.Fatal(err)
	}
	if b, _ := w.Board(r.BoardID); !b.Closed || cards() != 4 {
		t.Errorf("after the delete there are %d cards; archived = %t", cards(), b.Closed)
	}
	if r3 := w.create(t, want); r3 != r2 || cards() != 4 {
		t.Errorf("what was archived is not opened again: %+v", r3)
	}
	for _, request := range w.Requests() {
		if strings.HasPrefix(request, "DELETE") {
			t.Errorf("%s", request)
		}
	}
}

func TestAnArchivedListComesBackWithItsCards(t *testing.T) {
	w := newWorld(t)
	r := w.create(t, options())
	if err := w.Edit(r.BoardID, func(b *parts.TrelloBoard) {
		b.Lists[1].Closed = true
		b.Lists[1].Cards = []parts.TrelloCard{{Name: "x"}}
	}); err != nil {
		t.Fatal(err)
	}
	if got := w.read(t, options(), r); got.DoingListID != "" || got.Lists.Doing != "" {
		t.Errorf("read returns %+v", got)
	}
	if again := w.update(t, options(), options(), r); again != r {
		t.Errorf("update returns %+v, want %+v", again, r)
	}
	if b, _ := w.Board(r.BoardID); len(b.Lists) != 3 || len(b.Lists[1].Cards) != 1 || b.Lists[1].Closed {
		t.Errorf("the board is %+v", b)
	}
}

func TestABoardOfSomebodyElseIsTakenOverOnlyWhenThatIsWishedFor(t *testing.T) {
	w := newWorld(t)
	id := w.AddBoard("cnych/app", "Ours.", "Doing", "Ideas")
	_, err := w.kind.Create(t.Context(), encode(options()))
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "adopt: true") || len(w.Boards()) != 1 {
		t.Errorf("create returned %v; there are %d boards", err, len(w.Boards()))
	}
	r := w.create(t, options(func(o *Options) { o.Adopt = true }))
	b, _ := w.Board(id)
	if r.BoardID != id || r.DoingListID != b.Lists[0].ID || !slices.Equal(names(b), []string{"Doing", "Ideas", "To Do", "Done"}) {
		t.Errorf("the board is %+v, the resource %+v", b, r)
	}
	other := options(func(o *Options) { o.Repo, o.KanbanBoardName, o.Adopt = "other", "cnych/app", true })
	if r2 := w.create(t, other); r2.BoardID == id {
		t.Error("a board of another tool is taken over")
	}
}

func TestABoardOfDevStreamIsOursAsItIs(t *testing.T) {
	w := newWorld(t)
	id := w.AddBoard("Kanban", "Description is managed by DevStream, please don't modify. cnych/app", "To Do", "Doing", "Done", "Ideas")
	b, _ := w.Board(id)
	old := encode(map[string]any{"boardId": id, "todoListId": b.Lists[0].ID, "doingListId": b.Lists[1].ID, "doneListId": b.Lists[2].ID})
	// With org DevStream took the owner all the same.
	o := options(func(o *Options) { o.Org, o.KanbanBoardName = "acme", "Kanban" })
	meant, err := w.kind.Succeed(t.Context(), encode(o), old)
	if err != nil {
		t.Fatal(err)
	}
	left := decode[Resource](t, meant)
	if got := w.read(t, o, left); got != left || !got.Marked || got.BoardID != id {
		t.Errorf("read returns %+v, the resource of DevStream means %+v", got, left)
	}
	if got := w.create(t, o); got != left || len(w.Boards()) != 1 {
		t.Errorf("create returns %+v", got)
	}
	if b, _ := w.Board(id); strings.Contains(b.Desc, "DevStream") || !strings.Contains(b.Desc, mark(o)) {
		t.Errorf("its description is %q", b.Desc)
	}
}

func TestWhatIsKeptStays(t *testing.T) {
	w := newWorld(t)
	o := options(func(o *Options) { o.OnDelete = "keep" })
	r := w.create(t, o)
	if err := w.kind.Delete(t.Context(), encode(o), encode(r)); err != nil {
		t.Fatal(err)
	}
	if got := w.read(t, o, r); got != r {
		t.Errorf("after the delete there is %+v", got)
	}
}

func TestASecondUpdateWritesNothing(t *testing.T) {
	w := newWorld(t)
	o := options(func(o *Options) { o.Org = "acme" })
	r := w.create(t, o)
	before := len(w.Requests())
	w.update(t, o, o, r)
	for _, request := range w.Requests()[before:] {
		if !strings.HasPrefix(request, "GET ") {
			t.Errorf("%s", request)
		}
	}
}

func TestMistakesInOptionsAreFoundBeforeAnyRequest(t *testing.T) {
	w := newWorld(t)
	for _, o := range []Options{
		options(func(o *Options) { o.Owner = "" }),
		options(func(o *Options) { o.Lists.Done = o.Lists.Todo }),
	} {
		if _, err := w.kind.Create(t.Context(), encode(o)); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	if len(w.Requests()) > 0 {
		t.Errorf("there were requests: %q", w.Requests())
	}
}

func TestNoCredentialIsInWhatIsRecordedOrReported(t *testing.T) {
	w := newWorld(t)
	recorded := string(encode(w.create(t, options())))
	for _, fault := range []parts.Trouble{
		{Cut: true},
		{Status: 401, Body: "invalid token " + w.Token + " for key " + w.Key},
		{Status: 400, Body: `{"message":"bad ` + w.Token + `","error":"E"}`},
		{Status: 503, Body: "<html>" + w.Key},
		{Status: 307, Header: map[string]string{"Location": "http://127.0.0.1:1/?token=" + w.Token}},
		{Half: true},
	} {
		heal := w.Fail(1, fault)
		_, err := w.kind.Create(t.Context(), encode(options(func(o *Options) { o.Repo = "x" })))
		heal()
		if err == nil {
			t.Fatalf("%+v is no error", fault)
		}
		recorded = cmp.Or(recorded, "") + err.Error()
	}
	if strings.Contains(recorded, w.Token) || strings.Contains(recorded, w.Key) {
		t.Errorf("there is a credential in %s", recorded)
	}
}
