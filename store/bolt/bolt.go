// Package bolt keeps a journal in one file on the local disk.
//
// The file is a bbolt database. Its buckets are the journal, the tools and the runs as they were at some entry (the
// snapshot), what the store is, and, once it has forgotten old runs, the tools as they were before the first entry that is
// left (the base). A session appends to the journal and to nothing else, so that a commit costs the same
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
// its lock (lock.go), or how to be read while somebody writes (pages.go).
package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

// Options say how a Store behaves. The zero Options are right for a person at a terminal.
type Options struct {
	// Timeout is how long to wait for somebody else's session; 300 ms if zero.
	Timeout time.Duration
	// Keep is how many runs the history keeps; 0 keeps all. The oldest are forgotten when a session is closed.
	Keep int
	// Keys are those that the store is encrypted with, or is when it is made. The zero Keys are for a store in clear.
	Keys keyring.Keys
}

// Store is a store.Store in one file. It holds nothing open between calls, but remembers the keys that it has opened.
type Store struct {
	path    string
	timeout time.Duration
	keep    int
	keys    keyring.Keys

	mu   sync.Mutex
	ring *keyring.Ring // the one that was opened last
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Rekeyer = (*Store)(nil)
)

// New returns the store at path. It touches nothing: Open creates the file, in a folder that must exist.
func New(path string, opts Options) *Store {
	if opts.Timeout <= 0 {
		opts.Timeout = 300 * time.Millisecond
	}
	return &Store{path: path, timeout: opts.Timeout, keep: opts.Keep, keys: opts.Keys}
}

// String is the path.
func (s *Store) String() string { return s.path }

// Load implements store.Store. It waits for a commit that is under way. The file and its folder need not be writable; but
// a session in a folder that cannot be written keeps readers out, and so does another program: then Load returns
// *store.LockedError after Options.Timeout.
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

// Open implements store.Store. It waits for other sessions and for readers as long as Options.Timeout each.
func (s *Store) Open(ctx context.Context, by store.Holder, seen *store.State) (store.Session, error) {
	session, err := s.open(ctx, by, seen)
	if err != nil {
		return nil, s.explain(err)
	}
	return session, nil
}

func (s *Store) open(ctx context.Context, by store.Holder, seen *store.State) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Somebody may remove or replace the file while we create or wait; a few times is chance, more is not.
	for range 10 {
		there, err := s.there()
		if err != nil {
			return nil, err
		}
		if !there {
			if seen != nil && (seen.Serial != 0 || seen.Lineage != "") {
				return nil, fmt.Errorf("%w: it is not there any more", store.ErrStale)
			}
			if err := s.create(ctx); err != nil {
				return nil, err
			}
			continue
		}
		lock, err := s.lockSession(ctx, by)
		if err != nil {
			return nil, err
		}
		session, err := s.begin(ctx, lock, seen)
		if session == nil {
			lock.release()
		}
		if session != nil || err != nil {
			return session, err
		}
	}
	return nil, errors.New("it cannot be created: is it a symbolic link to nothing?")
}

// begin returns the session, or nil without an error if the file is not there any more.
func (s *Store) begin(ctx context.Context, lock *sessionLock, seen *store.State) (*session, error) {
	f, err := s.lockPages(ctx, true, lock != nil)
	if f == nil {
		return nil, err
	}
	f.session = lock
	got, err := f.begin(ctx)
	if err == nil && seen != nil {
		err = compare(*seen, *got.state)
	}
	if err != nil {
		_ = f.close()
		return nil, err
	}
	f.sharePages()
	return newSession(s, lock, f, got), nil
}

// begin reads what a session begins with. Before a page is written all of them must be in order: a wrong list of free pages
// destroys good ones.
func (f *file) begin(ctx context.Context) (got *folded, err error) {
	if err := f.open(true); err != nil {
		return nil, err
	}
	err = f.view(func(tx *bbolt.Tx, head header) error {
		err := f.layout.journal(0)
		if err == nil {
			err = f.layout.base()
		}
		if err == nil {
			err = f.layout.complete()
		}
		if err == nil {
			got, err = readFolded(ctx, tx, head)
		}
		return err
	})
	return got, err
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

// read calls fn within a read transaction and while the pages are shared. If the file does not exist it does nothing. The
// journal's pages are checked from behind the snapshot on, or all of them and those of the base.
func (s *Store) read(ctx context.Context, whole bool, fn func(tx *bbolt.Tx, head header) error) error {
	for {
		err := s.readPages(ctx, whole, fn)
		var closed *unopened
		if !errors.As(err, &closed) {
			return s.explain(err)
		}
		// A session is not to wait for as long as it takes to open a ring.
		if _, err := s.unwrap(closed.wrapped); err != nil {
			return s.explain(err)
		}
	}
}

func (s *Store) readPages(ctx context.Context, whole bool, fn func(tx *bbolt.Tx, head header) error) error {
	r, err := s.lockPages(ctx, false, false)
	if r == nil {
		return err
	}
	r.unwrap = s.unwrapped
	defer func() { _ = r.close() }()
	if err := r.open(false); err != nil {
		return err
	}
	return r.view(func(tx *bbolt.Tx, head header) error {
		from := head.snapshot + 1
		if whole {
			from = 0
		}
		err := r.layout.journal(from)
		if err == nil && whole {
			err = r.layout.base()
		}
		if err != nil {
			return err
		}
		return fn(tx, head)
	})
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
