package bolt

import (
	"bytes"
	"fmt"

	"github.com/devstream-io/dtm/store/keyring"
)

// What is encrypted: every entry, tool and run, and of the header all but the format and the ring itself. What shows is the
// IDs of runs, how many entries there are, and how long.

// errInClear is of a store that is not encrypted though there are keys.
var errInClear = fmt.Errorf("%w: it is not encrypted", keyring.ErrKeys)

// unopened is a ring that must be opened first.
type unopened struct{ wrapped []byte }

func (*unopened) Error() string { return "the ring of keys is not open" }

// unwrap opens the ring of a store, or returns the one that it has opened before: that takes a tenth of a second with a
// passphrase. Of a store in clear the ring is nil.
func (s *Store) unwrap(wrapped []byte) (*keyring.Ring, error) {
	ring, err := s.unwrapped(wrapped)
	if _, ok := err.(*unopened); !ok {
		return ring, err
	}
	if ring, err = keyring.Open(bytes.Clone(wrapped), s.keys); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ring = ring
	return ring, nil
}

// unwrapped is unwrap where there is no time: it returns *unopened if the ring is not open yet.
func (s *Store) unwrapped(wrapped []byte) (*keyring.Ring, error) {
	if len(wrapped) == 0 {
		if !s.keys.IsZero() {
			return nil, errInClear
		}
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ring != nil && bytes.Equal(s.ring.Wrapped(), wrapped) {
		return s.ring, nil
	}
	return nil, &unopened{wrapped}
}

// newRing makes the ring of a new store, and sees to it that it can be opened again: who may encrypt need not be able to
// decrypt.
func (s *Store) newRing() (*keyring.Ring, error) {
	if s.keys.IsZero() {
		return nil, nil
	}
	ring, err := keyring.New(s.keys)
	if err != nil {
		return nil, err
	}
	return s.unwrap(ring.Wrapped())
}
