package s3

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/devstream-io/dtm/store"
)

const headName = "head.json"

// head is where reading begins. It is written when the store is created, with each snapshot, and at the end of a session.
// It may lag behind, for a session may end in any way, but it never runs ahead.
type head struct {
	Lineage string `json:"lineage"`
	Key     []byte `json:"key"`
	// Snapshot is the Seq of the newest snapshot; 0 if there is none.
	Snapshot uint64 `json:"snapshot"`
	// Serial is an entry up to which the journal must be there.
	Serial uint64 `json:"serial"`
	Nonce  string `json:"nonce"`

	etag string
}

// readHead returns nil if the store does not exist.
func (s *Store) readHead(ctx context.Context) (*head, error) {
	got, err := s.client.get(ctx, headName)
	if err != nil || got == nil {
		return nil, err
	}
	h := &head{etag: got.etag}
	if err := unseal(headName, got.body, h); err != nil {
		return nil, err
	}
	if h.Lineage == "" || len(h.Key) == 0 || h.Snapshot > h.Serial {
		return nil, damaged("%s is not complete", headName)
	}
	return h, nil
}

// create makes the store, unless the server ignores conditions.
func (s *Store) create(ctx context.Context, l *lease, f *folded) error {
	if err := l.probe(ctx); err != nil {
		return err
	}
	h := &head{Lineage: rand.Text(), Key: make([]byte, 32), Nonce: nonce()}
	rand.Read(h.Key) // never fails
	body, err := seal(headName, h)
	if err != nil {
		return err
	}
	if h.etag, err = s.client.put(ctx, headName, body, ""); errors.Is(err, errTaken) {
		return errLost
	} else if err != nil {
		return err
	}
	f.head, f.link = h, h.Lineage
	f.state.Lineage, f.state.Key = h.Lineage, h.Key
	return nil
}

// advance writes how far snapshot and journal have come. Whoever lost the lock without knowing may have been here
// too, so what is there is kept where it is further.
func (s *Store) advance(ctx context.Context, f *folded, snapshot uint64) error {
	for range 10 {
		next := *f.head
		next.Snapshot, next.Serial, next.Nonce = max(next.Snapshot, snapshot), max(next.Serial, f.state.Serial), nonce()
		if next.Snapshot == f.head.Snapshot && next.Serial == f.head.Serial {
			return nil
		}
		body, err := seal(headName, next)
		if err != nil {
			return err
		}
		next.etag, err = s.client.put(ctx, headName, body, f.head.etag)
		if err == nil {
			f.head = &next
			return nil
		}
		if !errors.Is(err, errTaken) {
			return err
		}
		now, err := s.readHead(ctx)
		if err != nil {
			return err
		}
		if now == nil || now.Lineage != f.head.Lineage {
			return damaged("%s was removed or replaced while it was in use", headName)
		}
		f.head = now
	}
	return errWritten
}

// missing is for a store without a head: it must have no journal.
func (s *Store) missing(ctx context.Context) (*folded, error) {
	first, err := s.client.get(ctx, groupName(1))
	if err != nil {
		return nil, err
	}
	if first != nil {
		return nil, damaged("there is a journal, but no %s: was the store emptied by hand?", headName)
	}
	return &folded{state: store.NewState(), runs: map[string]*run{}}, nil
}
