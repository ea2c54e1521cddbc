package main

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/mem"
	"github.com/devstream-io/dtm/store/s3"
)

// succeed makes a store of a DevStream state. Until it is opened it is what the old text says; then it is the journal.
func (p *project) succeed(ctx context.Context, place string, old []byte, journal store.Store, by takeOver) (store.Store, error) {
	entries, err := p.inherit(place, old, keyOf(old))
	if err != nil {
		return nil, err
	}
	view := mem.New()
	session, err := view.Open(ctx, store.Holder{}, nil)
	if err != nil {
		return nil, err
	}
	if err := session.Record(ctx, slices.Clone(entries)...); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(old)
	return &successor{Store: view, place: place, origin: sum[:], key: keyOf(old), entries: entries, journal: journal, takeOver: by}, session.Close()
}

// keyOf is the key of the journal that takes the place of an old state. It is the same for whoever reads the same text, as the
// digests in a plan and those in the journal that it is carried out with are to be. Without tools there are no secrets to
// compare, and the key is a random one: nil.
func keyOf(old []byte) []byte {
	if len(old) == 0 {
		return nil
	}
	sum := sha256.Sum256(append([]byte("key of secrets\x00"), old...))
	return sum[:]
}

// successor is a store that is still DevStream's state. It is read from memory, and becomes a journal when it is opened.
type successor struct {
	store.Store
	place string
	// origin tells one old state from others, key is that of the digests in the entries.
	origin   []byte
	key      []byte
	entries  []store.Entry
	journal  store.Store
	takeOver takeOver
	// taken tells that it was this program that has taken the state over.
	taken bool
}

func (s *successor) String() string {
	if s.journal == nil {
		return s.Store.String()
	}
	return s.place
}

// Load says what the old state says. Whoever reads the same text again gets the same state, so that a saved plan holds.
func (s *successor) Load(ctx context.Context) (*store.State, error) {
	state, err := s.Store.Load(ctx)
	if err == nil && s.journal != nil {
		state.Lineage, state.Key = "devstream-"+base32.HexEncoding.EncodeToString(s.origin)[:26], s.origin
		if s.key != nil {
			state.Key = s.key
		}
	}
	return state, err
}

// Open takes the old state over and opens the journal that it has become. If somebody else has done so in the meantime it wraps
// [store.ErrStale], and the store is that journal.
func (s *successor) Open(ctx context.Context, by store.Holder, seen *store.State) (store.Session, error) {
	if s.journal == nil {
		return s.Store.Open(ctx, by, seen)
	}
	err := s.takeOver(ctx, by, s.entries)
	if overtaken := errors.Is(err, fs.ErrExist) && s.begun(ctx); err != nil && !overtaken {
		return nil, err
	}
	s.Store, s.journal, s.taken = s.journal, nil, err == nil
	now, loadErr := s.Store.Load(ctx)
	if loadErr != nil {
		return nil, loadErr
	}
	if err != nil || now.Serial != uint64(len(s.entries)) {
		return nil, fmt.Errorf("%s: %w", s.place, store.ErrStale)
	}
	return s.Store.Open(ctx, by, now)
}

// Lock tells who holds the lock of the journal to be: one in a bucket outlives who began to take over and died.
func (s *successor) Lock(ctx context.Context) (*store.Lock, error) {
	if bucket, ok := s.journal.(*s3.Store); ok {
		return bucket.Lock(ctx)
	}
	return s.Store.Lock(ctx)
}

// Unlock takes that lock away.
func (s *successor) Unlock(ctx context.Context, id string) error {
	if bucket, ok := s.journal.(*s3.Store); ok {
		return bucket.Unlock(ctx, id)
	}
	return s.Store.Unlock(ctx, id)
}

// begun tells whether the journal has entries.
func (s *successor) begun(ctx context.Context) bool {
	state, err := s.journal.Load(ctx)
	return err == nil && state.Serial > 0
}
