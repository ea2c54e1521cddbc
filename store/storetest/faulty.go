package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/devstream-io/dtm/store"
)

// ErrFault is the error of a Fault that names none.
var ErrFault = errors.New("the disk is on fire")

// Fault makes one Record fail.
type Fault struct {
	// N is which one, counted from 1 over all sessions of the FaultyStore.
	N int
	// Recorded tells whether the entries are recorded all the same: the write took effect and only its answer was lost.
	Recorded bool
	// Err is what is returned; ErrFault if nil.
	Err error
}

// FaultyStore is a store with faults. Everything but Record is the store's own.
type FaultyStore struct {
	store.Store

	mu      sync.Mutex
	faults  map[int]Fault
	records int
}

// Faulty returns a store that keeps its entries in s and fails as told. As every store, it accepts nothing more in a
// session that has failed once; the next session works again, until the next Fault.
func Faulty(s store.Store, faults ...Fault) *FaultyStore {
	f := &FaultyStore{Store: s, faults: map[int]Fault{}}
	for _, fault := range faults {
		if fault.Err == nil {
			fault.Err = ErrFault
		}
		f.faults[fault.N] = fault
	}
	return f
}

// Records is how often Record was called, on all sessions, refused calls left out. A test has tried every write once it has
// asked for a Fault beyond it.
func (f *FaultyStore) Records() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.records
}

// Open implements store.Store.
func (f *FaultyStore) Open(ctx context.Context, by store.Holder, seen *store.State) (store.Session, error) {
	s, err := f.Store.Open(ctx, by, seen)
	if err != nil {
		return nil, err
	}
	return &faultySession{Session: s, store: f}, nil
}

type faultySession struct {
	store.Session
	store *FaultyStore
	err   error // guarded by the store's mu
}

func (s *faultySession) Record(ctx context.Context, entries ...store.Entry) error {
	fault, hit, err := s.count()
	if err != nil {
		return err
	}
	if hit && !fault.Recorded {
		return fault.Err
	}
	if err := s.Session.Record(ctx, entries...); err != nil {
		return err
	}
	if hit {
		return fault.Err
	}
	return nil
}

func (s *faultySession) count() (Fault, bool, error) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if s.err != nil {
		return Fault{}, false, s.err
	}
	s.store.records++
	fault, hit := s.store.faults[s.store.records]
	if hit {
		s.err = fault.Err
	}
	return fault, hit, nil
}

func (s *faultySession) Close() error {
	s.store.mu.Lock()
	s.err = store.ErrClosed
	s.store.mu.Unlock()
	return s.Session.Close()
}
