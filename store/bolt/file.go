package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

// file is a locked file and what has been learnt of it.
type file struct {
	path string
	f    *os.File
	// unwrap returns the open ring of a store, given how it is stored.
	unwrap func(wrapped []byte) (*keyring.Ring, error)
	layout *layout
	db     *bbolt.DB
	// session is the lock of the session that the file is open for. Without one the pages are kept from everybody until close.
	session *sessionLock
	// patience is how long a commit waits for readers.
	patience time.Duration
	// signalled tells that readers were asked to wait.
	signalled bool
	// txid is the last transaction; shared and paused are when the pages were last left to readers, and for a while.
	txid           uint64
	shared, paused time.Time
	// broken tells that bbolt has panicked: its own locks may be held for ever.
	broken bool
}

// open checks the pages of all buckets but the journal and lets bbolt have the file.
func (f *file) open(write bool) error {
	layout, err := readLayout(f.f)
	if err == nil {
		err = layout.buckets()
	}
	if err != nil {
		return err
	}
	f.layout, f.txid = layout, layout.txid
	return f.guard(func() error {
		f.db, err = openDB(f.f, !write)
		return err
	})
}

// openDB has bbolt work on a file that is open and locked already. It closes the file if it fails.
func openDB(f *os.File, readOnly bool) (*bbolt.DB, error) {
	return bbolt.Open(f.Name(), 0o600, &bbolt.Options{
		ReadOnly: readOnly,
		// Without this bbolt would open the path again, create what is not there, and have a lock of its own.
		OpenFile: func(string, int, os.FileMode) (*os.File, error) { return f, nil },
		// The lock is held, so this is only in case that we are wrong: never wait for ever.
		Timeout:      time.Second,
		FreelistType: bbolt.FreelistMapType,
		// The list of free pages is short in a file that is only appended to, so writing it costs one page and less than
		// 10 µs a commit. Without it bbolt reads all pages when it opens the file for writing (0.3 ms a megabyte), and
		// again after every failed commit, on a goroutine that nobody can recover.
		NoFreelistSync: false,
		NoStatistics:   true,
		// InitialMmapSize is left alone: nobody reads with the bbolt that a session writes with, and growing from 32 KB to the 16 MB above
		// which bbolt takes 16 MB at a time (of a sparse file) is nine times some 100 µs.
	})
}

// view calls fn in a read transaction, after the format was found to be known.
func (f *file) view(fn func(tx *bbolt.Tx, head header) error) error {
	return f.guard(func() error {
		return f.db.View(func(tx *bbolt.Tx) error {
			head, err := readHeader(tx, f.unwrap)
			if err != nil {
				return err
			}
			journal, err := bucket(tx, journalBucket)
			if err != nil {
				return err
			}
			if err := f.layout.forgotten(journal.Sequence()); err != nil {
				return err
			}
			return fn(tx, head)
		})
	})
}

// guard is the function of that name, and notes that bbolt is not to be trusted any more.
func (f *file) guard(fn func() error) error {
	err := guard(fn)
	var p *panicError
	if errors.As(err, &p) {
		f.broken = true
	}
	return err
}

// guard calls fn and returns a panic as an error. A fault of the memory map is a panic as well: it happens when the file
// is cut short, or the disk cannot be read, while it is open. What faults on a goroutine of bbolt's cannot be caught;
// it has none with the options of openDB.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{p}
		}
	}()
	return fn()
}

type panicError struct{ value any }

func (p *panicError) Error() string { return fmt.Sprintf("%v: %v", store.ErrCorrupt, p.value) }
func (p *panicError) Unwrap() error { return store.ErrCorrupt }

// close gives the lock back.
func (f *file) close() error {
	if f.db != nil && !f.broken {
		return f.db.Close()
	}
	// A memory map that bbolt has left behind keeps the lock, so closing would not be enough.
	_ = unlock(f.f)
	return f.f.Close()
}

// moved tells whether the file is not what the path leads to any more.
func (f *file) moved() (bool, error) {
	_, moved, err := f.stat()
	return moved, err
}

func (f *file) stat() (mine os.FileInfo, moved bool, err error) {
	if mine, err = f.f.Stat(); err != nil {
		return nil, false, err
	}
	theirs, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return mine, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	return mine, !os.SameFile(mine, theirs), nil
}

// lost returns an error if somebody has moved the file away or cut it short: else all would be well until the end, and
// what was recorded gone.
func (f *file) lost() error {
	info, moved, err := f.stat()
	if err == nil && moved {
		err = errMoved
	}
	if err == nil && info.Size() < int64(f.layout.pages)*f.layout.pageSize {
		err = damaged("the file was cut short while it was in use")
	}
	return err
}
