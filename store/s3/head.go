package s3

import (
	"context"
	"crypto/rand"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

const headName = "head.json"

// head is where reading begins. It is written when the store is created, with each snapshot, and at the end of a session.
// It may lag behind, for a session may end in any way, but it never runs ahead.
type head struct {
	Lineage string `json:"lineage"`
	Key     []byte `json:"key"`
	// Snapshot is the Seq of the newest snapshot; 0 if there is none.
	Snapshot uint64 `json:"snapshot"`
	// Snapshots are the Seqs of all that may be read, ascending. Snapshot is the last of them.
	Snapshots []uint64 `json:"snapshots,omitempty"`
	// Serial is an entry up to which the journal must be there.
	Serial uint64 `json:"serial"`
	// First is the first entry of the oldest run that is remembered: those that began before it were pruned.
	First uint64 `json:"first,omitempty"`
	// Begin is the first entry of the oldest group that stays; 0 means 1. There is a snapshot right before it, unless it
	// is the first of all.
	Begin uint64 `json:"begin,omitempty"`
	// Doomed is what is to be deleted.
	Doomed *doomed `json:"doomed,omitempty"`
	// Rekeying tells that objects are being encrypted or decrypted, so that some are in clear and some are not.
	Rekeying bool   `json:"rekeying,omitempty"`
	Nonce    string `json:"nonce"`

	etag string
	// ring is the store's keys; nil if it is in clear.
	ring *keyring.Ring
}

// doomed are objects that nobody who has read the head since reads any more.
type doomed struct {
	// Since is when that was said, by the server's clock.
	Since     time.Time `json:"since"`
	Groups    []uint64  `json:"groups,omitempty"`
	Snapshots []uint64  `json:"snapshots,omitempty"`
}

// readHead returns nil if the store does not exist. It wraps keyring.ErrKeys if the store's keys do not open it.
func (s *Store) readHead(ctx context.Context) (*head, error) {
	got, err := s.client.get(ctx, headName)
	if err != nil || got == nil {
		return nil, err
	}
	e, err := open(headName, got.body)
	if err != nil {
		return nil, err
	}
	h := &head{etag: got.etag}
	switch {
	case e.sealed == nil && !s.keys.IsZero():
		return nil, errClear
	case e.sealed != nil && s.keys.IsZero():
		return nil, errSealed
	case e.sealed != nil:
		if h.ring, err = s.openRing(e.ring); err != nil {
			return nil, err
		}
	}
	body, err := e.plain(h.ring, false, headName)
	if err != nil {
		return nil, err
	}
	if err := decode(headName, body, h); err != nil {
		return nil, err
	}
	if len(h.Snapshots) == 0 && h.Snapshot > 0 {
		h.Snapshots = []uint64{h.Snapshot} // from before they were remembered
	}
	h.Begin = max(h.Begin, 1)
	if h.Lineage == "" || len(h.Key) == 0 || h.Snapshot > h.Serial || h.Begin > h.Snapshot+1 ||
		len(h.Snapshots) > 0 && h.Snapshots[len(h.Snapshots)-1] != h.Snapshot {
		return nil, damaged("%s is not complete", headName)
	}
	return h, nil
}

// openRing opens the wrapped keys. With a passphrase that takes a while, so the outcome is kept.
func (s *Store) openRing(wrapped []byte) (*keyring.Ring, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ring != nil && slices.Equal(s.ring.Wrapped(), wrapped) {
		return s.ring, nil
	}
	ring, err := keyring.Open(wrapped, s.keys)
	if err != nil {
		return nil, err
	}
	s.ring = ring
	return ring, nil
}

// unseal decodes the body of an object into v.
func (h *head) unseal(name string, raw []byte, v any) error {
	e, err := open(name, raw)
	if err != nil {
		return err
	}
	body, err := e.plain(h.ring, h.Rekeying, name)
	if err != nil {
		return err
	}
	return decode(name, body, v)
}

// sealed returns the object of the head.
func (h *head) sealed() ([]byte, error) {
	body, err := encode(h)
	if err != nil {
		return nil, err
	}
	return wrap(h.ring, headName, body, h.ring.Wrapped()), nil
}

// create makes the store, unless the server ignores conditions.
func (s *Store) create(ctx context.Context, l *lease, f *folded) error {
	if err := l.probe(ctx); err != nil {
		return err
	}
	h := &head{Lineage: rand.Text(), Key: make([]byte, 32), Begin: 1, Nonce: nonce(), ring: l.ring}
	rand.Read(h.Key) // never fails
	body, err := h.sealed()
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

// advance writes how far the journal has come, and what change does to the head; it may call change several times.
// Whoever lost the lock without knowing may have been here too, so what is there is kept where it is further.
func (s *Store) advance(ctx context.Context, f *folded, change func(next *head)) error {
	for range 10 {
		next := *f.head
		next.Snapshots = slices.Clone(next.Snapshots)
		next.Serial = max(next.Serial, f.state.Serial)
		change(&next)
		if reflect.DeepEqual(next, *f.head) {
			return nil
		}
		err := s.putHead(ctx, f, &next)
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
		if !slices.Equal(now.ring.Wrapped(), f.head.ring.Wrapped()) || now.Rekeying != f.head.Rekeying {
			return errLost
		}
		f.head = now
	}
	return errWritten
}

// putHead makes next the head, or wraps errTaken if it is not f's any more.
func (s *Store) putHead(ctx context.Context, f *folded, next *head) error {
	next.Nonce = nonce()
	body, err := next.sealed()
	if err != nil {
		return err
	}
	if next.etag, err = s.client.put(ctx, headName, body, f.head.etag); err != nil {
		return err
	}
	f.head = next
	return nil
}

// folded adds a snapshot. One that is older than the newest is of no use: it comes from a session that lost its lock.
func (h *head) folded(seq uint64) {
	if seq > h.Snapshot {
		h.Snapshot, h.Snapshots = seq, append(h.Snapshots, seq)
	}
}

// before returns the newest snapshot at the entry or before it; 0 if there is none.
func (h *head) before(seq uint64) uint64 {
	for _, at := range slices.Backward(h.Snapshots) {
		if at <= seq {
			return at
		}
	}
	return 0
}

// missing is for a store without a head: it must have no journal. One whose beginning was pruned is known by its lock.
func (s *Store) missing(ctx context.Context) (*folded, error) {
	first, err := s.client.get(ctx, groupName(1))
	if err != nil {
		return nil, err
	}
	was, _, err := s.readLock(ctx)
	if err != nil {
		return nil, err
	}
	if first != nil || was.Made {
		// Somebody may have made the store just after we had looked for its head.
		h, err := s.readHead(ctx)
		if err != nil {
			return nil, err
		}
		if h != nil {
			return s.follow(ctx, h)
		}
		return nil, errHeadless
	}
	return &folded{state: store.NewState(), runs: map[string]*run{}}, nil
}
