package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

var (
	noon     = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	intent   = store.Entry{Kind: store.Intent, Run: "r1", Tool: "a.b", Action: store.ActionCreate, DependsOn: []schema.ID{"c.d"}, Options: json.RawMessage(`{"n":1}`), Digests: map[string]string{"token": "d1"}}
	applied  = store.Entry{Kind: store.Applied, Time: noon, Run: "r1", Tool: "a.b", Action: store.ActionCreate, DependsOn: []schema.ID{"c.d"}, Options: json.RawMessage(`{"n":1}`), Digests: map[string]string{"token": "d1"}, Resource: json.RawMessage(`{"id":7}`), Duration: time.Second}
	failed   = store.Entry{Kind: store.Failed, Run: "r1", Tool: "a.b", Action: store.ActionCreate, Error: "no route"}
	deleted  = store.Entry{Kind: store.Deleted, Run: "r1", Tool: "a.b", Duration: time.Second}
	removal  = store.Entry{Kind: store.Intent, Run: "r2", Tool: "a.b", Action: store.ActionDelete}
	takeover = store.Entry{Kind: store.TakenOver, Time: noon, Run: "r1", Tool: "a.b", Options: json.RawMessage(`{"n":1}`), Resource: json.RawMessage(`{"old":1}`)}
	skipped  = store.Entry{Kind: store.Skipped, Run: "r1", Tool: "a.b", Action: store.ActionCreate, Error: "c.d failed"}
)

// inDoubt is what an intent leaves of a tool that was not there before.
func inDoubt(err string) store.Tool {
	return store.Tool{ID: "a.b", Doubt: &store.Doubt{Run: "r1", Action: store.ActionCreate, Error: err, DependsOn: intent.DependsOn, Options: intent.Options, Digests: intent.Digests}}
}

func there() store.Tool {
	return store.Tool{ID: "a.b", Exists: true, DependsOn: applied.DependsOn, Options: applied.Options, Digests: applied.Digests, Resource: applied.Resource, Applied: noon, Took: time.Second}
}

func with(t store.Tool, d *store.Doubt) store.Tool {
	t.Doubt = d
	return t
}

func TestStateIsTheFoldOfItsEntries(t *testing.T) {
	for _, test := range []struct {
		name    string
		entries []store.Entry
		want    []store.Tool
	}{
		{"nothing", nil, nil},
		{"an intent leaves the tool in doubt", []store.Entry{intent}, []store.Tool{inDoubt("")}},
		{"applied ends the doubt", []store.Entry{intent, applied}, []store.Tool{there()}},
		{"a failure keeps the doubt and says why", []store.Entry{intent, failed}, []store.Tool{inDoubt("no route")}},
		{"a later success ends the doubt of a failure", []store.Entry{intent, failed, intent, applied}, []store.Tool{there()}},
		{"a failure without an intent says nothing", []store.Entry{failed}, nil},
		{"a failure of a tool that is not in doubt says nothing", []store.Entry{intent, applied, failed}, []store.Tool{there()}},
		{"what was applied is kept while the next step is in doubt", []store.Entry{intent, applied, removal}, []store.Tool{with(there(), &store.Doubt{Run: "r2", Action: store.ActionDelete})}},
		{"a deleted tool is forgotten", []store.Entry{intent, applied, removal, deleted}, nil},
		{"deleting what is not there is nothing", []store.Entry{deleted}, nil},
		{"a skipped step changes nothing", []store.Entry{intent, applied, skipped}, []store.Tool{there()}},
		{"a taken over tool exists, in the old shape", []store.Entry{takeover}, []store.Tool{{ID: "a.b", Exists: true, Options: takeover.Options, Resource: takeover.Resource, TakenOver: true, Applied: noon}}},
		{"applied makes a taken over tool our own", []store.Entry{takeover, intent, applied}, []store.Tool{there()}},
		{"runs begin and end without touching tools", []store.Entry{{Kind: store.Started, Run: "r1"}, {Kind: store.Finished, Run: "r1"}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			state := store.NewState()
			for i, e := range test.entries {
				e.Seq = uint64(i) + 1
				state.Apply(e)
			}
			want := store.NewState()
			want.Serial = uint64(len(test.entries))
			for _, tool := range test.want {
				want.Tools[tool.ID] = &tool
			}
			if diff := cmp.Diff(want, state); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
		})
	}
}

func TestApplyChangesNoToolInPlace(t *testing.T) {
	state := store.NewState()
	state.Apply(intent)
	for _, e := range []store.Entry{failed, applied, removal, failed, deleted} {
		before := state.Tools["a.b"]
		copied, doubt := *before, store.Doubt{}
		if before.Doubt != nil {
			doubt = *before.Doubt
		}
		state.Apply(e)
		if diff := cmp.Diff(&copied, before); diff != "" {
			t.Errorf("%s changed the tool that was there before:\n%s", e.Kind, diff)
		}
		if before.Doubt != nil && !cmp.Equal(doubt, *before.Doubt) {
			t.Errorf("%s changed the doubt that was there before", e.Kind)
		}
	}
}

func TestIDsAreSorted(t *testing.T) {
	state := store.NewState()
	for _, id := range []schema.ID{"b.a", "a.b", "a.a"} {
		state.Apply(store.Entry{Kind: store.Intent, Tool: id})
	}
	if diff := cmp.Diff([]schema.ID{"a.a", "a.b", "b.a"}, state.IDs()); diff != "" {
		t.Error(diff)
	}
}

func TestRunIsTheFoldOfItsEntries(t *testing.T) {
	entries := []store.Entry{
		{Seq: 11, Kind: store.Started, Time: noon, Run: "r1", Command: "apply", Author: "ann", ConfigDigest: "sha256:1"},
		{Seq: 12, Kind: store.Intent, Run: "r1", Tool: "a.a", Action: store.ActionCreate},
		{Seq: 13, Kind: store.Applied, Run: "r1", Tool: "a.a", Action: store.ActionCreate},
		{Seq: 14, Kind: store.Applied, Run: "r1", Tool: "a.b", Action: store.ActionUpdate},
		{Seq: 15, Kind: store.Deleted, Run: "r1", Tool: "a.c", Action: store.ActionReplace},
		{Seq: 16, Kind: store.Applied, Run: "r1", Tool: "a.c", Action: store.ActionReplace},
		{Seq: 17, Kind: store.Deleted, Run: "r1", Tool: "a.d", Action: store.ActionDelete},
		{Seq: 18, Kind: store.Failed, Run: "r1", Tool: "a.e"},
		{Seq: 19, Kind: store.Skipped, Run: "r1", Tool: "a.f"},
		{Seq: 20, Kind: store.Applied, Run: "r1", Tool: "a.g"}, // a mere change of the record
		{Seq: 21, Kind: store.Finished, Run: "r1", Result: store.FailedRun, Duration: time.Minute},
	}
	var run store.Run
	for _, e := range entries {
		run.Apply(e)
	}
	want := store.Run{
		ID: "r1", First: 11, Last: 21, StartedAt: noon, Command: "apply", Author: "ann", ConfigDigest: "sha256:1",
		Counts:   store.Counts{Created: 1, Updated: 1, Replaced: 1, Deleted: 1, Failed: 1, Skipped: 1},
		Duration: time.Minute, Result: store.FailedRun,
	}
	if diff := cmp.Diff(want, run); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
}

func TestRunWithoutABeginningHasAnIdentity(t *testing.T) {
	var run store.Run
	run.Apply(store.Entry{Seq: 3, Kind: store.TakenOver, Time: noon, Run: "r1", Tool: "a.b"})
	run.Apply(store.Entry{Seq: 4, Kind: store.TakenOver, Time: noon.Add(time.Second), Run: "r1", Tool: "a.c"})
	if diff := cmp.Diff(store.Run{ID: "r1", First: 3, Last: 4, StartedAt: noon}, run); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
}

func TestLockedErrorNamesTheHolderIfItIsKnown(t *testing.T) {
	err := &store.LockedError{Store: "state.db"}
	if got, want := err.Error(), "state.db is in use by another dtm"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	err.Holder = store.Holder{User: "ann", Host: "build-7", PID: 12, Command: "dtm apply", Since: noon}
	if got, want := err.Error(), "state.db is in use by ann@build-7 (pid 12, `dtm apply`) since 2026-01-01T12:00:00Z"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAFoldedEntrySharesNothingWithItsCaller(t *testing.T) {
	e := store.Entry{
		DependsOn: []schema.ID{"a.b"}, Options: []byte(`{"x":1}`), Resource: []byte(`{"y":1}`),
		Digests: map[string]string{"options.x": "1"}, Diff: []store.FieldDiff{{Path: "options.x"}},
	}
	kept := e.Folded()
	e.DependsOn[0], e.Options[2], e.Resource[2], e.Digests["options.x"] = "c.d", 'z', 'z', "2"
	if kept.DependsOn[0] != "a.b" || string(kept.Options) != `{"x":1}` || string(kept.Resource) != `{"y":1}` || kept.Digests["options.x"] != "1" || kept.Diff != nil {
		t.Errorf("kept %+v", kept)
	}
}

func TestACloneIsFoldedOnWhileTheStateStays(t *testing.T) {
	s := store.NewState()
	s.Apply(store.Entry{Seq: 1, Kind: store.Applied, Tool: "a.b", Action: store.ActionCreate})
	c := s.Clone()
	c.Apply(store.Entry{Seq: 2, Kind: store.Deleted, Tool: "a.b"})
	if s.Serial != 1 || s.Tools["a.b"] == nil || c.Serial != 2 || len(c.Tools) != 0 {
		t.Errorf("state %+v, clone %+v", s, c)
	}
}
