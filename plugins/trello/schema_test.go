package trello

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	cueschema "github.com/devstream-io/dtm/schema"
)

func loader(t *testing.T) *cueschema.Loader {
	t.Helper()
	l, err := cueschema.NewLoader([]cueschema.PluginSchema{{Name: "trello", CUE: schema}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// DevStream's sample has both owner and org.
func TestTheSampleOfDevStreamIsAllThereNeedsToBe(t *testing.T) {
	data, err := loader(t).Complete("trello", []byte(`{"owner":"YOUR_GITHUB_USERNAME","org":"YOUR_ORGANIZATION_NAME","repo":"YOUR_REPO_NAME","kanbanBoardName":"KANBAN_BOARD_NAME"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Options{
		Owner: "YOUR_GITHUB_USERNAME", Org: "YOUR_ORGANIZATION_NAME", Repo: "YOUR_REPO_NAME", KanbanBoardName: "KANBAN_BOARD_NAME",
		Lists: Lists{Todo: "To Do", Doing: "Doing", Done: "Done"}, OnDelete: "archive",
	}
	if diff := cmp.Diff(want, decode[Options](t, data)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	w := newWorld(t)
	r, err := w.kind.Create(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.kind.Read(t.Context(), data, r); err != nil || string(again) != string(r) {
		t.Errorf("read returns %s, %v; create returned %s", again, err, r)
	}
	if got := decode[Resource](t, r); got.Name != "KANBAN_BOARD_NAME" {
		t.Errorf("the board is %+v", got)
	}
}

func TestOptionsAreCheckedBeforeAnythingRuns(t *testing.T) {
	l := loader(t)
	for options, ok := range map[string]bool{
		`{"owner":"a","repo":"r"}`:   true,
		`{"org":"a","repo":"r"}`:     true,
		`{"repo":"r"}`:               false,
		`{"owner":"a"}`:              false,
		`{"owner":"a/b","repo":"r"}`: false,
		`{"owner":"${{ x.y.outputs.owner }}","repo":"${{ x.y.outputs.repo }}"}`: true,
		`{"owner":"a","repo":"r","onDelete":"forget"}`:                          false,
		`{"owner":"a","repo":"r","lists":{"doing":"In progress"}}`:              true,
		`{"owner":"a","repo":"r","lists":{"doing":""}}`:                         false,
		`{"owner":"a","repo":"r","lists":{"testing":"x"}}`:                      false,
		`{"owner":"a","repo":"r","baseURL":"https://u:p@h"}`:                    false,
	} {
		if _, err := l.Complete("trello", []byte(options)); (err == nil) != ok {
			t.Errorf("%s: %v", options, err)
		}
	}
}

func TestOneRepositoryHasOneBoard(t *testing.T) {
	w := newWorld(t)
	identity := func(change ...func(*Options)) string {
		t.Helper()
		id, err := w.kind.Identity(t.Context(), encode(options(change...)))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	same := identity(func(o *Options) { o.KanbanBoardName, o.Org, o.Owner = "Other", "CNYCH", "alice" })
	if identity() == "" || identity() != same || identity() == identity(func(o *Options) { o.Repo = "b" }) || identity(func(o *Options) { o.Repo = "" }) != "" {
		t.Errorf("the identity is %q, and %q", identity(), same)
	}
}
