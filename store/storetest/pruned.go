package storetest

import (
	"errors"
	"testing"

	"github.com/devstream-io/dtm/store"
)

// RunPruned checks a store that keeps only so many runs; keep 0 keeps all. What is above is forgotten by the time that a
// session that has recorded something is closed. Calls of place with the same t lead to one place, with another t to a
// new, empty one.
func RunPruned(t *testing.T, place func(t *testing.T, keep int) Opener) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, func(keep int) Opener)
	}{
		{"the newest runs are kept, session after session", pruneBySession},
		{"what was kept before goes when less is to be kept", keepLess},
		{"a run that goes on in the next session is kept as a whole or not at all", runsThatOverlap},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, func(keep int) Opener { return place(t, keep) })
		})
	}
}

func pruneBySession(t *testing.T, place func(keep int) Opener) {
	const keep = 4
	all := Journal(11, 600, 8)
	at := place(keep)
	for from, n := 0, 0; from < len(all); n++ {
		to := from
		// Sessions of no, one, two and more runs, that end anywhere within one.
		for to < len(all) && to-from < []int{3, 40, 90, 20}[n%4] {
			to++
		}
		session := open(t, at(), load(t, at()))
		same(t, "tools of the session", fold(all[:from]).Tools, session.State().Tools)
		for i := from; i < to; i += 7 {
			record(t, session, all[i:min(i+7, to)]...)
		}
		closeSession(t, session)
		prunedTo(t, at, all[:to], keep)
		from = to
	}
}

func keepLess(t *testing.T, place func(keep int) Opener) {
	all := Journal(12, 300, 6)
	recordAll(t, place(0)(), all[:200]...)
	prunedTo(t, place(0), all[:200], 0)
	recordAll(t, place(3)(), all[200:250]...)
	prunedTo(t, place(3), all[:250], 3)
	recordAll(t, place(0)(), all[250:251]...)
	// What is gone is gone.
	runs := allRuns(t, place(0)())
	if len(runs) < 3 || len(runs) > 4 {
		t.Errorf("%d runs", len(runs))
	}
	recordAll(t, place(1)(), all[251:]...)
	prunedTo(t, place(1), all, 1)
	session := open(t, place(1)(), load(t, place(1)()))
	closeSession(t, session)
	prunedTo(t, place(1), all, 1)
}

func runsThatOverlap(t *testing.T, place func(keep int) Opener) {
	entry := func(run string, kind store.EntryKind, tool string) store.Entry {
		e := store.Entry{Kind: kind, Run: run, Action: store.ActionCreate}
		if tool != "" {
			e.Tool, e.Options = "a.b", []byte(`{"by":"`+run+tool+`"}`)
		}
		return e
	}
	recordAll(t, place(2)(),
		entry("r1", store.Started, ""), entry("r1", store.Intent, "1"), entry("r1", store.Applied, "1"),
		entry("r2", store.Started, ""), entry("r1", store.Applied, "2"), entry("r2", store.Applied, "3"))
	session := open(t, place(2)(), nil)
	record(t, session, entry("r2", store.Applied, "4"), entry("r3", store.Started, ""), entry("r3", store.Applied, "5"), entry("r2", store.Finished, ""))
	closeSession(t, session)
	runs := allRuns(t, place(2)())
	if len(runs) != 2 || runs[0].ID != "r3" || runs[1].ID != "r2" {
		t.Fatalf("runs: %+v", runs)
	}
	for _, run := range runs {
		entries := entriesOf(t, place(2)(), run.ID)
		if len(entries) != map[string]int{"r2": 4, "r3": 2}[run.ID] || entries[0].Seq != run.First || entries[len(entries)-1].Seq != run.Last {
			t.Errorf("run %+v has the entries %+v", run, entries)
		}
		state, err := place(2)().At(t.Context(), run.ID)
		if err != nil || state.Serial != run.Last || string(state.Tools["a.b"].Options) != `{"by":"r35"}` {
			t.Errorf("at %s: %+v, %v", run.ID, state, err)
		}
	}
	if _, err := place(2)().At(t.Context(), "r1"); !errors.Is(err, store.ErrNoRun) {
		t.Errorf("at r1: %v, want ErrNoRun", err)
	}
	if state := load(t, place(2)()); state.Serial != 10 || string(state.Tools["a.b"].Options) != `{"by":"r35"}` {
		t.Errorf("state: %+v", state)
	}
}

// prunedTo checks that the store has recorded all and remembers the newest runs of it.
func prunedTo(t *testing.T, place Opener, all []store.Entry, keep int) {
	t.Helper()
	want, got := fold(all), load(t, place())
	if got.Serial != want.Serial {
		t.Fatalf("serial %d, want %d", got.Serial, want.Serial)
	}
	same(t, "tools", want.Tools, got.Tools)
	runs := foldRuns(all)
	var gone []store.Run
	if keep > 0 && len(runs) > keep {
		runs, gone = runs[:keep], runs[keep:]
	}
	same(t, "runs", runs, allRuns(t, place()))
	for _, run := range runs {
		var entries []store.Entry
		for _, e := range all[run.First-1 : run.Last] {
			if e.Run == run.ID {
				entries = append(entries, e)
			}
		}
		same(t, "entries of "+run.ID, entries, entriesOf(t, place(), run.ID))
		state, err := place().At(t.Context(), run.ID)
		if err != nil {
			t.Fatalf("at %s: %v", run.ID, err)
		}
		if state.Serial != run.Last {
			t.Errorf("at %s: serial %d, want %d", run.ID, state.Serial, run.Last)
		}
		same(t, "tools at "+run.ID, fold(all[:run.Last]).Tools, state.Tools)
	}
	for i, run := range gone {
		if i > 2 && i < len(gone)-1 {
			continue // the newest ones and the oldest will do
		}
		for _, err := range place().Entries(t.Context(), run.ID) {
			if !errors.Is(err, store.ErrNoRun) {
				t.Errorf("entries of %s: %v, want ErrNoRun", run.ID, err)
			}
		}
		if _, err := place().At(t.Context(), run.ID); !errors.Is(err, store.ErrNoRun) {
			t.Errorf("at %s: %v, want ErrNoRun", run.ID, err)
		}
	}
}
