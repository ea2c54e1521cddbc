package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/devstream-io/dtm/store"
)

// DevStream kept its whole state in one object exactly at the key; the journal is below the key. In S3 both can be at the
// same time. A server that keeps objects as files cannot have a folder where there is a file, so there the old object has
// to go before the journal can begin. Its backup, <key>.bak, is made before in any case. Whoever breaks off leaves the
// backup, which then is the old state, until the store has entries.

// behindBackup is what the name of the backup ends with.
const behindBackup = ".bak"

// errNoFolderThere is the word of versitygw for an object where a folder would have to be.
const errNoFolderThere = "ObjectParentIsFile"

// Old returns the state that DevStream has left: the object exactly at the key; or its backup if that is gone, because
// taking it over was broken off. It is nil if there is none, or the store has entries, and not nil if it is empty. Its
// errors are those of Load.
func (s *Store) Old(ctx context.Context) ([]byte, error) {
	_, old, err := s.old(ctx)
	if errors.Is(err, fs.ErrExist) {
		return nil, nil
	}
	if err != nil || old == nil {
		return nil, s.explain(err)
	}
	return append([]byte{}, old.body...), nil
}

// old returns the key of the old state, and the object; nil if there is none. It wraps fs.ErrExist if the store has entries.
func (s *Store) old(ctx context.Context) (string, *object, error) {
	if begun, err := s.hasEntries(ctx); err != nil {
		return "", nil, err
	} else if begun {
		return "", nil, errEntries
	}
	for _, key := range []string{s.client.key, s.client.key + behindBackup} {
		if got, err := s.client.root().get(ctx, key); err != nil || got != nil {
			return key, got, err
		}
	}
	return "", nil, nil
}

func (s *Store) hasEntries(ctx context.Context) (bool, error) {
	h, err := s.readHead(ctx)
	switch {
	case err != nil:
		return false, err
	case h == nil:
		_, err := s.missing(ctx)
		return false, err
	case h.Serial > 0:
		return true, nil
	}
	first, err := s.client.get(ctx, groupName(1))
	return first != nil, err
}

// Import begins the journal with the entries that have been made of the old state, all or none of them, and sets their
// Seq. Before it does, it copies the object at the key to <key>.bak, which must not be there with other bytes; the object
// stays, unless the server cannot have the journal below it. Neither is encrypted. It takes the lock as Open does. It
// wraps fs.ErrExist if the store has entries. If it is broken off, a second call completes it, and Old is as before.
// digestKey becomes the key of the digests of secrets, which those in the entries were made with; nil for a random one.
func (s *Store) Import(ctx context.Context, by store.Holder, digestKey []byte, entries []store.Entry) error {
	key, old, err := s.old(ctx)
	if err != nil {
		return s.explain(err)
	}
	replaced := old != nil && key == s.client.key
	if replaced {
		if err := s.backUp(ctx, old); err != nil {
			return s.explain(err)
		}
	}
	l, err := s.acquire(ctx, by)
	if codeOf(err) == errNoFolderThere && replaced {
		if err = s.client.root().remove(ctx, key); err == nil {
			l, err = s.acquire(ctx, by)
		}
	}
	if err != nil {
		return s.explain(err)
	}
	session, err := s.begin(ctx, l, nil)
	if err != nil {
		_ = l.release() // it passes by itself
		return s.explain(err)
	}
	// Somebody else may have been faster.
	if session.begun.Serial > 0 {
		return s.explain(errors.Join(errEntries, session.Close()))
	}
	if digestKey != nil {
		// The head may be that of an attempt that was broken off, and the old state another one since.
		if err := s.advance(ctx, session.now, func(next *head) { next.Key = slices.Clone(digestKey) }); err != nil {
			return s.explain(errors.Join(err, session.Close()))
		}
	}
	return errors.Join(session.Record(ctx, entries...), session.Close())
}

func (s *Store) backUp(ctx context.Context, old *object) error {
	key := s.client.key + behindBackup
	_, err := s.client.root().put(ctx, key, old.body, "")
	if errors.Is(err, errTaken) {
		return &problem{
			text: fmt.Sprintf("s3://%s/%s: there is another backup already", s.client.bucket, key), err: fs.ErrExist,
			hint: "move it away, then run again",
		}
	}
	return err
}
