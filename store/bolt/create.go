package bolt

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
)

// Import makes a new store, with a lineage of its own, out of the entries, for taking over the state of an older program.
// It replaces the file at path, if there is one, in one step: a crash leaves either the old file or the complete store.
// It does not keep a copy of the old file. If there is a store already it wraps fs.ErrExist and changes nothing, so that of
// two that take over at once only one does. Seq is set by Import. key becomes that of the digests of secrets, which those in
// the entries were made with; nil for a random one.
func Import(ctx context.Context, path string, key []byte, entries []store.Entry, opts Options) error {
	s := New(path, opts)
	// A rename replaces a link, not what it leads to.
	if real, err := filepath.EvalSymlinks(path); err == nil {
		s.path = real
	}
	build, err := s.fresh(key, entries)
	if err != nil {
		return s.explain(err)
	}
	old, err := s.lockPages(ctx, true, false)
	if err != nil {
		return s.explain(err)
	}
	if old == nil {
		return s.explain(publish(ctx, s.path, build, link))
	}
	defer func() { _ = old.close() }()
	if is, err := isBolt(old.f); err != nil {
		return s.explain(err)
	} else if is {
		return s.explain(fmt.Errorf("there is a store already: %w", fs.ErrExist))
	}
	return s.explain(publish(ctx, s.path, build, os.Rename))
}

// create makes an empty store. That somebody else was faster is not an error.
func (s *Store) create(ctx context.Context) error {
	// So that nobody is asked for a passphrase in vain.
	if _, err := os.Stat(filepath.Dir(s.path)); errors.Is(err, fs.ErrNotExist) {
		return errNoFolder
	}
	build, err := s.fresh(nil, nil)
	if err == nil {
		err = publish(ctx, s.path, build, link)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// fresh returns what builds a store that is new but for the entries, and the key if there is one.
func (s *Store) fresh(key []byte, entries []store.Entry) (func(context.Context, *bbolt.DB) error, error) {
	ring, err := s.newRing()
	if err != nil {
		return nil, err
	}
	head := header{Lineage: newLineage(), Key: make([]byte, 32), ring: ring}
	rand.Read(head.Key) // never fails
	if key != nil {
		head.Key = slices.Clone(key)
	}
	return func(ctx context.Context, db *bbolt.DB) error { return build(ctx, db, head, entries) }, nil
}

// link gives a file a new name, and fails if there is a file of that name already.
func link(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	// Some file systems have no links. The gap between looking and renaming is left for two that create at once there.
	if _, statErr := os.Lstat(to); statErr == nil {
		return fs.ErrExist
	}
	return os.Rename(from, to)
}

// publish builds a store beside path and, when it is complete and durable, moves it there. So there is never a file at
// path that is empty or half made, whoever looks and wherever we die.
func publish(ctx context.Context, path string, build func(context.Context, *bbolt.DB) error, move func(from, to string) error) error {
	dir := filepath.Dir(path)
	sweep(path)
	for tries := 0; ; tries++ {
		f, err := os.CreateTemp(dir, filepath.Base(path)+draftSuffix+"*")
		if errors.Is(err, fs.ErrNotExist) {
			return errNoFolder
		}
		if err != nil {
			return err
		}
		draft := f.Name()
		// Held until the draft is a store or gone, so that sweep knows it from one whose maker has died.
		_ = tryLock(f, true)
		if err = fill(ctx, f, build); err == nil {
			err = move(draft, path)
		}
		_ = os.Remove(draft)
		if err == nil {
			return syncDir(dir)
		}
		// Somebody may have swept it away in the moment before it was locked.
		if !errors.Is(err, fs.ErrNotExist) || tries == 3 {
			return err
		}
	}
}

// fill builds a store in an empty file, makes it durable and closes it.
func fill(ctx context.Context, f *os.File, build func(context.Context, *bbolt.DB) error) error {
	db, err := openDB(f, false)
	if err != nil {
		return err
	}
	db.NoSync = true // once at the end will do
	if err = build(ctx, db); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, db.Close())
}

// draftSuffix is behind the name of a store that is being built.
const draftSuffix = ".new-"

// sweep removes what makers left that died. What cannot be looked at or removed does no harm where it is.
func sweep(path string) {
	drafts, err := filepath.Glob(strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path) + draftSuffix + "*")
	if err != nil {
		return
	}
	for _, draft := range drafts {
		f, err := os.Open(draft)
		if err != nil {
			continue
		}
		if tryLock(f, true) == nil {
			_ = os.Remove(draft)
		}
		_ = f.Close()
	}
}

// build writes a store into an empty database.
func build(ctx context.Context, db *bbolt.DB, head header, entries []store.Entry) error {
	now := newFolded(head)
	err := db.Update(func(tx *bbolt.Tx) error {
		if err := makeBuckets(tx, head); err != nil {
			return err
		}
		journal, runs := tx.Bucket(journalBucket), tx.Bucket(runsBucket)
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			encoded, err := encodeEntry(e)
			if err != nil {
				return err
			}
			if err := now.appendEntry(journal, runs, e, encoded); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// Twice, so that either header page will do (see readMeta).
	return db.Update(now.write)
}

// makeBuckets makes what every store has.
func makeBuckets(tx *bbolt.Tx, head header) error {
	for _, name := range [][]byte{journalBucket, toolsBucket, runsBucket, metaBucket} {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	stored, err := head.stored(head.ring)
	if err != nil {
		return err
	}
	if err := put(tx.Bucket(metaBucket), headerKey, stored); err != nil {
		return err
	}
	return put(tx.Bucket(metaBucket), snapshotKey, head.snapshot)
}

// newLineage is a random UUID.
func newLineage() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
