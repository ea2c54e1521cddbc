package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
)

// foldEvery is after how many entries the snapshot is brought up to date within a session. It bounds what a Load has to
// fold after a crash (a fifth of a second) and the memory of a session.
const foldEvery = 20_000

// session gathers: whoever comes while a commit is under way joins the next one. The first of each group commits for all
// of it. bbolt's Batch does the same but lets every group wait 10 ms for more, which is a hundred commits' time; here
// nobody waits but for the disk. There is no goroutine that a forgotten Close would leave behind.
type session struct {
	store *Store
	lock  *sessionLock // nil if the file keeps its pages instead
	file  *file
	begun *store.State

	mu        sync.Mutex
	gathering *group // nil if nobody waits for the next commit
	err       error  // why nothing more is accepted
	closed    bool

	writing sync.Mutex // held by who commits; it guards what follows
	now     *folded
}

// group is the entries of one commit. It is complete once it is no longer gathering, and err is known once done is closed.
type group struct {
	entries []store.Entry
	encoded [][]byte
	first   uint64 // the Seq of entries[0]
	done    chan struct{}
	err     error
}

func newSession(s *Store, l *sessionLock, f *file, now *folded) *session {
	begun := now.state
	now.state = begun.Clone()
	return &session{store: s, lock: l, file: f, begun: begun, now: now}
}

func (s *session) State() *store.State { return s.begun }

func (s *session) Record(_ context.Context, entries ...store.Entry) error {
	encoded, foldable := make([][]byte, len(entries)), make([]store.Entry, len(entries))
	for i, e := range entries {
		var err error
		if encoded[i], err = encodeEntry(e); err != nil {
			return s.refuse(s.store.explain(err))
		}
		foldable[i] = e.Folded()
		// A doubt is compared with others by the bytes of its options, so these must be what a reader gets.
		if e.Kind == store.Intent {
			foldable[i].Options = compact(foldable[i].Options)
		}
	}
	s.mu.Lock()
	if err := s.refusal(); err != nil || len(entries) == 0 {
		s.mu.Unlock()
		return err
	}
	g := s.gathering
	first := g == nil
	if first {
		g = &group{done: make(chan struct{})}
		s.gathering = g
	}
	at := len(g.entries)
	g.entries = append(g.entries, foldable...)
	g.encoded = append(g.encoded, encoded...)
	s.mu.Unlock()

	if first {
		s.commit(g)
	}
	<-g.done
	if g.err != nil {
		return g.err
	}
	for i := range entries {
		entries[i].Seq = g.first + uint64(at+i)
	}
	return nil
}

// compact returns JSON that is known to be valid as encodeEntry writes it.
func compact(raw json.RawMessage) json.RawMessage {
	if !bytes.ContainsAny(raw, " \t\r\n") {
		return raw
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return raw
	}
	return b.Bytes()
}

// refuse makes err the answer to every later Record, unless there is one already, and returns the answer.
func (s *session) refuse(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	return s.refusal()
}

// refusal is called with mu held.
func (s *session) refusal() error {
	if s.closed {
		return store.ErrClosed
	}
	return s.err
}

// commit waits for the commit before, ends the gathering, and writes the group.
func (s *session) commit(g *group) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	s.gathering = nil
	g.err = s.err
	s.mu.Unlock()
	if g.err == nil {
		if err := s.store.explain(s.write(g)); err != nil {
			g.err = err
			_ = s.refuse(err)
		}
	}
	close(g.done)
	if g.err == nil && s.now.behind >= foldEvery {
		if err := s.store.explain(s.fold()); err != nil {
			_ = s.refuse(err)
		}
	}
}

func (s *session) write(g *group) error {
	g.first = s.now.state.Serial + 1
	return s.file.commit(func(tx *bbolt.Tx) error {
		journal, runs := tx.Bucket(journalBucket), tx.Bucket(runsBucket)
		for i, e := range g.entries {
			if err := s.now.appendEntry(journal, runs, e, g.encoded[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *session) fold() error {
	err := s.file.commit(s.now.write)
	if err == nil {
		s.now.written()
	}
	return err
}

func (s *session) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	g, broken := s.gathering, false
	s.mu.Unlock()
	if g != nil {
		<-g.done
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	broken = s.err != nil
	s.mu.Unlock()

	var err error
	// After an error what we hold is not known to be what is stored; the next session will fold it.
	if !broken && s.now.behind > 0 {
		err = s.fold()
	}
	if !broken && err == nil {
		err = s.prune()
	}
	err = errors.Join(err, s.file.close())
	s.lock.release()
	return s.store.explain(err)
}

// abandon closes the session as it is.
func (s *session) abandon() error {
	_ = s.refuse(store.ErrClosed)
	return s.Close()
}
