package storetest

import (
	"errors"
	"testing"

	"github.com/devstream-io/dtm/store"
)

func lockTells(t *testing.T, place Opener) {
	free := func(when string) {
		t.Helper()
		if got, err := place().Lock(t.Context()); err != nil || got != nil {
			t.Errorf("lock %s: %+v, %v, want none", when, got, err)
		}
	}
	free("of nothing")
	first := open(t, place(), nil)
	held := lockOf(t, place())
	same(t, "holder", Holder("apply"), held.Holder)
	_, err := place().Open(t.Context(), Holder("destroy"), nil)
	var locked *store.LockedError
	if !errors.As(err, &locked) || locked.ID != held.ID || locked.ID == "" {
		t.Errorf("open while open: %v of lock %+v, want *LockedError of lock %q", err, locked, held.ID)
	}
	record(t, first, Journal(1, 5, 3)...)
	if again := lockOf(t, place()); again.ID != held.ID {
		t.Errorf("the lock's ID was %q and is %q", held.ID, again.ID)
	}
	closeSession(t, first)
	free("after close")
	second := open(t, place(), nil)
	if other := lockOf(t, place()); other.ID == held.ID {
		t.Error("two sessions have one ID")
	}
	closeSession(t, second)
	free("after the second close")
}

func unlocking(t *testing.T, place Opener) {
	notLocked := func(when, id string) {
		t.Helper()
		if err := place().Unlock(t.Context(), id); !errors.Is(err, store.ErrNotLocked) {
			t.Errorf("unlock %q %s: %v, want ErrNotLocked", id, when, err)
		}
	}
	for _, id := range []string{"", "nobody"} {
		notLocked("of nothing", id)
	}
	session := open(t, place(), nil)
	held := lockOf(t, place())
	for _, id := range []string{"", "nobody", held.ID + "x"} {
		notLocked("while open", id)
	}
	record(t, session, Journal(1, 5, 3)...)

	switch err := place().Unlock(t.Context(), held.ID); {
	case errors.Is(err, store.ErrAlive):
		record(t, session, Journal(2, 5, 3)...)
		if again := lockOf(t, place()); again.ID != held.ID {
			t.Errorf("the lock's ID was %q and is %q", held.ID, again.ID)
		}
	case err != nil:
		t.Errorf("unlock: %v", err)
	default:
		notLocked("a second time", held.ID)
		next := open(t, place(), nil)
		if got := next.State().Serial; got != 5 {
			t.Errorf("the next session begins at %d, want 5", got)
		}
		if _, err := place().Open(t.Context(), Holder("apply"), nil); !errors.As(err, new(*store.LockedError)) {
			t.Errorf("open while the next session is open: %v, want *LockedError", err)
		}
		record(t, next, Journal(2, 5, 3)...)
		if err := session.Record(t.Context(), store.Entry{Kind: store.Skipped, Run: "run-1"}); err == nil {
			t.Error("who has lost the lock records behind the next session")
		}
		// It must not take the lock from the next one.
		_ = session.Close()
		if lockOf(t, place()).ID == held.ID {
			t.Error("the lock is still that of the first session")
		}
		closeSession(t, next)
		if got := load(t, place()).Serial; got != 10 {
			t.Errorf("serial %d, want 10", got)
		}
		return
	}
	closeSession(t, session)
	notLocked("after close", held.ID)
}

func lockOf(t *testing.T, s store.Store) *store.Lock {
	t.Helper()
	held, err := s.Lock(t.Context())
	if err != nil || held == nil || held.ID == "" {
		t.Fatalf("lock: %+v, %v", held, err)
	}
	return held
}
