// Package bolt keeps a journal in one file on the local disk.
//
// The file is a bbolt database with four buckets: the journal, the tools and the runs as they were at some entry (the
// snapshot), and what the store is. A session appends to the journal and to nothing else, so that a commit costs the same
// few pages whatever has been stored before; the snapshot is brought up to date when the session ends, and now and then in
// a very long one. Load is the snapshot and the fold of what the journal has behind it, so nothing depends on a session
// having ended well.
//
// Why not less: a file that is written anew on every step costs the square of its size, and one that is only written at
// the end loses everything in a crash. A plain log would do for the journal, but not for reading ten thousand tools
// without folding years of history, and bbolt's copy-on-write pages give both in one atomic commit.
//
// Why not bbolt alone. It gathers writers with a delay of 10 ms (see session.go for what is done instead). It believes its
// file: damage makes it panic, loop or touch memory that is not there, in part on goroutines of its own where nobody can
// recover. So the pages are checked with plain reads before bbolt sees them (layout.go), and every value carries a checksum
// (codec.go), because a changed letter in a tool's options is as bad as a broken page. And it knows nothing of who holds
// its lock (lock.go).
package bolt

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"time"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
)

// Options say how a Store behaves. The zero Options are right for a person at a terminal.
type Options struct {
	// Timeout is how long to wait for the lock; 300 ms if zero.
	Timeout time.Duration
}

// Store is a store.Store in one file. It holds nothing open between calls.
type Store struct {
	path    string
	timeout time.Duration
}

var _ store.Store = (*Store)(nil)

// New returns the store at path. It touches nothing: Open creates the file, in a folder that must exist.
func New(path string, opts Options) *Store {
	if opts.Timeout <= 0 {
		opts.Timeout = 300 * time.Millisecond
	}
	return &Store{path: path, timeout: opts.Timeout}
}

// String is the path.
func (s *Store) String() string { return s.path }

// Load implements store.Store. It waits for a session of any process, this one included, as long as Options.Timeout, and
// then returns *store.LockedError. The file and its folder need not be writable.
func (s *Store) Load(ctx context.Context) (*store.State, error) {
	state := store.NewState()
	err := s.read(ctx, false, func(tx *bbolt.Tx, head header) error {
		got, err := readFolded(ctx, tx, head)
		if err != nil {
			return err
		}
		state = got.state
		return nil
	})
	if err != nil {
		return nil, err
	}
	return state, nil
}

// Open implements store.Store. It waits for other sessions and for readers as long as Options.Timeout.
func (s *Store) Open(ctx context.Context, by store.Holder, seen *store.State) (store.Session, error) {
	f, err := s.openLocked(ctx, seen)
	if err != nil {
		return nil, err
	}
	// The lock counts, not the name: where the name cannot be written the lock is simply held by somebody unknown.
	_ = s.writeHolder(by)
	session, err := s.begin(ctx, f, seen)
	if err != nil {
		s.removeHolder()
		_ = f.close()
		return nil, s.explain(err)
	}
	return session, nil
}

// openLocked returns the file with the lock taken, and creates it if need be. Nothing of it has been looked at.
func (s *Store) openLocked(ctx context.Context, seen *store.State) (*file, error) {
	// Somebody may remove or replace the file while we create or wait; a few times is chance, more is not.
	for range 10 {
		f, err := s.lock(ctx, true)
		if err != nil {
			return nil, s.explain(err)
		}
		if f != nil {
			return &file{path: s.path, f: f}, nil
		}
		if seen != nil && (seen.Serial != 0 || seen.Lineage != "") {
			return nil, s.explain(fmt.Errorf("%w: it is not there any more", store.ErrStale))
		}
		if err := create(ctx, s.path); err != nil {
			return nil, s.explain(err)
		}
	}
	return nil, fmt.Errorf("%s: cannot be created: is it a symbolic link to nothing?", s.path)
}

func (s *Store) begin(ctx context.Context, f *file, seen *store.State) (*session, error) {
	if err := f.open(true); err != nil {
		return nil, err
	}
	var got *folded
	err := f.view(func(tx *bbolt.Tx, head header) error {
		// Before a page is written all of them must be in order: a wrong list of free pages destroys good ones.
		err := f.layout.journal(0)
		if err == nil {
			err = f.layout.complete()
		}
		if err == nil {
			got, err = readFolded(ctx, tx, head)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	now := got.state
	if seen != nil {
		err = compare(*seen, *now)
	}
	if err != nil {
		return nil, err
	}
	return newSession(s, f, got), nil
}

// compare wraps store.ErrStale if seen is not what there is now.
func compare(seen, now store.State) error {
	switch {
	case seen.Lineage == "" && seen.Serial == 0 && now.Serial == 0:
		return nil // it did not exist, or had just been created
	case seen.Lineage != "" && seen.Lineage != now.Lineage:
		return fmt.Errorf("%w: it is another journal", store.ErrStale)
	case seen.Lineage != now.Lineage || seen.Serial != now.Serial:
		return fmt.Errorf("%w: it was at entry %d and is at %d", store.ErrStale, seen.Serial, now.Serial)
	}
	return nil
}

// read calls fn within a read transaction and under a shared lock. If the file does not exist it does nothing. The
// journal's pages are checked from behind the snapshot on, or all of them.
func (s *Store) read(ctx context.Context, whole bool, fn func(tx *bbolt.Tx, head header) error) error {
	f, err := s.lock(ctx, false)
	if err != nil || f == nil {
		return s.explain(err)
	}
	r := &file{path: s.path, f: f}
	defer func() { _ = r.close() }()
	if err := r.open(false); err != nil {
		return s.explain(err)
	}
	return s.explain(r.view(func(tx *bbolt.Tx, head header) error {
		from := head.snapshot + 1
		if whole {
			from = 0
		}
		if err := r.layout.journal(from); err != nil {
			return err
		}
		return fn(tx, head)
	}))
}

// Is tells whether the file at path begins like a bbolt file. It wraps fs.ErrNotExist if there is none. It takes no lock
// and says nothing about whether the file is sound.
func Is(path string) (bool, error) {
	// Opening a named pipe would wait for ever.
	if info, err := os.Stat(path); err != nil {
		return false, err
	} else if !info.Mode().IsRegular() {
		return false, &fs.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	return isBolt(f)
}
