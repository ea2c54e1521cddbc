package s3

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

// group is an object of the journal: entries that were made durable together.
type group struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Token is that of the lock it was written under; for people.
	Token uint64 `json:"token"`
	// Nonce names this group, Prev the one before it; of the first it is the lineage. So whatever is not the
	// continuation of what has been read is noticed.
	Nonce   string        `json:"nonce"`
	Prev    string        `json:"prev"`
	Entries []store.Entry `json:"entries"`
}

func groupName(first uint64) string { return fmt.Sprintf("journal/%020d.json", first) }

// readGroup returns nil if there is no group that begins with this entry.
func (s *Store) readGroup(ctx context.Context, h *head, first uint64) (*group, error) {
	name := groupName(first)
	got, err := s.client.get(ctx, name)
	if err != nil || got == nil {
		return nil, err
	}
	g := new(group)
	if err := h.unseal(name, got.body, g); err != nil {
		return nil, err
	}
	return g, g.check(first)
}

// readNext is readGroup for a group that must be there and follow the one whose Nonce is prev; empty if that is not known.
func (s *Store) readNext(ctx context.Context, h *head, first uint64, prev string) (*group, error) {
	g, err := s.readGroup(ctx, h, first)
	switch {
	case err != nil:
		return nil, err
	case g == nil:
		return nil, &goneError{groupName(first) + " is missing"}
	case prev != "" && g.Prev != prev:
		return nil, g.unlinked()
	}
	return g, nil
}

func (g *group) unlinked() error {
	return damaged("%s does not follow the entries before it", groupName(g.First))
}

// check tells whether the group is what its name says.
func (g *group) check(first uint64) error {
	name := groupName(first)
	if g.First != first || g.Last != first+uint64(len(g.Entries))-1 || len(g.Entries) == 0 || g.Nonce == "" {
		return damaged("%s does not hold the entries it should", name)
	}
	for i, e := range g.Entries {
		if e.Seq != first+uint64(i) {
			return damaged("%s holds entry %d where %d should be", name, e.Seq, first+uint64(i))
		}
	}
	return nil
}

// sealGroup returns the object of a group whose entries encodeEntry has encoded.
func sealGroup(ring *keyring.Ring, g group, encoded [][]byte) ([]byte, error) {
	entries := make([]json.RawMessage, len(encoded))
	for i, text := range encoded {
		entries[i] = numberEntry(g.First+uint64(i), text)
	}
	g.Entries = nil
	return seal(ring, groupName(g.First), struct {
		group
		Entries []json.RawMessage `json:"entries"`
	}{g, entries})
}

// noSeq is how the JSON of an entry without a number begins.
const noSeq = `{"seq":0,`

// encodeEntry returns the JSON of an entry without its number. That way callers encode, each on a goroutine of its own,
// and hear of what cannot be encoded before it can harm the entries of others.
func encodeEntry(e store.Entry) ([]byte, error) {
	e.Seq = 0
	text, err := encode(e)
	if err != nil {
		return nil, err
	}
	return bytes.TrimPrefix(text, []byte(noSeq)), nil
}

func numberEntry(seq uint64, encoded []byte) []byte {
	text := strconv.AppendUint([]byte(`{"seq":`), seq, 10)
	return append(append(text, ','), encoded...)
}

// asRead is the entry as a fold keeps it that reads it: raw values are compact.
func asRead(e store.Entry) store.Entry {
	e = e.Folded()
	for _, raw := range []*json.RawMessage{&e.Options, &e.Resource} {
		if len(*raw) == 0 {
			*raw = nil
			continue
		}
		var b bytes.Buffer
		if json.Compact(&b, *raw) == nil { // it was encoded before
			*raw = b.Bytes()
		}
	}
	return e
}
