// Package store says what dtm remembers and what a place to keep it must promise.
//
// State and history are one thing. A store keeps a journal, an append-only list of entries, and the state of every tool
// is the fold of that journal ([State.Apply]); a snapshot is only a cache of the fold. So there is nothing to keep in
// step, a change costs as much in a store of ten thousand tools as in an empty one, and a process that dies leaves an
// open intent that the next plan sees. Package storetest checks every store against the promises here.
package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/devstream-io/dtm/store/keyring"
)

// Errors that a caller branches on.
var (
	// ErrCorrupt is wrapped when what is stored cannot be understood or does not fit together. Nothing was changed.
	ErrCorrupt = errors.New("the store is damaged")
	// ErrNewer is wrapped when the store was written by a dtm with a newer format. Nothing was changed.
	ErrNewer = errors.New("the store was written by a newer dtm")
	// ErrStale is wrapped by Open when the journal has grown since it was loaded.
	ErrStale = errors.New("the state has changed since it was read")
	// ErrClosed is returned by a Session that was closed.
	ErrClosed = errors.New("the session is closed")
	// ErrNoRun is wrapped by Entries and At when there is no such run, or it was pruned.
	ErrNoRun = errors.New("no such run")
	// ErrNotLocked is wrapped by Unlock when nobody holds the lock under that ID.
	ErrNotLocked = errors.New("nobody holds the lock under this ID")
	// ErrAlive is wrapped by Unlock when the process that holds the lock is alive.
	ErrAlive = errors.New("the process that holds the lock is alive")
)

// Format is the version of the entries that this dtm writes. A store with a higher one is refused ([ErrNewer]).
const Format = 1

// A Store keeps one journal. Its methods may be called at the same time, also by several processes.
type Store interface {
	// Load returns the present state, the caller's own copy: all that was recorded before the call, also by a session that
	// is still open. A store that does not exist yet is an empty state with serial 0 and no lineage, and stays uncreated.
	// It takes no lock. Wraps ErrCorrupt, ErrNewer, or keyring.ErrKeys.
	Load(ctx context.Context) (*State, error)
	// Open takes the lock, creating the store if need be, or returns *LockedError. If the journal's serial or lineage is
	// not the given state's any more it wraps ErrStale and the lock is free again; a nil state is not compared, and one
	// without serial and lineage agrees with every store that has no entries. The caller closes the Session.
	Open(ctx context.Context, by Holder, seen *State) (Session, error)
	History
	Locker
	// String is where the store is, for people, without secrets.
	String() string
}

// History is what a store remembers of runs. A store may forget the oldest ones (prune), never the present state. Like
// Load these take no lock and see what was recorded before the call.
type History interface {
	// Runs are the runs, newest first, by the entries they begin with: a clock that goes back changes nothing. Breaking off
	// early is allowed. An error is the last thing they yield; it is as of Load. A store that does not exist has no runs.
	Runs(ctx context.Context) iter.Seq2[Run, error]
	// Entries are the entries of one run, oldest first. An error is the last thing they yield; it is as of Load, or wraps
	// ErrNoRun.
	Entries(ctx context.Context, run string) iter.Seq2[Entry, error]
	// At is the state as it was after the last entry of the run, the caller's own copy. Its errors are those of Load, or
	// wrap ErrNoRun.
	At(ctx context.Context, run string) (*State, error)
}

// Locker tells of the lock of a store.
type Locker interface {
	// Lock says who holds the lock; nil if nobody does.
	Lock(ctx context.Context) (*Lock, error)
	// Unlock takes the lock away from the session that has it under this ID: for when its process hangs, or its machine is
	// gone. What that session records afterwards is refused, or it is the journal's truth and the next session is refused.
	// It wraps ErrNotLocked if nobody holds the lock under this ID, and ErrAlive where only the end of a process that is
	// alive can give it back.
	Unlock(ctx context.Context, id string) error
}

// Lock is a lock that is held.
type Lock struct {
	// ID is unique: it names the session.
	ID     string `json:"id"`
	Holder Holder `json:"holder"`
	// Heartbeat is the last sign of life; zero where the system itself tells that the holder is alive.
	Heartbeat time.Time `json:"heartbeat,omitzero"`
	// Expires is when the lock passes without another sign of life; zero if it does not.
	Expires time.Time `json:"expires,omitzero"`
}

// A Rekeyer is a store that can be encrypted.
type Rekeyer interface {
	// Rekey encrypts all that is stored under new keys, to be opened with to, which is zero to decrypt it. It takes the
	// lock as Open does. The store must have been made with keys that open it. If it is broken off, the store can be read
	// with the old keys or the new ones, whichever it then says; a second call completes it.
	Rekey(ctx context.Context, by Holder, to keyring.Keys) error
}

// A Session is the right to append to the journal. Only one is open at a time on a store.
type Session interface {
	// State is the session's own copy of the state as it was when the session began: it has a lineage and, in a new
	// store, a new key. It does not follow what is recorded. The caller only reads it.
	State() *State
	// Record makes the entries durable, all or none of them and in order, before it returns. It may be called at the same
	// time; such calls share one write (group commit). It sets Seq, also in the caller's slice, and changes nothing else;
	// it keeps nothing of what it was given. After an error nothing more is accepted: every later call returns that error,
	// and only a Load tells whether the entries took effect. It does not stop half-way because ctx is done: recording what
	// has happened matters more.
	Record(ctx context.Context, entries ...Entry) error
	// Close waits for the calls of Record that are under way and gives the lock back, even if it returns an error. What was
	// recorded stays in any case. A second Close does nothing.
	Close() error
}

// Holder is who holds a lock.
type Holder struct {
	// User, Host and PID say who; Command is what is being run, without secrets.
	User    string    `json:"user"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// LockedError says that somebody else is writing.
type LockedError struct {
	// Store is where.
	Store string
	// ID is the lock's; empty if it is not known.
	ID string
	// Holder is who; its fields are empty if the holder could not be read.
	Holder Holder
}

func (e *LockedError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("%s is in use by another dtm", e.Store)
	}
	return fmt.Sprintf("%s is in use by %s@%s (pid %d, `%s`) since %s",
		e.Store, e.Holder.User, e.Holder.Host, e.Holder.PID, e.Holder.Command, e.Holder.Since.Format(time.RFC3339))
}

// Hint says what the user can do about it.
func (e *LockedError) Hint() string {
	return "wait until it has finished, as --lock-timeout 1m does; `dtm state lock` tells more"
}
