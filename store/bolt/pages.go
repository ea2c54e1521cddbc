package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
)

// Readers share the pages for some milliseconds; a session shares them as well, and has them to itself for each commit. So
// readers get in between commits, never see a page change, and keep out whatever else would write. A lock that is shared
// becomes exclusive only by letting go of it for a moment, so a session looks whether somebody was there in that moment.

// What is waited for the pages:
const (
	// patience is how long a reader waits for a session to end a commit. A big fold on a slow disk takes a second.
	patience = 10 * time.Second
	// commitPatience is how long a commit waits for readers. What has happened must be recorded.
	commitPatience = 30 * time.Second
	// gap is how long a session leaves the pages to readers after every stretch of commits without a pause, or those who
	// wait might never be quick enough. That is one part in a hundred.
	gap, stretch = time.Millisecond, 100 * time.Millisecond
)

// there tells whether there is a regular file, and returns an error if there is something else.
func (s *Store) there() (bool, error) {
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	// Opening a named pipe would wait for ever.
	if !info.Mode().IsRegular() {
		return false, &fs.PathError{Op: "open", Path: s.path, Err: errNotRegular}
	}
	return true, nil
}

// lockPages opens the file and takes its pages, exclusively to write or shared to read. Nil without an error means that
// there is no file. mine tells that the session lock is the caller's own.
func (s *Store) lockPages(ctx context.Context, write, mine bool) (*file, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR
	}
	if !write {
		if err := s.letCommit(ctx); err != nil {
			return nil, err
		}
	}
	began := time.Now()
	for {
		if there, err := s.there(); err != nil || !there {
			return nil, err
		}
		f, err := os.OpenFile(s.path, flag, 0)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if err := s.waitForPages(ctx, f, began, write, mine); err != nil {
			_ = f.Close()
			return nil, err
		}
		// While we waited the file may have been replaced by another (see publish): then ours is nobody's.
		opened := &file{path: s.path, f: f, unwrap: s.unwrap, patience: commitPatience}
		moved, err := opened.moved()
		if err == nil && !moved {
			return opened, nil
		}
		_ = f.Close()
		if err != nil {
			return nil, err
		}
	}
}

func (s *Store) waitForPages(ctx context.Context, f *os.File, began time.Time, exclusive, mine bool) error {
	limit, pause := s.timeout+grace, 100*time.Microsecond
	for {
		err := tryLock(f, exclusive)
		if err == nil {
			return nil
		}
		if !errors.Is(err, errHeld) {
			return fmt.Errorf("%w: %w", errNoLocks, err)
		}
		if time.Since(began) > limit {
			var by *store.Lock
			if !mine {
				by, _ = s.held(ctx) // who it is would only make a better error
			}
			if by == nil {
				return &store.LockedError{Store: s.path}
			}
			if exclusive || limit == patience {
				return &store.LockedError{Store: s.path, ID: by.ID, Holder: by.Holder}
			}
			limit = max(limit, patience)
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, time.Millisecond)
	}
}

// pagesHeld returns a lock without a name if somebody keeps the pages to himself.
func (s *Store) pagesHeld() (*store.Lock, error) {
	if there, err := s.there(); err != nil || !there {
		return nil, err
	}
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := tryLock(f, false); errors.Is(err, errHeld) {
		return &store.Lock{}, nil
	}
	return nil, nil
}

// commit has bbolt write a transaction, with the pages taken for it.
func (f *file) commit(fn func(tx *bbolt.Tx) error) error {
	if err := f.takePages(); err != nil {
		return err
	}
	defer f.sharePages()
	return f.guard(func() error {
		txid := uint64(0)
		err := f.db.Update(func(tx *bbolt.Tx) error {
			txid = uint64(tx.ID())
			return fn(tx)
		})
		if err == nil {
			f.txid = txid
		}
		return err
	})
}

// takePages has the pages exclusively when it returns, and makes sure that they are as they were left.
func (f *file) takePages() error {
	if f.session != nil {
		if err := f.waitForReaders(); err != nil {
			return err
		}
	}
	if err := f.lost(); err != nil {
		return err
	}
	meta, err := readMeta(f.f)
	if err == nil && meta.txid != f.txid {
		err = errMeddled
	}
	return err
}

func (f *file) waitForReaders() error {
	now := time.Now()
	switch {
	case now.Sub(f.shared) >= gap:
		f.paused = now
	case now.Sub(f.paused) >= stretch:
		<-time.After(gap)
		f.paused = time.Now()
	}
	for pause := 50 * time.Microsecond; ; pause = min(2*pause, time.Millisecond) {
		err := tryLock(f.f, true)
		if err == nil {
			if f.signalled {
				f.session.signal(calm)
			}
			f.signalled = false
			return nil
		}
		if !f.signalled {
			f.session.signal(waiting)
			f.signalled = true
		}
		if !errors.Is(err, errHeld) {
			return fmt.Errorf("%w: %w", errNoLocks, err)
		}
		if time.Since(now) > f.patience {
			return errBusy
		}
		<-time.After(pause)
	}
}

// sharePages lets readers in. Where somebody was faster and has the pages to himself we go on without: the next takePages
// will see what he has done.
func (f *file) sharePages() {
	if f.session != nil {
		_ = tryLock(f.f, false)
		f.shared = time.Now()
	}
}
