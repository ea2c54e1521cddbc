package bolt

import (
	"encoding/json"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

// header says what the store is. An encrypted one has Keyring and Sealed instead of Lineage and Key.
type header struct {
	Format  int    `json:"format"`
	Lineage string `json:"lineage,omitempty"`
	Key     []byte `json:"key,omitempty"`
	// Keyring is as keyring.Ring.Wrapped has it, Sealed is the identity.
	Keyring []byte `json:"keyring,omitempty"`
	Sealed  []byte `json:"sealed,omitempty"`

	snapshot, base uint64
	ring           *keyring.Ring
}

// identity is what nobody is to know of an encrypted store.
type identity struct {
	Lineage string `json:"lineage"`
	Key     []byte `json:"key"`
}

// stored is the header as it is stored under a ring.
func (h header) stored(ring *keyring.Ring) (header, error) {
	if ring == nil {
		return header{Format: store.Format, Lineage: h.Lineage, Key: h.Key}, nil
	}
	raw, err := json.Marshal(identity{h.Lineage, h.Key})
	return header{Format: store.Format, Keyring: ring.Wrapped(), Sealed: ring.Seal(placeOf(metaBucket, headerKey), raw)}, err
}

// open is the reverse of stored.
func (h *header) open(unwrap func([]byte) (*keyring.Ring, error)) (err error) {
	if h.ring, err = unwrap(h.Keyring); err != nil || h.ring == nil {
		return err
	}
	raw, err := h.ring.Unseal(placeOf(metaBucket, headerKey), h.Sealed)
	if err != nil {
		return damaged("%v", err)
	}
	var id identity
	if err := json.Unmarshal(raw, &id); err != nil {
		return damaged("the header cannot be decoded: %v", err)
	}
	h.Lineage, h.Key = id.Lineage, id.Key
	return nil
}

func readHeader(tx *bbolt.Tx, unwrap func([]byte) (*keyring.Ring, error)) (header, error) {
	var h header
	meta, err := bucket(tx, metaBucket)
	if err != nil {
		return h, err
	}
	value := meta.Get(headerKey)
	var format struct {
		Format int `json:"format"`
	}
	if err := unmarshal(nil, metaBucket, headerKey, value, &format); err != nil {
		return h, err
	}
	if format.Format > store.Format {
		return h, newer(format.Format)
	}
	if err := unmarshal(nil, metaBucket, headerKey, value, &h); err != nil {
		return h, err
	}
	if err := h.open(unwrap); err != nil {
		return h, err
	}
	if h.Format < 1 || h.Lineage == "" || len(h.Key) == 0 {
		return h, damaged("the header is not complete")
	}
	if value := meta.Get(baseKey); value != nil {
		if err := unmarshal(nil, metaBucket, baseKey, value, &h.base); err != nil {
			return h, err
		}
	}
	err = unmarshal(nil, metaBucket, snapshotKey, meta.Get(snapshotKey), &h.snapshot)
	if err == nil && h.base > h.snapshot {
		err = damaged("the journal begins behind entry %d, but the snapshot is of entry %d", h.base, h.snapshot)
	}
	return h, err
}
