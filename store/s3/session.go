package s3

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/devstream-io/dtm/store"
)

// session gathers: whoever comes while a write is under way joins the next one. The first of each batch writes for all of
// it, a little later where others can be expected (see patience).
type session struct {
	store *Store
	ctx   context.Context // of the writes; never done
	lease *lease
	begun *store.State

	mu        sync.Mutex
	gathering *batch // nil if nobody waits for the next write
	err       error  // why nothing more is accepted
	closed    bool
	patience  patience

	writing sync.Mutex // held by who writes; it guards what follows
	now     *folded
}

// batch is the entries of one write. It is complete once it is no longer gathering, and err is known once done is closed.
type batch struct {
	entries []store.Entry
	encoded [][]byte
	first   uint64 // the Seq of entries[0]
	calls   int
	awaited bool          // by who writes it; until then nobody knows how many can be expected
	full    chan struct{} // closed when an awaited batch is
	done    chan struct{}
	err     error
}

// patience says how long a batch waits for more. A write takes tens of milliseconds, and whoever was released by the one
// before often comes back within one: without waiting for them ten callers fall apart into two halves that write in
// turn, each waiting for the other, which costs twice the requests and is no faster.
type patience struct {
	// calls are as many as were recently waiting or being written, and until when they are waited for: half of what the
	// last write took, counted from its end.
	calls int
	until time.Time
}

const mostPatience = 50 * time.Millisecond

func newSession(ctx context.Context, s *Store, l *lease, now *folded) *session {
	begun := now.state
	now.state = begun.Clone()
	return &session{store: s, ctx: context.WithoutCancel(ctx), lease: l, begun: begun, now: now}
}

func (s *session) State() *store.State { return s.begun }

func (s *session) Record(_ context.Context, entries ...store.Entry) error {
	encoded := make([][]byte, len(entries))
	for i, e := range entries {
		var err error
		if encoded[i], err = encodeEntry(e); err != nil {
			return s.refuse(s.store.explain(err))
		}
	}
	s.mu.Lock()
	if err := s.refusal(); err != nil || len(entries) == 0 {
		s.mu.Unlock()
		return err
	}
	b := s.gathering
	first := b == nil
	if first {
		b = &batch{full: make(chan struct{}), done: make(chan struct{})}
		s.gathering = b
	}
	at := len(b.entries)
	for _, e := range entries {
		b.entries = append(b.entries, asRead(e))
	}
	b.encoded = append(b.encoded, encoded...)
	if b.calls++; b.awaited && b.calls == s.patience.calls {
		close(b.full)
	}
	s.mu.Unlock()

	if first {
		s.commit(b)
	}
	<-b.done
	if b.err != nil {
		return b.err
	}
	for i := range entries {
		entries[i].Seq = b.first + uint64(at+i)
	}
	return nil
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

// commit waits for the write before, ends the gathering, and writes the batch.
func (s *session) commit(b *batch) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.await(b)
	s.mu.Lock()
	s.gathering = nil
	b.err = s.err
	s.mu.Unlock()

	began := time.Now()
	if b.err == nil {
		if err := s.store.explain(s.write(b)); err != nil {
			b.err = err
			_ = s.refuse(err)
		}
	}
	s.mu.Lock()
	ended := time.Now()
	s.patience = patience{calls: b.calls, until: ended.Add(min(ended.Sub(began)/2, mostPatience))}
	if s.gathering != nil {
		s.patience.calls += s.gathering.calls
	}
	s.mu.Unlock()
	close(b.done)

	if t := s.store.tuning; b.err == nil && (s.now.behind >= t.foldEntries || s.now.groups >= t.foldGroups) {
		// The entries are safe without it, so a snapshot that fails is no reason to stop. The next batch tries again, and
		// Close tells.
		_ = s.store.fold(s.ctx, s.now)
	}
}

// await returns when the batch has all the calls that can be expected, or waited long enough.
func (s *session) await(b *batch) {
	s.mu.Lock()
	wait := time.Until(s.patience.until)
	b.awaited = b.calls < s.patience.calls && !s.closed && wait > 0
	s.mu.Unlock()
	if !b.awaited {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-b.full:
	case <-timer.C:
	}
}

func (s *session) write(b *batch) error {
	if err := s.lease.hold(); err != nil {
		return err
	}
	b.first = s.now.state.Serial + 1
	g := group{
		First: b.first, Last: b.first + uint64(len(b.entries)) - 1,
		Token: s.lease.token, Nonce: nonce(), Prev: s.now.link,
	}
	body, err := sealGroup(s.now.head.ring, g, b.encoded)
	if err != nil {
		return err
	}
	if _, err := s.store.client.put(s.ctx, groupName(g.First), body, ""); errors.Is(err, errTaken) {
		return errWritten
	} else if err != nil {
		return err
	}
	if err := s.lease.kept(); err != nil {
		return err
	}
	for i := range b.entries {
		b.entries[i].Seq = b.first + uint64(i)
	}
	g.Entries = b.entries
	s.now.apply(&g)
	return nil
}

func (s *session) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	b := s.gathering
	s.mu.Unlock()
	if b != nil {
		<-b.done
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	broken := s.err != nil
	s.mu.Unlock()

	var err error
	// After an error what we hold is not known to be what is stored; the next session will fold it.
	if !broken {
		err = s.store.finish(s.ctx, s.now)
	}
	return s.store.explain(errors.Join(err, s.lease.release()))
}
