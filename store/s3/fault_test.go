package s3_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/s3"
	"github.com/devstream-io/dtm/store/storetest"
)

// once is a fault of the n-th request.
func once(n int, o outcome) func(int, *http.Request) outcome {
	return func(i int, _ *http.Request) outcome {
		if i == n {
			return o
		}
		return served
	}
}

// recordRest records what the journal does not have of all, two at a time, so that snapshots come on the way. It returns
// how many entries were acknowledged or there before.
func recordRest(t *testing.T, s *s3.Store, all []store.Entry) (known uint64, err error) {
	t.Helper()
	session, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
	if err != nil {
		return 0, err
	}
	known = session.State().Serial
	defer func() { err = errors.Join(err, session.Close()) }()
	for known < uint64(len(all)) {
		next := min(known+2, uint64(len(all)))
		if err := session.Record(t.Context(), all[known:next]...); err != nil {
			return known, err
		}
		known = next
	}
	return known, nil
}

// check tells whether the journal is these entries, and everything else what follows from them.
func check(t *testing.T, s *s3.Store, all []store.Entry) {
	t.Helper()
	want := store.NewState()
	for _, e := range all {
		want.Apply(e)
	}
	got, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(store.State{}, "Lineage", "Key")); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	var entries []store.Entry
	for e, err := range s.Entries(t.Context(), all[0].Run) {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	if diff := cmp.Diff(all, entries, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func oneRun(n int) []store.Entry {
	all := storetest.Journal(9, n, 4)
	for i := range all {
		all[i].Run = "run"
	}
	return all
}

func TestAnyOneRequestMayFailAndNobodyNotices(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	f := server.front(t)
	all := oneRun(6)
	for _, o := range []outcome{refused, conflict, cut, unheard} {
		for n, more := 1, true; more; n++ {
			s := f.store(t, fmt.Sprintf("retried/%d/%d", o, n), s3.Tuning{FoldEntries: 4, ClosingEntries: 1})
			f.failing(once(n, o))
			if _, err := recordRest(t, s, all); err != nil {
				t.Errorf("%s at request %d: %v", o, n, err)
			}
			more = len(f.requests()) > n
			check(t, s, all)
		}
	}
}

func TestAnyOneRequestMayFailForGoodAndTheNextRunConverges(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	f := server.front(t)
	all := oneRun(8)
	for _, o := range []outcome{refused, cut, unheard} {
		seen := 0
		for n, more := 1, true; more; n++ {
			s := f.store(t, fmt.Sprintf("final/%d/%d", o, n), s3.Tuning{FoldEntries: 4, ClosingEntries: 1, Attempts: 1})
			f.failing(once(n, o))
			known, err := recordRest(t, s, all)
			more = len(f.requests()) >= n
			if err != nil {
				seen++
			}
			f.failing(nil)
			state, loadErr := s.Load(t.Context())
			if loadErr != nil {
				t.Fatalf("%s at request %d: %v, then %v", o, n, err, loadErr)
			}
			// What was acknowledged is there; of what was not, at most the write that was under way.
			if state.Serial < known || state.Serial > known+2 || (err == nil && state.Serial != known) {
				t.Errorf("%s at request %d: %d were acknowledged, %d are there (%v)", o, n, known, state.Serial, err)
			}
			server.ahead.Store(int64(2 * time.Minute)) // a lock that could not be given back
			if _, err := recordRest(t, s, all); err != nil {
				t.Errorf("%s at request %d, the run after it: %v", o, n, err)
			}
			check(t, s, all)
			server.ahead.Store(0)
		}
		if seen < 10 {
			t.Errorf("%s was noticed %d times only: does this test still test?", o, seen)
		}
	}
}

func TestReadingSurvivesAnyOneFailure(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	all := oneRun(7)
	if _, err := recordRest(t, f.store(t, "read", s3.Tuning{FoldEntries: 4}), all); err != nil {
		t.Fatal(err)
	}
	for _, o := range []outcome{refused, cut} {
		for n, more := 1, true; more; n++ {
			f.failing(once(n, o))
			check(t, f.store(t, "read", s3.Tuning{}), all)
			more = len(f.requests()) > n
		}
	}
}

func TestReplyThatBreaksOffIsReadAgain(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	all := oneRun(3)
	if _, err := recordRest(t, f.store(t, "torn", s3.Tuning{}), all); err != nil {
		t.Fatal(err)
	}
	torn := map[string]bool{}
	f.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !torn[r.URL.Path] {
			torn[r.URL.Path] = true
			w = &tearing{ResponseWriter: w}
		}
		server.ServeHTTP(w, r)
	})
	check(t, f.store(t, "torn", s3.Tuning{}), all)
}

// tearing ends the connection within the first body.
type tearing struct{ http.ResponseWriter }

func (w *tearing) Write(p []byte) (int, error) {
	if len(p) < 64 {
		return w.ResponseWriter.Write(p)
	}
	if _, err := w.ResponseWriter.Write(p[:len(p)/2]); err != nil {
		return 0, err
	}
	if err := http.NewResponseController(w.ResponseWriter).Flush(); err != nil {
		return 0, err
	}
	panic(http.ErrAbortHandler)
}

func TestServerThatDoesNotAnswerIsAskedAgain(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	all := oneRun(3)
	for _, part := range []string{"GET lock", "PUT lock", "PUT journal", "PUT head"} {
		method, name, _ := strings.Cut(part, " ")
		s := f.store(t, "slow/"+part, s3.Tuning{Timeout: 300 * time.Millisecond})
		done := false
		f.failing(func(_ int, r *http.Request) outcome {
			if done || r.Method != method || !strings.Contains(r.URL.Path, "/"+name) {
				return served
			}
			done = true
			return hung
		})
		if _, err := recordRest(t, s, all); err != nil || !done {
			t.Errorf("%s: %v", part, err)
		}
		check(t, s, all)
	}
}

func TestOpenThatIsCancelledGivesTheLockBack(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	s := f.store(t, "cancelled", s3.Tuning{})
	for n := 2; n < 5; n++ {
		ctx, cancel := context.WithCancel(t.Context())
		f.failing(func(i int, _ *http.Request) outcome {
			if i == n {
				cancel()
			}
			return served
		})
		session, err := s.Open(ctx, storetest.Holder("apply"), nil)
		if err == nil {
			t.Errorf("request %d: opened all the same", n)
			session.Close()
		} else if !errors.Is(err, context.Canceled) {
			t.Errorf("request %d: %v", n, err)
		}
		cancel()
		f.failing(nil)
		if err := mustOpen(t, f.store(t, "cancelled", s3.Tuning{}), "apply").Close(); err != nil {
			t.Error(err)
		}
	}
}
