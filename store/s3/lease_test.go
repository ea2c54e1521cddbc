package s3_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/s3"
	"github.com/devstream-io/dtm/store/storetest"
)

// beating is a lease with many signs of life in a test, and long enough for a busy machine.
const beating = 500 * time.Millisecond

// two are two clients of one store, each with a way to the server of its own.
func two(t *testing.T, tuning s3.Tuning) (server *server, a, b *s3.Store, wayOfA *front) {
	t.Helper()
	server = newServer(t)
	wayOfA = server.front(t)
	return server, wayOfA.store(t, "two", tuning), server.front(t).store(t, "two", s3.Tuning{}), wayOfA
}

func mustOpen(t testing.TB, s *s3.Store, command string) store.Session {
	t.Helper()
	session, err := s.Open(t.Context(), storetest.Holder(command), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

func mustRecord(t testing.TB, session store.Session, text string) {
	t.Helper()
	if err := session.Record(t.Context(), store.Entry{Kind: store.Skipped, Run: "run", Error: text}); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// texts are what was recorded, in order.
func texts(t *testing.T, s *s3.Store) string {
	t.Helper()
	var all []string
	for e, err := range s.Entries(t.Context(), "run") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Error)
	}
	return strings.Join(all, " ")
}

func refusedFor(t *testing.T, session store.Session, text string) {
	t.Helper()
	for range 2 {
		err := session.Record(t.Context(), store.Entry{Kind: store.Skipped, Run: "run", Error: "late"})
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("a late write: %v, want %q", err, text)
		}
	}
}

func TestLockOfTheDeadPassesWithItsLease(t *testing.T) {
	server, a, b, _ := two(t, s3.Tuning{})
	mustRecord(t, mustOpen(t, a, "apply --and-die"), "before")
	for _, d := range []time.Duration{0, 30 * time.Second, 25 * time.Second} {
		server.pass(d)
		_, err := b.Open(t.Context(), storetest.Holder("apply"), nil)
		var locked *store.LockedError
		if !errors.As(err, &locked) || locked.Holder.Command != "apply --and-die" {
			t.Fatalf("%s later: %v", d, err)
		}
	}
	server.pass(7 * time.Second)
	session := mustOpen(t, b, "apply")
	mustRecord(t, session, "after")
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	if got := texts(t, b); got != "before after" {
		t.Error(got)
	}
}

// However wrong the clocks of the clients are.
func TestLeaseIsMeasuredByTheServersClockAlone(t *testing.T) {
	_, a, b, _ := two(t, s3.Tuning{Now: func() time.Time { return time.Now().Add(-1000 * time.Hour) }})
	mustOpen(t, a, "apply")
	var locked *store.LockedError
	if _, err := b.Open(t.Context(), storetest.Holder("apply"), nil); !errors.As(err, &locked) {
		t.Errorf("%v, want *LockedError", err)
	}
}

func TestLateWriteOfOneThatLostItsLockIsRefused(t *testing.T) {
	server, a, b, wayOfA := two(t, s3.Tuning{})
	zombie := mustOpen(t, a, "apply --slowly")
	mustRecord(t, zombie, "first")
	server.pass(2 * time.Minute)
	heir := mustOpen(t, b, "apply")
	mustRecord(t, heir, "second")
	refusedFor(t, zombie, "another dtm has written")
	wayOfA.failing(nil)
	if err := zombie.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	mustRecord(t, heir, "third")
	// The zombie gave back nothing that was not its own.
	var locked *store.LockedError
	if _, err := a.Open(t.Context(), storetest.Holder("apply"), nil); !errors.As(err, &locked) {
		t.Errorf("open: %v, want *LockedError", err)
	}
	if err := heir.Close(); err != nil {
		t.Error(err)
	}
	if got := texts(t, b); got != "first second third" {
		t.Error(got)
	}
}

func TestHolderWhoseLeaseMayHavePassedAsksBeforeItWrites(t *testing.T) {
	for _, taken := range []bool{true, false} {
		var ahead atomic.Int64
		server, a, b, wayOfA := two(t, s3.Tuning{Now: func() time.Time { return time.Now().Round(0).Add(time.Duration(ahead.Load())) }})
		sleeper := mustOpen(t, a, "apply --with-lid-closed")
		mustRecord(t, sleeper, "first")
		ahead.Add(int64(2 * time.Minute))
		server.pass(2 * time.Minute)
		if !taken {
			mustRecord(t, sleeper, "second")
			if got := texts(t, b); got != "first second" {
				t.Error(got)
			}
			continue
		}
		heir := mustOpen(t, b, "apply")
		wayOfA.failing(nil)
		refusedFor(t, sleeper, "the lock was lost")
		for _, request := range wayOfA.requests() {
			if strings.Contains(request, "journal") {
				t.Errorf("it tried to write: %s", request)
			}
		}
		mustRecord(t, heir, "second")
		if err := heir.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOfTwoThatBelieveToHoldTheLockOnlyTheFasterWrites(t *testing.T) {
	server, a, b, _ := two(t, s3.Tuning{})
	zombie := mustOpen(t, a, "apply --slowly")
	server.pass(2 * time.Minute)
	heir := mustOpen(t, b, "apply")
	mustRecord(t, zombie, "first")
	refusedFor(t, heir, "another dtm has written")
	for _, session := range []store.Session{heir, zombie} {
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	}
	mustRecord(t, mustOpen(t, b, "apply"), "second")
	if got := texts(t, a); got != "first second" {
		t.Error(got)
	}
}

// A session that lost its lock and has nothing more to say finds the head moved, or moves it first.
func TestOneThatLostItsLockClosesWithoutHarm(t *testing.T) {
	for _, zombieFirst := range []bool{true, false} {
		server, a, b, _ := two(t, s3.Tuning{})
		zombie := mustOpen(t, a, "apply --slowly")
		mustRecord(t, zombie, "first")
		server.pass(2 * time.Minute)
		heir := mustOpen(t, b, "apply")
		mustRecord(t, heir, "second")
		sessions := []store.Session{heir, zombie}
		if zombieFirst {
			sessions = []store.Session{zombie, heir}
		}
		for _, session := range sessions {
			if err := session.Close(); err != nil {
				t.Error(err)
			}
		}
		// That the last group is gone is only noticed if the head knows of it.
		gone := rewritten(t, server, "two", func(name string, body []byte) []byte {
			if name == journalName(2) {
				return nil
			}
			return body
		})
		if _, err := gone.Load(t.Context()); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("zombie first %t: the head has gone back: %v", zombieFirst, err)
		}
		if got := texts(t, b); got != "first second" {
			t.Error(got)
		}
	}
}

func TestHolderShowsThatItLivesUntilItCloses(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	s := f.store(t, "beats", s3.Tuning{Lease: beating})
	session := mustOpen(t, s, "apply")
	count := func() (n int) {
		for _, request := range f.requests() {
			if strings.HasPrefix(request, "PUT beats/lock.json") {
				n++
			}
		}
		return n
	}
	before := count()
	eventually(t, "three signs of life", func() bool { return count() >= before+3 })
	mustRecord(t, session, "alive")
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	after := len(f.requests())
	if err := session.Close(); err != nil || len(f.requests()) != after {
		t.Errorf("a second close made requests, or failed: %v", err)
	}
	mustOpen(t, f.store(t, "beats", s3.Tuning{}), "apply")
}

func TestBeatThatFailsIsTriedAgainAndOneThatIsTakenEndsTheSession(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	s := f.store(t, "beats", s3.Tuning{Lease: beating, Attempts: 1})
	session := mustOpen(t, s, "apply")
	f.failing(func(n int, _ *http.Request) outcome {
		if n == 1 {
			return refused
		}
		return served
	})
	eventually(t, "a second beat", func() bool { return len(f.requests()) >= 2 })
	mustRecord(t, session, "first")

	f.failing(func(int, *http.Request) outcome { return refused })
	server.pass(2 * time.Minute)
	heir := mustOpen(t, server.front(t).store(t, "beats", s3.Tuning{}), "apply")
	f.failing(nil)
	eventually(t, "a beat that meets another's lock", func() bool { return len(f.requests()) >= 2 })
	eventually(t, "the session is refused", func() bool {
		before := len(f.requests())
		return session.Record(t.Context(), store.Entry{Kind: store.Skipped, Run: "other"}) != nil && len(f.requests()) == before
	})
	_ = heir.Close()
}

// The reply to a beat is lost and so is what it was tried again with: the lock is not as the holder left it, and still its own.
func TestBeatWhoseReplyIsLostDoesNotLoseTheLock(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	session := mustOpen(t, f.store(t, "beats", s3.Tuning{Lease: beating, Attempts: 1}), "apply")
	f.failing(once(1, unheard))
	eventually(t, "a second beat", func() bool { return count(f, "PUT beats/lock.json") >= 3 })
	mustRecord(t, session, "first")
	f.failing(once(1, unheard))
	eventually(t, "a beat", func() bool { return len(f.requests()) >= 1 })
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	if err := mustOpen(t, f.store(t, "beats", s3.Tuning{}), "apply").Close(); err != nil {
		t.Errorf("the lock was not given back: %v", err)
	}
}
