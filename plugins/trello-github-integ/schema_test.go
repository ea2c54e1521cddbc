package trellogithubinteg

import (
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins/internal/workflow"
	cueschema "github.com/devstream-io/dtm/schema"
)

func loader(t *testing.T) *cueschema.Loader {
	t.Helper()
	l, err := cueschema.NewLoader([]cueschema.PluginSchema{{Name: name, CUE: schema, Shared: map[string]string{workflow.SharedName: workflow.Schema}}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// DevStream's sample has both owner and org, and its Read and its Create did not agree on which counts.
func TestTheSampleOfDevStreamIsAppliedOnce(t *testing.T) {
	w := newWorld(t)
	sample := strings.NewReplacer("BOARD", w.board.ID, "TODO", w.board.Lists[0].ID, "DOING", w.board.Lists[1].ID, "DONE", w.board.Lists[2].ID).Replace(`{"owner":"alice","org":"acme","repo":"app","branch":"main","boardId":"BOARD","todoListId":"TODO","doingListId":"DOING","doneListId":"DONE"}`)
	options, err := loader(t).Complete(name, []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.kind.Create(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.kind.Read(t.Context(), options, r); err != nil || string(again) != string(r) {
		t.Errorf("read returns %s, %v; create returned %s", again, err, r)
	}
	before := len(w.hub.Log(t, repo, "main"))
	if again, err := w.kind.Update(t.Context(), options, options, r); err != nil || string(again) != string(r) {
		t.Errorf("update returns %s, %v; create returned %s", again, err, r)
	}
	if after := len(w.hub.Log(t, repo, "main")); after != before {
		t.Errorf("the second time made %d commits", after-before)
	}
	for _, request := range w.hub.Requests() {
		if strings.HasPrefix(request, "DELETE") {
			t.Error(request)
		}
	}
}

func TestOptionsAreCheckedBeforeAnythingRuns(t *testing.T) {
	const ids = `"boardId":"64a0b1c2d3e4f5a6b7000001","todoListId":"${{ trello.default.outputs.todoListId }}","doingListId":"64a0b1c2d3e4f5a6b7000001","doneListId":"64a0b1c2d3e4f5a6b7000001"}`
	l := loader(t)
	for options, ok := range map[string]bool{
		`{"owner":"a","repo":"r",` + ids:                                                             true,
		`{"org":"a","repo":"r",` + ids:                                                               true,
		`{"repo":"r",` + ids:                                                                         false,
		`{"owner":"a","repo":"r"}`:                                                                   false,
		`{"owner":"a","repo":"r","workflow":"../x.yml",` + ids:                                       false,
		`{"owner":"a","repo":"r","workflow":"x",` + ids:                                              false,
		`{"owner":"a","repo":"r","branch":"a b",` + ids:                                              false,
		`{"owner":"a","repo":"r","runner":[],` + ids:                                                 false,
		`{"owner":"a","repo":"r","trelloURL":"https://u:p@h",` + ids:                                 false,
		`{"owner":"a","repo":"r","boardId":"x","todoListId":"y","doingListId":"z","doneListId":"z"}`: false,
	} {
		if _, err := l.Complete(name, []byte(options)); (err == nil) != ok {
			t.Errorf("%s: %v", options, err)
		}
	}
}
