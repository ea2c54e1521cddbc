package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/devstream-io/dtm/store"
)

func conflict(t *testing.T, place Opener) {
	recordAll(t, place(), Journal(1, 5, 3)...)
	seen := load(t, place())
	closeSession(t, open(t, place(), seen))
	// Opening alone changes nothing.
	recordAll(t, place(), Journal(2, 1, 3)...)
	now := load(t, place())

	later, elsewhere := *now, *now
	later.Serial++
	elsewhere.Lineage = "another"
	for name, state := range map[string]*store.State{"older": seen, "newer": &later, "another": &elsewhere, "empty": store.NewState()} {
		session, err := place().Open(t.Context(), Holder("apply"), state)
		if !errors.Is(err, store.ErrStale) {
			t.Errorf("%s state: %v, want ErrStale", name, err)
		}
		if err == nil {
			closeSession(t, session)
		}
	}
	// The lock is free again, and nothing was recorded.
	closeSession(t, open(t, place(), now))
}

func emptyAgrees(t *testing.T, place Opener) {
	gone := &store.State{Serial: 3, Lineage: "gone"}
	if _, err := place().Open(t.Context(), Holder("apply"), gone); !errors.Is(err, store.ErrStale) {
		t.Errorf("a state of a store that is gone: %v, want ErrStale", err)
	}
	if got := load(t, place()); got.Lineage != "" {
		t.Error("the store was created by an open that was refused")
	}
	closeSession(t, open(t, place(), store.NewState()))
	closeSession(t, open(t, place(), store.NewState()))
}

func race(t *testing.T, place Opener) {
	const openers = 8
	type result struct {
		by      string
		session store.Session
		err     error
	}
	for round := range 5 {
		results := make(chan result)
		start := make(chan struct{})
		for i := range openers {
			by := fmt.Sprintf("apply --round %d --by %d", round, i)
			s := place()
			go func() {
				<-start
				session, err := s.Open(t.Context(), Holder(by), nil)
				results <- result{by, session, err}
			}()
		}
		close(start)
		var winner result
		var losers []error
		// The winner keeps the lock until all the others have given up.
		for range openers {
			switch r := <-results; {
			case r.err != nil:
				losers = append(losers, r.err)
			case winner.session != nil:
				t.Errorf("both %q and %q won", winner.by, r.by)
				closeSession(t, r.session)
			default:
				winner = r
			}
		}
		if winner.session == nil {
			t.Fatalf("nobody won: %v", losers)
		}
		for _, err := range losers {
			var locked *store.LockedError
			if !errors.As(err, &locked) {
				t.Errorf("a loser got %v, want *LockedError", err)
			} else {
				same(t, "holder", Holder(winner.by), locked.Holder)
			}
		}
		record(t, winner.session, Journal(uint64(round), 3, 2)...)
		closeSession(t, winner.session)
		if got := load(t, place()).Serial; got != uint64(3*(round+1)) {
			t.Fatalf("serial %d after round %d", got, round)
		}
	}
}

func concurrentRecord(t *testing.T, place Opener) {
	const goroutines, each = 16, 25
	session := open(t, place(), nil)
	record(t, session, store.Entry{Kind: store.Started, Run: "run-1"})
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				e := []store.Entry{{Kind: store.Skipped, Run: "run-1", Action: fmt.Sprint(g), Error: fmt.Sprint(i)}}
				if err := session.Record(t.Context(), e...); err != nil {
					t.Error(err)
				}
				if e[0].Seq < 2 || e[0].Seq > goroutines*each+1 {
					t.Errorf("entry was given number %d", e[0].Seq)
				}
			}
		})
	}
	wg.Wait()
	closeSession(t, session)
	all := everything(t, place())
	next := map[string]int{}
	for _, e := range all[1:] {
		if e.Error != fmt.Sprint(next[e.Action]) {
			t.Errorf("goroutine %s: entry %s where %d should be", e.Action, e.Error, next[e.Action])
		}
		next[e.Action]++
	}
	if len(all) != goroutines*each+1 {
		t.Errorf("%d entries, want %d", len(all), goroutines*each+1)
	}
}

func groupsStayTogether(t *testing.T, place Opener) {
	session := open(t, place(), nil)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 5 {
				var call []store.Entry
				for range 3 {
					call = append(call, store.Entry{Kind: store.Skipped, Run: "run-1", Error: fmt.Sprint(g, i)})
				}
				if err := session.Record(t.Context(), call...); err != nil {
					t.Error(err)
				}
				for k := range call {
					if call[k].Seq != call[0].Seq+uint64(k) {
						t.Errorf("entries of one call are numbered %d and %d", call[0].Seq, call[k].Seq)
					}
				}
			}
		})
	}
	wg.Wait()
	closeSession(t, session)
	all := everything(t, place())
	for i := 0; i+2 < len(all); i += 3 {
		if all[i].Error != all[i+1].Error || all[i].Error != all[i+2].Error {
			t.Errorf("entries %d to %d are of different calls", i+1, i+3)
		}
	}
}

func closing(t *testing.T, place Opener) {
	first := open(t, place(), nil)
	var locked *store.LockedError
	if _, err := place().Open(t.Context(), Holder("destroy"), nil); !errors.As(err, &locked) {
		t.Fatalf("open while open: %v, want *LockedError", err)
	}
	same(t, "holder", Holder("apply"), locked.Holder)
	if locked.Store == "" || locked.Hint() == "" {
		t.Errorf("a LockedError says where and what to do: %+v", locked)
	}
	closeSession(t, first)

	second := open(t, place(), nil)
	closeSession(t, first) // must not take the lock from the second
	if _, err := place().Open(t.Context(), Holder("destroy"), nil); !errors.As(err, &locked) {
		t.Fatalf("open while open: %v, want *LockedError", err)
	}
	if err := first.Record(t.Context(), store.Entry{Kind: store.Started, Run: "run-1"}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("record after close: %v, want ErrClosed", err)
	}
	closeSession(t, second)
	if got := load(t, place()); got.Serial != 0 {
		t.Errorf("serial %d, want 0", got.Serial)
	}
}

func closeWhileRecording(t *testing.T, place Opener) {
	session := open(t, place(), nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	acknowledged := 0
	began := make(chan struct{}, 8)
	for range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				err := session.Record(t.Context(), store.Entry{Kind: store.Skipped, Run: "run-1"})
				if i == 0 {
					began <- struct{}{}
				}
				if errors.Is(err, store.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acknowledged++
				mu.Unlock()
			}
		})
	}
	for range 8 {
		<-began
	}
	closeSession(t, session)
	got := load(t, place()).Serial
	wg.Wait()
	if got != uint64(acknowledged) {
		t.Errorf("%d entries are stored and %d were acknowledged", got, acknowledged)
	}
}

func cancelled(t *testing.T, place Opener) {
	ctx, cancel := context.WithCancel(t.Context())
	session, err := place().Open(ctx, Holder("apply"), nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	entries := Journal(1, 6, 2)
	if err := session.Record(ctx, entries...); err != nil {
		t.Errorf("record: %v", err)
	}
	closeSession(t, session)
	same(t, "tools", fold(entries).Tools, load(t, place()).Tools)
}

func cancelledLoad(t *testing.T, place Opener) {
	recordAll(t, place(), Journal(1, 6, 2)...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := place().Load(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("load: %v", err)
	}
	if _, err := place().Open(ctx, Holder("apply"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v", err)
	}
	for _, err := range place().Runs(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("runs: %v", err)
		}
	}
	for _, err := range place().Entries(ctx, "run-000001") {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("entries: %v", err)
		}
	}
	if _, err := place().At(ctx, "run-000001"); !errors.Is(err, context.Canceled) {
		t.Errorf("at: %v", err)
	}
	if _, err := place().Lock(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("lock: %v", err)
	}
	if err := place().Unlock(ctx, "nobody"); !errors.Is(err, context.Canceled) {
		t.Errorf("unlock: %v", err)
	}
}

func recordNothing(t *testing.T, place Opener) {
	session := open(t, place(), nil)
	record(t, session)
	closeSession(t, session)
	if got := load(t, place()).Serial; got != 0 {
		t.Errorf("serial %d, want 0", got)
	}
	if err := session.Record(t.Context()); !errors.Is(err, store.ErrClosed) {
		t.Errorf("recording nothing after close: %v, want ErrClosed", err)
	}
}

func notEncodable(t *testing.T, place Opener) {
	session := open(t, place(), nil)
	good := store.Entry{Kind: store.Started, Run: "run-1"}
	record(t, session, good)
	bad := store.Entry{Kind: store.Intent, Run: "run-1", Tool: "a.b", Options: json.RawMessage(`{"cut": `)}
	first := session.Record(t.Context(), good, bad)
	if first == nil {
		t.Fatal("an entry that is no JSON was accepted")
	}
	if again := session.Record(t.Context(), good); again == nil || again.Error() != first.Error() {
		t.Errorf("after %q came %v", first, again)
	}
	closeSession(t, session)
	if got := load(t, place()).Serial; got != 1 {
		t.Errorf("serial %d, want 1", got)
	}
}
