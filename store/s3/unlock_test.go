package s3_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/s3"
	"github.com/devstream-io/dtm/store/storetest"
)

func mustLock(t *testing.T, s *s3.Store) *store.Lock {
	t.Helper()
	held, err := s.Lock(t.Context())
	if err != nil || held == nil {
		t.Fatalf("lock: %+v, %v", held, err)
	}
	return held
}

func TestLockTellsWhoSinceWhenAndHowLong(t *testing.T) {
	server, a, b, _ := two(t, s3.Tuning{})
	mustOpen(t, a, "apply --and-die")
	held := mustLock(t, b)
	if held.Holder != storetest.Holder("apply --and-die") || held.Expires.Sub(held.Heartbeat) != time.Minute {
		t.Errorf("%+v", held)
	}
	if age := server.Now().Sub(held.Heartbeat); age < 0 || age > 10*time.Second {
		t.Errorf("the last sign of life was %s ago", age)
	}
	var locked *store.LockedError
	if _, err := b.Open(t.Context(), storetest.Holder("apply"), nil); !errors.As(err, &locked) || locked.ID != held.ID {
		t.Errorf("%v with ID %q, want %q", err, locked.ID, held.ID)
	}
	server.pass(2 * time.Minute)
	if held, err := b.Lock(t.Context()); err != nil || held != nil {
		t.Errorf("two minutes later: %+v, %v", held, err)
	}
	if err := b.Unlock(t.Context(), held.ID); !errors.Is(err, store.ErrNotLocked) {
		t.Errorf("unlock of what has passed: %v", err)
	}
}

func TestWhoseLockWasTakenAwayRecordsNothingBehindTheNext(t *testing.T) {
	_, a, b, wayOfA := two(t, s3.Tuning{})
	zombie := mustOpen(t, a, "apply --for-ever")
	mustRecord(t, zombie, "first")
	if err := b.Unlock(t.Context(), "nobody"); !errors.Is(err, store.ErrNotLocked) {
		t.Errorf("unlock of another: %v", err)
	}
	if err := b.Unlock(t.Context(), mustLock(t, b).ID); err != nil {
		t.Fatal(err)
	}
	// Nobody has come yet: what it writes is the truth.
	mustRecord(t, zombie, "second")
	heir := mustOpen(t, b, "apply")
	mustRecord(t, heir, "third")
	refusedFor(t, zombie, "another dtm has written")
	wayOfA.failing(nil)
	if err := zombie.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	for _, request := range wayOfA.requests() {
		if !strings.HasSuffix(request, "/lock.json") {
			t.Errorf("the close of one that was refused: %s", request)
		}
	}
	mustRecord(t, heir, "fourth")
	if err := heir.Close(); err != nil {
		t.Error(err)
	}
	if got := texts(t, b); got != "first second third fourth" {
		t.Error(got)
	}
}

func TestBeatNoticesThatTheLockWasTakenAway(t *testing.T) {
	_, a, b, wayOfA := two(t, s3.Tuning{Lease: beating})
	zombie := mustOpen(t, a, "apply --for-ever")
	mustRecord(t, zombie, "first")
	if err := b.Unlock(t.Context(), mustLock(t, b).ID); err != nil {
		t.Fatal(err)
	}
	wayOfA.failing(nil)
	eventually(t, "a beat that meets a free lock, and reads it", func() bool { return len(wayOfA.requests()) >= 2 })
	refusedFor(t, zombie, "the lock was lost")
	if count(wayOfA, "PUT two/journal") > 0 {
		t.Error("it tried to write")
	}
	if got := texts(t, b); got != "first" {
		t.Error(got)
	}
}

// The holder shows that it lives between the look at the lock and taking it away.
func TestUnlockIsNotPutOffByABeat(t *testing.T) {
	server, a, _, _ := two(t, s3.Tuning{Lease: beating})
	mustOpen(t, a, "apply --for-ever")
	f := server.front(t)
	b := f.store(t, "two", s3.Tuning{})
	held := mustLock(t, b)
	begun := make(chan struct{})
	f.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			select {
			case <-begun:
			default:
				close(begun)
				before := server.all(t, "two/lock.json")
				eventually(t, "a beat", func() bool {
					return string(server.all(t, "two/lock.json")["two/lock.json"]) != string(before["two/lock.json"])
				})
			}
		}
		server.ServeHTTP(w, r)
	})
	if err := b.Unlock(t.Context(), held.ID); err != nil {
		t.Error(err)
	}
	if held, err := b.Lock(t.Context()); err != nil || held != nil {
		t.Errorf("%+v, %v", held, err)
	}
}

func TestUnlockMayFailAtAnyRequest(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	for _, o := range []outcome{refused, cut, unheard} {
		for n, more := 1, true; more; n++ {
			b := f.store(t, "unlock", s3.Tuning{})
			mustOpen(t, b, "apply --for-ever")
			held := mustLock(t, b)
			f.failing(once(n, o))
			if err := b.Unlock(t.Context(), held.ID); err != nil {
				t.Errorf("%s at request %d: %v", o, n, err)
			}
			more = len(f.requests()) > n
			f.failing(nil)
			if held, err := b.Lock(t.Context()); err != nil || held != nil {
				t.Errorf("%s at request %d: %+v, %v", o, n, held, err)
			}
		}
	}
}
