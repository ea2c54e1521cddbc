package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/devstream-io/dtm/store"
)

func runs(t *testing.T, place Opener) {
	entries := Journal(5, 150, 8)
	session := open(t, place(), nil)
	for i := 0; i < len(entries); i += 10 {
		record(t, session, entries[i:i+10]...)
	}
	closeSession(t, session)
	got := allRuns(t, place())
	same(t, "runs", foldRuns(entries), got)
	if len(got) < 5 {
		t.Fatalf("%d runs are too few for this test", len(got))
	}

	s := place()
	n := 0
	for run, err := range s.Runs(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		same(t, "run", got[n], run)
		if n++; n == 2 {
			break
		}
	}
	// Whoever breaks off leaves nothing locked.
	closeSession(t, open(t, s, nil))
}

func cutOff(t *testing.T, place Opener) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	recordAll(t, place(),
		store.Entry{Kind: store.Started, Run: "run-1", Time: began, Command: "apply", Author: "ann", ConfigDigest: "sha256:1"},
		store.Entry{Kind: store.Intent, Run: "run-1", Time: began.Add(time.Second), Tool: "a.b", Action: store.ActionCreate})
	recordAll(t, place(),
		store.Entry{Kind: store.Started, Run: "run-2", Time: began.Add(time.Hour), Command: "destroy", Author: "bob"},
		store.Entry{Kind: store.Finished, Run: "run-2", Time: began.Add(2 * time.Hour), Result: store.Succeeded, Duration: time.Hour})
	same(t, "runs", []store.Run{
		{ID: "run-2", First: 3, Last: 4, StartedAt: began.Add(time.Hour), Command: "destroy", Author: "bob", Result: store.Succeeded, Duration: time.Hour},
		{ID: "run-1", First: 1, Last: 2, StartedAt: began, Command: "apply", Author: "ann", ConfigDigest: "sha256:1"},
	}, allRuns(t, place()))
	if doubt := load(t, place()).Tools["a.b"].Doubt; doubt == nil || doubt.Run != "run-1" {
		t.Errorf("doubt of a tool whose run was cut off: %+v", doubt)
	}
}

func entriesOfRun(t *testing.T, place Opener) {
	all := Journal(6, 200, 6)
	recordAll(t, place(), all[:150]...)
	recordAll(t, place(), all[150:]...)
	for _, run := range allRuns(t, place()) {
		var want []store.Entry
		for _, e := range all {
			if e.Run == run.ID {
				want = append(want, e)
			}
		}
		same(t, "entries of "+run.ID, want, entriesOf(t, place(), run.ID))
	}

	s := place()
	for _, err := range s.Entries(t.Context(), "run-000001") {
		if err != nil {
			t.Error(err)
		}
		break
	}
	closeSession(t, open(t, s, nil))

	for _, id := range []string{"run-9", ""} {
		n := 0
		for _, err := range s.Entries(t.Context(), id) {
			if n++; n > 1 || !errors.Is(err, store.ErrNoRun) {
				t.Errorf("entries of run %q: %v, want ErrNoRun once", id, err)
			}
		}
		if n == 0 {
			t.Errorf("entries of run %q: nothing, want ErrNoRun", id)
		}
	}
}
