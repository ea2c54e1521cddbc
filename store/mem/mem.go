// Package mem keeps a journal in memory, for tests of whatever uses a store.
//
// It keeps every entry as the JSON that a durable store would write and folds all of it on every Load. That is slow for a
// long journal, but nothing can be shared with a caller by mistake, and what a test sees is what a file would have given.
package mem

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/devstream-io/dtm/store"
)

// Store is a store.Store that lives as long as the process. Unlike a file it can be read while a session is open.
type Store struct {
	mu      sync.Mutex
	journal [][]byte
	lineage string
	key     []byte
	session *session // the one that is open
}

var _ store.Store = (*Store)(nil)

// New returns an empty store that does not exist yet in the sense of the contract: Open creates it.
func New() *Store { return new(Store) }

// String implements store.Store.
func (s *Store) String() string { return "memory" }

// Load implements store.Store. It never meets a lock.
func (s *Store) Load(ctx context.Context) (*store.State, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fold()
}

// Open implements store.Store. It does not wait for the lock.
func (s *Store) Open(ctx context.Context, by store.Holder, seen *store.State) (store.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session != nil {
		return nil, &store.LockedError{Store: s.String(), ID: s.session.id, Holder: s.session.by}
	}
	if seen != nil && !s.agrees(seen) {
		return nil, fmt.Errorf("%s: %w: it was at %d and is at %d", s, store.ErrStale, seen.Serial, len(s.journal))
	}
	if s.lineage == "" {
		s.lineage = rand.Text()
		s.key = make([]byte, 32)
		rand.Read(s.key) // never fails
	}
	state, err := s.fold()
	if err != nil {
		return nil, err
	}
	by.Since = by.Since.Round(0)
	s.session = &session{store: s, id: rand.Text(), by: by, state: state}
	return s.session, nil
}

// Runs implements store.Store.
func (s *Store) Runs(ctx context.Context) iter.Seq2[store.Run, error] {
	return func(yield func(store.Run, error) bool) {
		entries, err := s.entries(ctx)
		if err != nil {
			yield(store.Run{}, err)
			return
		}
		byID := map[string]*store.Run{}
		for _, e := range entries {
			if e.Run == "" {
				continue
			}
			if byID[e.Run] == nil {
				byID[e.Run] = new(store.Run)
			}
			byID[e.Run].Apply(e)
		}
		var runs []*store.Run
		for _, r := range byID {
			runs = append(runs, r)
		}
		slices.SortFunc(runs, func(a, b *store.Run) int { return cmp.Compare(b.First, a.First) })
		for _, r := range runs {
			if !yield(*r, nil) {
				return
			}
		}
	}
}

// Entries implements store.Store.
func (s *Store) Entries(ctx context.Context, run string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		entries, err := s.entries(ctx)
		if err != nil {
			yield(store.Entry{}, err)
			return
		}
		found := false
		for _, e := range entries {
			if e.Run != run || run == "" {
				continue
			}
			found = true
			if !yield(e, nil) {
				return
			}
		}
		if !found {
			yield(store.Entry{}, fmt.Errorf("%s: %w: %q", s, store.ErrNoRun, run))
		}
	}
}

// At implements store.Store.
func (s *Store) At(ctx context.Context, run string) (*store.State, error) {
	entries, err := s.entries(ctx)
	if err != nil {
		return nil, err
	}
	last := -1
	for i, e := range entries {
		if e.Run == run && run != "" {
			last = i
		}
	}
	if last < 0 {
		return nil, fmt.Errorf("%s: %w: %q", s, store.ErrNoRun, run)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state := store.NewState()
	state.Lineage, state.Key = s.lineage, bytes.Clone(s.key)
	for _, e := range entries[:last+1] {
		state.Apply(e)
	}
	return state, nil
}

// Lock implements store.Store.
func (s *Store) Lock(ctx context.Context) (*store.Lock, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == nil {
		return nil, ctx.Err()
	}
	return &store.Lock{ID: s.session.id, Holder: s.session.by}, ctx.Err()
}

// Unlock implements store.Store. What the session records afterwards is refused.
func (s *Store) Unlock(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == nil || s.session.id != id {
		return fmt.Errorf("%s: %w: %q", s, store.ErrNotLocked, id)
	}
	s.session.err = fmt.Errorf("%s: the lock was taken away", s)
	s.session = nil
	return nil
}

func (s *Store) agrees(seen *store.State) bool {
	if seen.Serial == 0 && seen.Lineage == "" {
		return len(s.journal) == 0
	}
	return seen.Serial == uint64(len(s.journal)) && seen.Lineage == s.lineage
}

// fold is called with the lock held.
func (s *Store) fold() (*store.State, error) {
	state := store.NewState()
	state.Lineage, state.Key = s.lineage, bytes.Clone(s.key)
	for _, raw := range s.journal {
		var e store.Entry
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", s, store.ErrCorrupt, err)
		}
		state.Apply(e)
	}
	return state, nil
}

func (s *Store) entries(ctx context.Context) ([]store.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	journal := slices.Clone(s.journal)
	s.mu.Unlock()
	entries := make([]store.Entry, len(journal))
	for i, raw := range journal {
		if err := json.Unmarshal(raw, &entries[i]); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", s, store.ErrCorrupt, err)
		}
	}
	return entries, nil
}

// session is the one open session of a Store, whose lock guards it.
type session struct {
	store *Store
	id    string
	by    store.Holder
	state *store.State
	err   error
}

func (s *session) State() *store.State { return s.state }

func (s *session) Record(_ context.Context, entries ...store.Entry) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	next := uint64(len(s.store.journal)) + 1
	raws := make([][]byte, len(entries))
	for i, e := range entries {
		e.Seq = next + uint64(i)
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(e); err != nil {
			s.err = fmt.Errorf("%s: %w", s.store, err)
			return s.err
		}
		raws[i] = b.Bytes()
	}
	for i := range entries {
		entries[i].Seq = next + uint64(i)
	}
	s.store.journal = append(s.store.journal, raws...)
	return nil
}

func (s *session) Close() error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.err = store.ErrClosed
	if s.store.session == s {
		s.store.session = nil
	}
	return nil
}
