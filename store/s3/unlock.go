package s3

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/devstream-io/dtm/store"
)

// Lock implements store.Store. Its times are those of the server's clock, in whole seconds.
func (s *Store) Lock(ctx context.Context) (*store.Lock, error) {
	was, got, err := s.readLock(ctx)
	if err != nil || !was.held(got) {
		return nil, s.explain(err)
	}
	held := &store.Lock{ID: was.ID, Holder: was.Holder, Heartbeat: got.written}
	if !got.written.IsZero() {
		held.Expires = got.written.Add(was.Lease)
	}
	return held, nil
}

// Unlock implements store.Store. The session that had the lock notices when it next shows that it lives, or when it writes
// what another session has written already. What it writes before another session does is the journal's truth.
func (s *Store) Unlock(ctx context.Context, id string) error {
	for range 10 {
		was, got, err := s.readLock(ctx)
		if err == nil && (!was.held(got) || was.ID != id) {
			err = fmt.Errorf("%w: %q", store.ErrNotLocked, id)
		}
		if err != nil {
			return s.explain(err)
		}
		// A token of its own, for people who compare what was written when.
		free := lock{Free: true, Token: was.Token + 1, Lease: was.Lease, Made: was.Made, Nonce: nonce()}
		body, err := seal(nil, lockName, free)
		if err != nil {
			return s.explain(err)
		}
		// The holder may have shown that it lives in between; it is to lose the lock all the same.
		if _, err := s.client.put(ctx, lockName, body, got.etag); !errors.Is(err, errTaken) {
			return s.explain(err)
		}
	}
	return s.explain(errBusy)
}

// readLock returns the lock and its object, which is nil if there never was a lock.
func (s *Store) readLock(ctx context.Context) (lock, *object, error) {
	var was lock
	got, err := s.client.get(ctx, lockName)
	if err != nil || got == nil {
		return was, nil, err
	}
	if err := was.unseal(got.body); err != nil {
		return was, nil, err
	}
	if was.Command != nil && !s.keys.IsZero() {
		// Who holds the lock counts, even if nobody can read what for.
		if ring, err := s.openRing(was.Ring); err == nil {
			command, _ := ring.Unseal(lockName, was.Command)
			was.Holder.Command = string(command)
		}
	}
	return was, got, nil
}

func (l *lock) unseal(raw []byte) error {
	e, err := open(lockName, raw)
	if err != nil {
		return err
	}
	body, err := e.plain(nil, false, lockName)
	if err != nil {
		return err
	}
	return decode(lockName, body, l)
}

// held tells whether somebody has the lock, given the object it was read from.
func (l *lock) held(got *object) bool {
	// Both times come in whole seconds.
	return got != nil && !l.Free && got.age < l.Lease+time.Second
}
