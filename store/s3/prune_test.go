package s3_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
	"github.com/devstream-io/dtm/store/s3"
	"github.com/devstream-io/dtm/store/storetest"
)

// runNamed is a run of three entries, the second of which makes a tool.
func runNamed(n int) []store.Entry {
	id := fmt.Sprintf("run-%04d", n)
	return []store.Entry{
		{Kind: store.Started, Run: id, Command: "apply"},
		{Kind: store.Applied, Run: id, Tool: "a.b", Action: store.ActionUpdate, Options: fmt.Appendf(nil, `{"n":%d}`, n)},
		{Kind: store.Finished, Run: id, Result: store.Succeeded},
	}
}

// recordRuns records one run a session, an entry at a time.
func recordRuns(t *testing.T, s *s3.Store, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		if err := recordRun(t, s, n); err != nil {
			t.Fatalf("run %d: %v", n, err)
		}
	}
}

func recordRun(t *testing.T, s *s3.Store, n int) (err error) {
	t.Helper()
	session, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	for _, e := range runNamed(n) {
		if err := session.Record(t.Context(), e); err != nil {
			return err
		}
	}
	return nil
}

// holds checks that the runs from..to are there, with their states, and nothing before them.
func holds(t *testing.T, s *s3.Store, from, to int) {
	t.Helper()
	state, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := string(state.Tools["a.b"].Options); got != fmt.Sprintf(`{"n":%d}`, to) || state.Serial != uint64(3*to) {
		t.Errorf("state at %d: %s", state.Serial, got)
	}
	next := to
	for run, err := range s.Runs(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if want := runNamed(next)[0].Run; run.ID != want {
			t.Fatalf("%s, want %s", run.ID, want)
		}
		next--
	}
	if next != from-1 {
		t.Errorf("the oldest run is %d, want %d", next+1, from)
	}
	for n := from; n <= to; n++ {
		id := runNamed(n)[0].Run
		then, err := s.At(t.Context(), id)
		if err != nil || string(then.Tools["a.b"].Options) != fmt.Sprintf(`{"n":%d}`, n) || then.Serial != uint64(3*n) {
			t.Errorf("at %s: %v, %+v", id, err, then)
		}
		var entries []store.Entry
		for e, err := range s.Entries(t.Context(), id) {
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries, e)
		}
		if diff := cmp.Diff(runNamed(n), entries, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(store.Entry{}, "Seq")); diff != "" {
			t.Errorf("entries of %s: %s", id, diff)
		}
	}
	for n := max(1, from-2); n < from; n++ {
		if _, err := s.At(t.Context(), runNamed(n)[0].Run); !errors.Is(err, store.ErrNoRun) {
			t.Errorf("at %d: %v, want ErrNoRun", n, err)
		}
	}
}

// size is how many objects of the journal and snapshots there are.
func size(t *testing.T, server *server, key string) (groups, snapshots int) {
	t.Helper()
	return len(server.all(t, key+"/journal/")), len(server.all(t, key+"/snapshot/"))
}

func TestWhatIsPrunedIsDeletedWithoutListing(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	s := f.keeping(t, "kept", 5, keyring.Keys{}, s3.Tuning{FoldEntries: 7, Grace: atOnce, Snapshots: 4})
	recordRuns(t, s, 1, 60)
	holds(t, s, 56, 60)
	// Five runs are fifteen groups; seven and a bit are behind the snapshot before them, and as many are doomed.
	if groups, snapshots := size(t, server, "kept"); groups > 40 || snapshots > 8 {
		t.Errorf("%d groups, %d snapshots", groups, snapshots)
	}
	if lists := count(f, "GET ?") + count(f, "GET kept/?"); lists > 0 {
		t.Errorf("%d lists", lists)
	}
	for _, request := range f.requests() {
		if strings.HasPrefix(request, "DELETE ") && !strings.HasPrefix(request, "DELETE kept/journal/") && !strings.HasPrefix(request, "DELETE kept/snapshot/") {
			t.Error(request)
		}
	}
}

func TestWhatIsDoomedStaysForThoseWhoHaveReadTheHeadBefore(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	s := f.keeping(t, "grace", 1, keyring.Keys{}, s3.Tuning{FoldEntries: 3})
	recordRuns(t, s, 1, 10)
	if got := count(f, "DELETE "); got > 0 {
		t.Errorf("%d objects were deleted within the grace", got)
	}
	holds(t, s, 10, 10)
	server.pass(3 * time.Minute)
	recordRuns(t, s, 11, 11)
	if got := count(f, "DELETE "); got == 0 {
		t.Error("nothing is deleted after it")
	}
	holds(t, s, 11, 11)
}

func TestSessionDeletesOnlySoMuch(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	tuning := s3.Tuning{FoldEntries: 30, Grace: atOnce, Deletes: 10}
	recordRuns(t, f.store(t, "bounded", tuning), 1, 40)
	s := f.keeping(t, "bounded", 1, keyring.Keys{}, tuning)
	before, _ := size(t, server, "bounded")
	for n := 41; n < 60; n++ {
		f.failing(nil)
		recordRuns(t, s, n, n)
		if got := count(f, "DELETE "); got > 10 {
			t.Errorf("session %d deletes %d objects", n, got)
		}
		holds(t, s, n, n)
	}
	if after, _ := size(t, server, "bounded"); before < 100 || after > 50 {
		t.Errorf("%d groups, then %d", before, after)
	}
}

func TestSnapshotsAreThinned(t *testing.T) {
	server := newServer(t)
	s := server.front(t).keeping(t, "thin", 0, keyring.Keys{}, s3.Tuning{FoldEntries: 2, Grace: atOnce, Snapshots: 5})
	recordRuns(t, s, 1, 40)
	if _, snapshots := size(t, server, "thin"); snapshots > 8 {
		t.Errorf("%d snapshots", snapshots)
	}
	holds(t, s, 1, 40)
}

func TestPruningThatIsNotAllowedIsNoError(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	f.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			s3Error(w, http.StatusForbidden, "AccessDenied")
			return
		}
		server.ServeHTTP(w, r)
	})
	s := f.keeping(t, "denied", 2, keyring.Keys{}, s3.Tuning{FoldEntries: 3, Grace: atOnce})
	recordRuns(t, s, 1, 20)
	holds(t, s, 19, 20)
	if groups, _ := size(t, server, "denied"); groups != 60 {
		t.Errorf("%d groups", groups)
	}
	f.failing(nil)
	recordRuns(t, s, 21, 21)
	if got := count(f, "DELETE "); got == 0 || got > 16 {
		t.Errorf("%d deletes are tried", got)
	}
}

// Whatever request fails, for good or not: what the head says is there, and the next sessions prune on.
func TestPruningMayFailAtAnyRequest(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	f := server.front(t)
	tuning := s3.Tuning{FoldEntries: 4, Grace: atOnce, Snapshots: 3, Attempts: 1}
	seen, step := 0, 1
	if testing.Short() {
		step = 7 // with -race it takes long
	}
	for _, o := range []outcome{refused, cut, unheard} {
		for n, more := 1, true; more; n += step {
			key := fmt.Sprintf("prune/%d/%d", o, n)
			recordRuns(t, f.keeping(t, key, 0, keyring.Keys{}, s3.Tuning{FoldEntries: 4}), 1, 6)
			s := f.keeping(t, key, 2, keyring.Keys{}, tuning)
			recordRuns(t, s, 7, 8) // dooms
			f.failing(once(n, o))
			session, err := s.Open(t.Context(), storetest.Holder("prune"), nil) // deletes
			if err == nil {
				err = session.Close()
			}
			more = len(f.requests()) >= n
			if err != nil {
				seen++
			}
			f.failing(nil)
			holds(t, s, 7, 8)
			server.ahead.Store(int64(2 * time.Minute)) // a lock that could not be given back
			recordRuns(t, s, 9, 14)
			holds(t, s, 13, 14)
			if groups, _ := size(t, server, key); groups > 24 {
				t.Errorf("%s at request %d: %d groups are left", o, n, groups)
			}
			server.ahead.Store(0)
		}
	}
	if seen < 10 && !testing.Short() {
		t.Errorf("failures were noticed %d times only: does this test still test?", seen)
	}
}

// Between any two requests of a reader everything that it knows of is pruned.
func TestReaderIsNotDisturbedByPruning(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	writing := s3.Tuning{FoldEntries: 3, Grace: atOnce, Snapshots: 3}
	for name, read := range map[string]func(*testing.T, *s3.Store) error{
		"load": func(t *testing.T, s *s3.Store) error {
			state, err := s.Load(t.Context())
			if err == nil && (state.Serial < 18 || string(state.Tools["a.b"].Options) != fmt.Sprintf(`{"n":%d}`, state.Serial/3)) {
				t.Errorf("serial %d: %s", state.Serial, state.Tools["a.b"].Options)
			}
			return err
		},
		"at": func(t *testing.T, s *s3.Store) error {
			state, err := s.At(t.Context(), "run-0005")
			if err == nil && string(state.Tools["a.b"].Options) != `{"n":5}` {
				t.Errorf("state of run 5: %s", state.Tools["a.b"].Options)
			}
			return ignore(err, store.ErrNoRun)
		},
		"entries": func(t *testing.T, s *s3.Store) error {
			for _, err := range s.Entries(t.Context(), "run-0005") {
				if err != nil {
					return ignore(err, store.ErrNoRun)
				}
			}
			return nil
		},
		"runs": func(t *testing.T, s *s3.Store) error {
			for _, err := range s.Runs(t.Context()) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	} {
		for n, more := 1, true; more; n++ {
			key := fmt.Sprintf("reader/%s/%d", name, n)
			recordRuns(t, server.front(t).keeping(t, key, 0, keyring.Keys{}, s3.Tuning{FoldEntries: 6}), 1, 6)
			pruner := server.front(t).keeping(t, key, 1, keyring.Keys{}, writing)
			f := server.front(t)
			f.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if len(f.requests()) == n {
					recordRuns(t, pruner, 7, 12)
				}
				server.ServeHTTP(w, r)
			})
			s := f.store(t, key, s3.Tuning{Grace: atOnce})
			if err := read(t, s); err != nil {
				t.Errorf("%s, pruned before request %d: %v", name, n, err)
			}
			more = len(f.requests()) >= n
		}
	}
}

func ignore(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return err
}

// A write that was on its way for so long that its name was written by another, pruned, and is free again.
func TestLateWriteIsNotBelievedWhereAnotherWasPruned(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	var ahead time.Duration
	zombieStore := f.store(t, "late", s3.Tuning{Now: func() time.Time { return time.Now().Add(ahead) }})
	zombie := mustOpen(t, zombieStore, "apply --slowly")
	pruner := server.front(t).keeping(t, "late", 1, keyring.Keys{}, s3.Tuning{FoldEntries: 3, Grace: atOnce})
	asleep := true
	f.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asleep && strings.Contains(r.URL.Path, "/journal/") {
			asleep = false
			server.pass(2 * time.Minute)
			ahead = 2 * time.Minute
			recordRuns(t, pruner, 1, 8)
		}
		server.ServeHTTP(w, r)
	})
	refusedFor(t, zombie, "the lock was lost")
	if err := zombie.Close(); err != nil {
		t.Error(err)
	}
	holds(t, pruner, 8, 8)
}

func TestHeadThatIsGoneIsNoticedWhenTheBeginningIsToo(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	s := f.keeping(t, "headless", 1, keyring.Keys{}, s3.Tuning{FoldEntries: 3, Grace: atOnce})
	recordRuns(t, s, 1, 10)
	if _, ok := server.all(t, "headless/")["headless/"+journalName(1)]; ok {
		t.Fatal("the beginning is still there")
	}
	gone := rewritten(t, server, "headless", func(name string, body []byte) []byte {
		if name == "head.json" {
			return nil
		}
		return body
	})
	_, loadErr := gone.Load(t.Context())
	_, openErr := gone.Open(t.Context(), storetest.Holder("apply"), nil)
	_, oldErr := gone.Old(t.Context())
	for _, err := range []error{loadErr, openErr, oldErr} {
		if text, hint := problem(t, err); !errors.Is(err, store.ErrCorrupt) || !strings.Contains(text, "emptied by hand?") || !strings.Contains(hint, "to start over") {
			t.Errorf("%s\n  hint: %s", text, hint)
		}
	}
	holds(t, s, 10, 10)
}
