package bolt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/devstream-io/dtm/store"
)

// The lock is an flock of the file itself: it is bbolt's own lock, it goes with the process that held it, however that
// died, and it keeps out whatever else uses bbolt. Who holds it is written beside the file for the others to read. A name
// that a dead process left behind does no harm, for nobody reads it before the lock was refused.

var errHeld = errors.New("the lock is held")

// grace is how much longer than the timeout to wait for a lock whose holder is unknown: a reader, who is done in a moment,
// or a writer who has the lock and not yet written a name.
const grace = 250 * time.Millisecond

// lock opens the file and takes its lock, exclusive to write or shared to read. Nil without an error means that there is
// no file.
func (s *Store) lock(ctx context.Context, write bool) (*os.File, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR
	}
	deadline := time.Now().Add(s.timeout)
	for {
		// Opening a named pipe would wait for ever.
		info, err := os.Stat(s.path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, &fs.PathError{Op: "open", Path: s.path, Err: errNotRegular}
		}
		f, err := os.OpenFile(s.path, flag, 0)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if err := s.wait(ctx, f, write, deadline); err != nil {
			_ = f.Close()
			return nil, err
		}
		// While we waited the file may have been replaced by another (see Import): then ours is nobody's.
		moved, err := (&file{path: s.path, f: f}).moved()
		if err == nil && !moved {
			return f, nil
		}
		_ = f.Close()
		if err != nil {
			return nil, err
		}
	}
}

// wait takes the lock, or returns *store.LockedError when it is still held after the deadline.
func (s *Store) wait(ctx context.Context, f *os.File, exclusive bool, deadline time.Time) error {
	pause := time.Millisecond
	for {
		err := tryLock(f, exclusive)
		if err == nil {
			return nil
		}
		if !errors.Is(err, errHeld) {
			return fmt.Errorf("%w: %w", errNoLocks, err)
		}
		if left := time.Until(deadline); left <= 0 {
			holder, err := s.readHolder()
			if err == nil || left < -grace {
				return &store.LockedError{Store: s.path, Holder: holder}
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, 20*time.Millisecond)
	}
}

func (s *Store) holderPath() string { return s.path + ".lock" }

// readHolder returns who has written a name last. Without a lock that is held it means nothing.
func (s *Store) readHolder() (store.Holder, error) {
	raw, err := os.ReadFile(s.holderPath())
	if err != nil {
		return store.Holder{}, err
	}
	var h store.Holder
	if err := json.Unmarshal(raw, &h); err != nil {
		return store.Holder{}, err
	}
	return h, nil
}

// writeHolder is called with the lock held. The name need not survive a crash, so nothing is synced.
func (s *Store) writeHolder(by store.Holder) error {
	raw, err := json.Marshal(by)
	if err != nil {
		return err
	}
	// Only who has the lock writes this, so the name need not be by chance, and what a killed process leaves does not pile up.
	tmp, err := os.OpenFile(s.holderPath()+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = tmp.Write(raw)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), s.holderPath())
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}

// removeHolder is called before the lock is given back, or it could remove the next one's name.
func (s *Store) removeHolder() { _ = os.Remove(s.holderPath()) }
