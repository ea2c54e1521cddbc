package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

var (
	errNotRegular = errors.New("not a regular file")
	errMoved      = errors.New("the file was moved, replaced or removed while it was in use")
	errNoFolder   = errors.New("the folder does not exist")
	errNoLocks    = errors.New("the file cannot be locked")
	errBusy       = errors.New("somebody has been reading it for half a minute without a pause")
	errMeddled    = errors.New("another program has written to the file while it was in use")
)

// problem is an error with a hint.
type problem struct {
	text string
	err  error
	hint string
}

func (p *problem) Error() string { return p.text }
func (p *problem) Unwrap() error { return p.err }

// Hint says what the user can do about it.
func (p *problem) Hint() string { return p.hint }

// damaged is what the checks return; the path is added at the edge of the package.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", store.ErrCorrupt, fmt.Sprintf(format, args...))
}

func newer(format int) error {
	return fmt.Errorf("%w: its format is %d, this dtm knows %d", store.ErrNewer, format, store.Format)
}

// explain adds the path, and a hint where the user can act.
func (s *Store) explain(err error) error { return explain(s.path, err) }

func explain(path string, err error) error {
	if err == nil {
		return nil
	}
	var done *problem
	var locked *store.LockedError
	var alive *aliveError
	if errors.As(err, &done) || errors.As(err, &locked) {
		return err
	}
	hint := ""
	switch {
	case errors.Is(err, store.ErrCorrupt):
		hint = fmt.Sprintf("restore %s from a backup; without one it can be moved away to start over, but then dtm no longer knows what it has made, and will not delete it", path)
	case errors.Is(err, store.ErrStale):
		hint = "make a new plan"
	case errors.Is(err, store.ErrNewer):
		hint = "use the newer dtm; this one has changed nothing"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		hint = "free some space, then run again: what was recorded so far is kept"
	case errors.Is(err, fs.ErrPermission):
		hint = "look at the owner and mode of the file and its folder"
	case errors.Is(err, errMoved):
		hint = "what was recorded is in the file wherever it is now; without it dtm does not know of this run"
	case errors.Is(err, errMeddled):
		hint = "what was recorded before that is in the file; look at it with `dtm history`, then run again"
	case errors.Is(err, errBusy):
		hint = "look for a process that was stopped while it read, or another program that has the file open"
	case errors.As(err, &alive):
		hint = fmt.Sprintf("stop process %d on %s, the lock goes with it", alive.by.PID, alive.by.Host)
	case errors.Is(err, errInClear):
		hint = "`dtm state rekey` encrypts it"
	case errors.Is(err, keyring.ErrKeys):
		hint = "state.encryption in the configuration must say how to decrypt it"
	case errors.Is(err, errNoFolder):
		hint = fmt.Sprintf("create the folder: mkdir -p %s", filepath.Dir(path))
	case errors.Is(err, errNoLocks):
		hint = "keep the state on a local disk, or in S3"
	}
	text := path + ": " + err.Error()
	var named *fs.PathError
	if errors.As(err, &named) && named.Path == path {
		text = err.Error()
	}
	return &problem{text: text, err: err, hint: hint}
}
