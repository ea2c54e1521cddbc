package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/devstream-io/dtm/store"
)

func readWhileOpen(t *testing.T, place Opener) {
	all := Journal(8, 120, 5)
	session := open(t, place(), nil)
	if got := load(t, place()); got.Serial != 0 || got.Lineage != session.State().Lineage {
		t.Errorf("before the first entry: serial %d, lineage %q", got.Serial, got.Lineage)
	}
	for at := 0; at < len(all); at += 20 {
		record(t, session, all[at:at+20]...)
		seen := all[:at+20]
		want, got := fold(seen), load(t, place())
		if got.Serial != want.Serial {
			t.Fatalf("serial %d, want %d", got.Serial, want.Serial)
		}
		same(t, "tools", want.Tools, got.Tools)
		same(t, "runs", foldRuns(seen), allRuns(t, place()))
		same(t, "entries", seen, everything(t, place()))
	}
	closeSession(t, session)
}

func readWhileRecording(t *testing.T, place Opener) {
	const n = 60
	session := open(t, place(), nil)
	var mu sync.Mutex
	acknowledged := uint64(0)
	known := func() uint64 {
		mu.Lock()
		defer mu.Unlock()
		return acknowledged
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			s := place()
			for {
				before := known()
				state, err := s.Load(t.Context())
				if err != nil {
					t.Errorf("load: %v", err)
					return
				}
				if state.Serial < before {
					t.Errorf("load ends at entry %d after %d was recorded", state.Serial, before)
				}
				for run, err := range s.Runs(t.Context()) {
					if err != nil || run.Last < state.Serial {
						t.Errorf("run up to entry %d, %v, after %d was loaded", run.Last, err, state.Serial)
						return
					}
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for range n {
		e := []store.Entry{{Kind: store.Skipped, Run: "run-1", Tool: "a.b"}}
		record(t, session, e...)
		mu.Lock()
		acknowledged = e[0].Seq
		mu.Unlock()
	}
	close(done)
	readers.Wait()
	closeSession(t, session)
	if got := load(t, place()).Serial; got != n {
		t.Errorf("serial %d, want %d", got, n)
	}
}

func atEachRun(t *testing.T, place Opener) {
	all := Journal(9, 300, 8)
	kinds := map[store.EntryKind]bool{}
	for _, e := range all {
		kinds[e.Kind] = true
	}
	if !kinds[store.Moved] || !kinds[store.Forgotten] {
		t.Fatalf("this test needs other kinds of entries than %v", kinds)
	}
	recordAll(t, place(), all[:100]...)
	session := open(t, place(), nil)
	record(t, session, all[100:250]...)
	lineage := session.State().Lineage
	check := func(seen []store.Entry) {
		t.Helper()
		for _, run := range foldRuns(seen) {
			got, err := place().At(t.Context(), run.ID)
			if err != nil {
				t.Fatalf("at %s: %v", run.ID, err)
			}
			if got.Serial != run.Last || got.Lineage != lineage || len(got.Key) < 32 {
				t.Errorf("at %s: serial %d of lineage %q with %d bytes of key, want %d of %q", run.ID, got.Serial, got.Lineage, len(got.Key), run.Last, lineage)
			}
			same(t, "tools at "+run.ID, fold(seen[:run.Last]).Tools, got.Tools)
		}
	}
	check(all[:250])
	closeSession(t, session)
	recordAll(t, place(), all[250:]...)
	check(all)
	for _, id := range []string{"run-9", ""} {
		if _, err := place().At(t.Context(), id); !errors.Is(err, store.ErrNoRun) {
			t.Errorf("at run %q: %v, want ErrNoRun", id, err)
		}
	}
}

func clockGoesBack(t *testing.T, place Opener) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	ids := []string{"20260501-120000-b", "20260501-110000-a", "20260501-130000-z", "20260430-235959-c"}
	var all []store.Entry
	for i, id := range ids {
		began := now.Add(time.Duration(-i) * time.Hour)
		all = append(all,
			store.Entry{Kind: store.Started, Run: id, Time: began, Command: "apply"},
			store.Entry{Kind: store.Finished, Run: id, Time: began.Add(time.Minute), Result: store.Succeeded})
	}
	for i := range all {
		all[i].Seq = uint64(i) + 1
	}
	recordAll(t, place(), all[:4]...)
	session := open(t, place(), nil)
	record(t, session, all[4:]...)
	same(t, "runs while the session is open", foldRuns(all), allRuns(t, place()))
	closeSession(t, session)
	got := allRuns(t, place())
	same(t, "runs", foldRuns(all), got)
	for i, run := range got {
		if want := ids[len(ids)-1-i]; run.ID != want {
			t.Errorf("run %d is %s, want %s", i, run.ID, want)
		}
	}
}
