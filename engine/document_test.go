package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

func TestThePlansDocumentFitsTheSchemaAndIsAlwaysTheSame(t *testing.T) {
	h := newHouse(t)
	h.env["X"] = "x"
	check := func(config string) {
		t.Helper()
		var first []byte
		for range 5 {
			doc, err := h.plan(config).MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = doc
			}
			if !bytes.Equal(first, doc) {
				t.Errorf("the document was\n%s\nand is\n%s", first, doc)
			}
		}
		if err := testLoader().Validate("#Plan", first); err != nil {
			t.Errorf("%v\n%s", err, first)
		}
	}
	check("")
	check(before)
	h.apply(before)
	check(before)
	h.world.change("d", func(r *resource) { r.Value = "by hand" })
	h.before = failing("read", "old", errors.New("no <answer>"))
	check(changed + "\nold value=2\nlast token=s value=@env.X <old,a")
	h.before = nil
	check("b value=1 zone=there\nd <b")
}

func TestThePlansDocumentHasTheNotesOfTheConfigurationAndASavedPlanDoesNotDependOnThem(t *testing.T) {
	h := newHouse(t)
	p := h.plan("a value=1")
	without, err := p.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	p.config.Notes = []schema.Note{
		{Pos: schema.Pos{File: "../config.yaml", Line: 3, Column: 5}, Path: "tools.thing.a.options.old", Msg: "without <effect>"},
		{Pos: schema.Pos{File: "config.yaml"}, Msg: "and this"},
	}
	doc, err := p.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := testLoader().Validate("#Plan", doc); err != nil {
		t.Errorf("%v\n%s", err, doc)
	}
	want := `"notes":[{"at":"../config.yaml:3:5","path":"tools.thing.a.options.old","message":"without <effect>"},{"at":"config.yaml","message":"and this"}]`
	if !bytes.Contains(doc, []byte(want)) {
		t.Errorf("the document has not %s:\n%s", want, doc)
	}
	if bytes.Contains(without, []byte(`"notes":[{`)) {
		t.Errorf("there are notes of nothing:\n%s", without)
	}
	saved := SavedPlan{Plan: without, Digest: p.config.Digest}
	if err := saved.Same(p); err != nil {
		t.Errorf("the same plan with other notes: %v", err)
	}
}

func TestThePlansDocument(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=1\nb value=@a.url token=t1\nc <b")
	p := h.plan("a value=2\nb value=@a.url token=t2\nn")
	p.Lineage = "L"
	p.Errors = append(p.Errors, ToolError{ID: "thing.e", Err: errors.New("no <answer>")})
	doc, err := p.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, doc, "", " "); err != nil {
		t.Fatal(err)
	}
	h.same("document", b.String(), documentText)
}

const documentText = `{
 "formatVersion": "1.0",
 "serial": 8,
 "lineage": "L",
 "changes": [
  {
   "id": "thing.a",
   "plugin": "thing",
   "instance": "a",
   "action": "update",
   "reason": "config drifted from the state, will be updated.",
   "before": {
    "name": "a",
    "value": "1",
    "zone": "here"
   },
   "after": {
    "name": "a",
    "value": "2",
    "zone": "here"
   },
   "diff": [
    {
     "path": "options.value",
     "before": "1",
     "after": "2"
    }
   ],
   "dependsOn": [],
   "unknown": []
  },
  {
   "id": "thing.b",
   "plugin": "thing",
   "instance": "b",
   "action": "update",
   "reason": "config drifted from the state, will be updated.",
   "before": {
    "name": "b",
    "token": "(secret)",
    "value": "a/1#0",
    "zone": "here"
   },
   "after": {
    "name": "b",
    "token": "(secret)",
    "value": "${{ thing.a.outputs.url }}",
    "zone": "here"
   },
   "diff": [
    {
     "path": "options.token",
     "secret": true
    },
    {
     "path": "options.value",
     "before": "a/1#0",
     "after": "${{ thing.a.outputs.url }}",
     "unknown": true
    }
   ],
   "dependsOn": [
    "thing.a"
   ],
   "unknown": [
    "options.value"
   ]
  },
  {
   "id": "thing.n",
   "plugin": "thing",
   "instance": "n",
   "action": "create",
   "reason": "found in config but doesn't exist in the state, will be created.",
   "before": null,
   "after": {
    "name": "n",
    "value": "",
    "zone": "here"
   },
   "diff": [
    {
     "path": "options.name",
     "after": "n"
    },
    {
     "path": "options.value",
     "after": ""
    },
    {
     "path": "options.zone",
     "after": "here"
    }
   ],
   "dependsOn": [],
   "unknown": []
  },
  {
   "id": "thing.c",
   "plugin": "thing",
   "instance": "c",
   "action": "delete",
   "reason": "will be deleted.",
   "before": {
    "name": "c",
    "value": "",
    "zone": "here"
   },
   "after": null,
   "diff": [],
   "dependsOn": [
    "thing.b"
   ],
   "unknown": []
  }
 ],
 "errors": [
  {
   "id": "thing.e",
   "message": "no <answer>"
  }
 ],
 "summary": {
  "create": 1,
  "update": 2,
  "replace": 0,
  "delete": 1,
  "unchanged": 0
 }
}`

func TestInspectTellsWhatIsGoneAndWhatHasDrifted(t *testing.T) {
	h := newHouse(t)
	h.apply("same\ngone\ndrifted\ndoubt\nunreadable")
	h.before = failing("update", "doubt", errors.New("no"))
	if _, err := h.try("same\ngone\ndrifted\ndoubt value=2\nunreadable"); err == nil {
		t.Fatal("no error")
	}
	h.before = failing("read", "unreadable", errors.New("no answer"))
	h.world.remove("gone")
	h.world.change("drifted", func(r *resource) { r.Value = "by hand" })
	state := h.state()
	found, err := h.engine.Inspect(t.Context(), state, append(state.IDs(), "thing.same"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintf(&b, "%s found=%t gone=%t drifted=%t doubt=%t %v\n", short(f.ID), f.Resource != nil, f.Gone, f.Drifted, f.Have.Doubt != nil, f.Err)
	}
	h.same("findings", b.String(), `
doubt found=false gone=false drifted=false doubt=true <nil>
drifted found=true gone=false drifted=true doubt=false <nil>
gone found=false gone=true drifted=true doubt=false <nil>
same found=true gone=false drifted=false doubt=false <nil>
unreadable found=false gone=false drifted=false doubt=false no answer
same found=true gone=false drifted=false doubt=false <nil>`)
}

func TestActionsHaveTheWordsOfTheJournal(t *testing.T) {
	for action, word := range map[Action]string{
		Create: store.ActionCreate, Update: store.ActionUpdate, Replace: store.ActionReplace, Delete: store.ActionDelete, NoOp: "no-op",
	} {
		if action.String() != word {
			t.Errorf("%c is %s, want %s", action, action, word)
		}
	}
}

func TestErrorsOfToolsNameThem(t *testing.T) {
	cause := errors.New("no")
	err := error(&ToolError{ID: schema.ID("thing.a"), Err: cause})
	if err.Error() != "thing.a: no" || !errors.Is(err, cause) {
		t.Error(err)
	}
}
