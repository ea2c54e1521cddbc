package bolt

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/devstream-io/dtm/store"
)

// There are two locks. Who may record is said by an flock of a file beside the database, which also names the holder; it
// lasts as long as the session and goes with the process that held it, however that died. Who may touch the pages is said
// by an flock of the database itself (pages.go), which is bbolt's own lock; it lasts for a commit. With the second alone
// nobody could read while somebody works.

var errHeld = errors.New("the lock is held")

// grace is how much longer than the timeout to wait for a lock whose holder is unknown: a reader, who is done in a moment,
// or a session that has the lock and not yet written its name.
const grace = 250 * time.Millisecond

// sessionLock is the right to record.
type sessionLock struct {
	path string
	f    *os.File
}

// lockPath is beside the database itself, whatever link leads to it.
func (s *Store) lockPath() string {
	if real, err := filepath.EvalSymlinks(s.path); err == nil {
		return real + ".lock"
	}
	return s.path + ".lock"
}

// lockSession takes the lock, or returns *store.LockedError when it is still held after the timeout. Where there can be no
// such file it returns nil: then the session keeps the pages to itself from beginning to end.
func (s *Store) lockSession(ctx context.Context, by store.Holder) (*sessionLock, error) {
	deadline, pause := time.Now().Add(s.timeout), time.Millisecond
	for {
		f, err := os.OpenFile(s.lockPath(), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, nil
		}
		l := &sessionLock{path: f.Name(), f: f}
		for err = tryLock(f, true); errors.Is(err, errHeld); err = tryLock(f, true) {
			if left := time.Until(deadline); left <= 0 {
				held, ok := readLock(f)
				if ok || left < -grace {
					_ = f.Close()
					return nil, &store.LockedError{Store: s.path, ID: held.ID, Holder: held.Holder}
				}
			}
			if err := wait(ctx, pause); err != nil {
				_ = f.Close()
				return nil, err
			}
			pause = min(2*pause, 20*time.Millisecond)
		}
		if err != nil {
			_ = f.Close()
			return nil, nil
		}
		// Who had the lock before has removed the file, and ours may be one that nobody else finds.
		if l.lost() {
			_ = f.Close()
			continue
		}
		// The lock counts, not the name: where the name cannot be written the lock is simply held by somebody unknown.
		_ = l.write(store.Lock{ID: rand.Text(), Holder: by})
		return l, nil
	}
}

// lost tells whether the path does not lead to the file that is locked.
func (l *sessionLock) lost() bool {
	mine, err := l.f.Stat()
	if err != nil {
		return true
	}
	theirs, err := os.Stat(l.path)
	return err != nil || !os.SameFile(mine, theirs)
}

// write is done in place, for a file of that name is the lock. It need not survive a crash, so nothing is synced.
func (l *sessionLock) write(held store.Lock) error {
	raw, err := json.Marshal(held)
	if err != nil {
		return err
	}
	if err := l.f.Truncate(0); err != nil {
		return err
	}
	_, err = l.f.WriteAt(append([]byte{calm}, raw...), 0)
	return err
}

// The first byte of the file tells readers whether a commit is waiting for them. JSON may begin with either.
const (
	calm    = ' '
	waiting = '\n'
)

// signal tells readers whether to let a commit go first. Where they cannot be told it only takes longer.
func (l *sessionLock) signal(b byte) { _, _ = l.f.WriteAt([]byte{b}, 0) }

// letCommit returns when no commit is waiting for the readers to be done: were there always another one, it would wait for
// ever. Whatever it finds, it does not take long.
func (s *Store) letCommit(ctx context.Context) error {
	f, err := os.Open(s.lockPath())
	if err != nil {
		return nil // nobody has a session, or nobody can tell us
	}
	defer f.Close()
	var first [1]byte
	for began := time.Now(); time.Since(began) < time.Second; {
		if n, _ := f.ReadAt(first[:], 0); n == 0 || first[0] != waiting {
			return nil
		}
		if err := tryLock(f, false); !errors.Is(err, errHeld) {
			return nil // it is dead
		}
		if err := wait(ctx, 500*time.Microsecond); err != nil {
			return err
		}
	}
	return nil
}

// release gives the lock back. The file is removed first, or it could be the next one's.
func (l *sessionLock) release() {
	if l == nil {
		return
	}
	if !l.lost() {
		_ = os.Remove(l.path)
	}
	_ = unlock(l.f)
	_ = l.f.Close()
}

// readLock returns who has written the last name. Where the lock is not held it means nothing.
func readLock(f io.ReaderAt) (store.Lock, bool) {
	var held store.Lock
	err := json.NewDecoder(io.NewSectionReader(f, 0, 1<<20)).Decode(&held)
	return held, err == nil && held.ID != ""
}

// held returns the lock of the session that is open; nil if there is none. Its fields are empty if the name cannot be read.
func (s *Store) held(ctx context.Context) (*store.Lock, error) {
	f, err := os.Open(s.lockPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for end := time.Now().Add(grace); ; {
		err := tryLock(f, false)
		if err == nil {
			return nil, nil // what is there was left by a process that died
		}
		if !errors.Is(err, errHeld) {
			return nil, fmt.Errorf("%w: %w", errNoLocks, err)
		}
		if held, ok := readLock(f); ok || time.Now().After(end) {
			return &held, nil
		}
		if err := wait(ctx, time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// Lock implements store.Store. The system itself knows whether the holder is alive, so there are no heartbeats. The ID is
// empty if the holder is not known: another program, or a session in a folder that cannot be written.
func (s *Store) Lock(ctx context.Context) (*store.Lock, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	held, err := s.held(ctx)
	if held == nil && err == nil {
		held, err = s.pagesHeld()
	}
	return held, s.explain(err)
}

// Unlock implements store.Store. The lock goes with the process that has it, so all that can be done is to end that.
func (s *Store) Unlock(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	held, err := s.held(ctx)
	if err == nil {
		if held == nil || held.ID != id || id == "" {
			err = fmt.Errorf("%w: %q", store.ErrNotLocked, id)
		} else {
			err = &aliveError{by: held.Holder}
		}
	}
	return s.explain(err)
}

// aliveError says whose lock cannot be taken away.
type aliveError struct{ by store.Holder }

func (e *aliveError) Error() string {
	return fmt.Sprintf("%v: pid %d of %s on %s", store.ErrAlive, e.by.PID, e.by.User, e.by.Host)
}

func (e *aliveError) Unwrap() error { return store.ErrAlive }

// wait returns early if ctx is done.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
