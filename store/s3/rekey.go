package s3

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

// rewriters is how many objects are rewritten at a time.
const rewriters = 8

// Rekey implements store.Rekeyer. It makes two or three requests for each object. From its first write on, the head says that
// objects are of two kinds, and has keys for both: the new ones open it, or when it is to be decrypted the old ones, until
// all is done. A session may be opened in between.
//
// A bucket that keeps versions keeps those of before, and whoever had the old keys could have read them. This Store has the
// keys it was made with, so it cannot be used any more.
func (s *Store) Rekey(ctx context.Context, by store.Holder, to keyring.Keys) error {
	l, err := s.acquire(ctx, by)
	if err != nil {
		return s.explain(err)
	}
	err = s.rekey(ctx, l, to)
	return s.explain(errors.Join(err, l.release()))
}

func (s *Store) rekey(ctx context.Context, l *lease, to keyring.Keys) error {
	f, err := s.read(ctx)
	if err != nil {
		return err
	}
	if f.head == nil || f.head.ring == nil && to.IsZero() {
		return nil
	}
	l.made()
	begin, target := *f.head, (*keyring.Ring)(nil)
	if !to.IsZero() {
		if target, err = f.head.ring.Rotate(to); err != nil {
			return err
		}
		// Or nobody could read it again.
		if _, err := keyring.Open(target.Wrapped(), to); err != nil {
			return fmt.Errorf("the new keys do not decrypt what they encrypt: %w", err)
		}
		begin.ring = target
	}
	begin.Rekeying = true
	if err := s.turn(ctx, l, f, &begin); err != nil {
		return err
	}
	next, err := s.rewrite(ctx, l, f.head, target, f.head.Begin)
	if err != nil {
		return err
	}
	mixed, end := f.head, *f.head
	end.Rekeying, end.ring = false, nil
	if target != nil {
		if end.ring, err = target.Retire(to); err != nil {
			return err
		}
	}
	if err := s.turn(ctx, l, f, &end); err != nil {
		return err
	}
	// Whoever lost the lock without knowing may have written with the old keys in between, which only we still have.
	_, err = s.rewrite(ctx, l, mixed, target, next)
	return err
}

// turn writes the head, if it is as we left it.
func (s *Store) turn(ctx context.Context, l *lease, f *folded, next *head) error {
	if err := l.hold(); err != nil {
		return err
	}
	if err := s.putHead(ctx, f, next); errors.Is(err, errTaken) {
		return errLost
	} else if err != nil {
		return err
	}
	return nil
}

// rewrite seals all objects with the target, or none if it is nil: the groups from first, and what is older than all
// groups if that is where the journal begins. It returns the entry behind the last.
func (s *Store) rewrite(ctx context.Context, l *lease, h *head, target *keyring.Ring, first uint64) (uint64, error) {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(rewriters)
	convert := func(name string, e envelope, etag string) error {
		if target == nil && e.sealed == nil || target.Current(e.sealed) {
			return nil
		}
		body, err := e.plain(h.ring, true, name)
		if err != nil {
			return err
		}
		if err := l.hold(); err != nil {
			return err
		}
		_, err = s.client.put(ctx, name, wrap(target, name, body, nil), etag)
		if errors.Is(err, errTaken) {
			return errLost
		}
		return err
	}
	// What is doomed may be gone, and so may a snapshot that a session died over.
	ifThere := func(name string) {
		all.Go(func() error {
			e, etag, err := s.raw(ctx, name)
			if err != nil || etag == "" {
				return err
			}
			return convert(name, e, etag)
		})
	}
	if first == h.Begin {
		older := doomed{}
		if h.Doomed != nil {
			older = *h.Doomed
		}
		for _, group := range older.Groups {
			ifThere(groupName(group))
		}
		// The others are met at the ends of groups.
		for _, seq := range slices.Concat(older.Snapshots, h.Snapshots) {
			if seq < h.Begin {
				ifThere(snapshotName(seq))
			}
		}
	}
	walk := func() error {
		for {
			name := groupName(first)
			e, etag, err := s.raw(ctx, name)
			if err != nil || etag == "" {
				return err
			}
			var g group
			body, err := e.plain(h.ring, true, name)
			if err == nil {
				err = decode(name, body, &g)
			}
			if err == nil {
				err = g.check(first)
			}
			if err != nil {
				return err
			}
			all.Go(func() error { return convert(name, e, etag) })
			ifThere(snapshotName(g.Last))
			first = g.Last + 1
		}
	}
	err := walk()
	// What has stopped the others has stopped the walk as well, and says more.
	if others := all.Wait(); others != nil {
		return 0, others
	}
	return first, err
}

// raw returns an object cut open, and its tag, which is empty if there is none.
func (s *Store) raw(ctx context.Context, name string) (envelope, string, error) {
	got, err := s.client.get(ctx, name)
	if err != nil || got == nil {
		return envelope{}, "", err
	}
	e, err := open(name, got.body)
	return e, got.etag, err
}
