package bolt

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// Import makes a new store, with a lineage of its own, out of the entries, for taking over the state of an older program.
// It replaces the file at path, if there is one, in one step: a crash leaves either the old file or the complete store.
// It does not keep a copy of the old file. If there is a store already it wraps fs.ErrExist and changes nothing, so that of
// two that take over at once only one does. Seq is set by Import.
func Import(ctx context.Context, path string, entries []store.Entry) error {
	s := New(path, Options{})
	// A rename replaces a link, not what it leads to.
	if real, err := filepath.EvalSymlinks(path); err == nil {
		s.path = real
	}
	old, err := s.lock(ctx, true)
	if err != nil {
		return s.explain(err)
	}
	if old == nil {
		return s.explain(publish(ctx, s.path, entries, link))
	}
	defer func() {
		_ = unlock(old)
		_ = old.Close()
	}()
	if is, err := isBolt(old); err != nil {
		return s.explain(err)
	} else if is {
		return s.explain(fmt.Errorf("there is a store already: %w", fs.ErrExist))
	}
	return s.explain(publish(ctx, s.path, entries, os.Rename))
}

// create makes an empty store. That somebody else was faster is not an error.
func create(ctx context.Context, path string) error {
	err := publish(ctx, path, nil, link)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
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
func publish(ctx context.Context, path string, entries []store.Entry, move func(from, to string) error) error {
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
		if err = build(ctx, f, entries); err == nil {
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

// build writes a store into an empty file and closes it.
func build(ctx context.Context, f *os.File, entries []store.Entry) error {
	db, err := openDB(f, false)
	if err != nil {
		return err
	}
	head := header{Format: store.Format, Lineage: newLineage(), Key: make([]byte, 32)}
	rand.Read(head.Key) // never fails
	now := &folded{state: store.NewState(), runs: map[string]*store.Run{}, tools: map[schema.ID]struct{}{}}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{journalBucket, toolsBucket, runsBucket, metaBucket} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		if err := put(tx.Bucket(metaBucket), headerKey, head); err != nil {
			return err
		}
		if err := put(tx.Bucket(metaBucket), snapshotKey, 0); err != nil {
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
	if err == nil {
		// Twice, so that either header page will do (see readMeta).
		err = db.Update(now.write)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, db.Close())
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
