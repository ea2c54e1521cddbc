package bolt

import (
	"bytes"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// Forgetting begins with the oldest entry and ends before the first entry of the oldest run that stays. What is forgotten
// is folded into the base in the same transaction, so whatever happens the base and the journal together are everything;
// the snapshot has nothing to do with it. A note in the meta bucket tells of a pruning that was not completed.

// pruneEntries and pruneBytes bound one transaction of a pruning, and with it how long readers wait and how much memory it
// takes.
const (
	pruneEntries = 5_000
	pruneBytes   = 16 << 20
)

// prune forgets the oldest runs if there are more than the store keeps. The snapshot must be up to date.
func (s *session) prune() error {
	for {
		needed := false
		err := s.file.view(func(tx *bbolt.Tx, _ header) error {
			needed = tx.Bucket(metaBucket).Get(pruningKey) != nil || s.tooMany(tx) > 0
			return nil
		})
		if err != nil || !needed {
			return err
		}
		if err := s.file.commit(s.pruneSome); err != nil {
			return err
		}
	}
}

// tooMany is how many runs there are too many.
func (s *session) tooMany(tx *bbolt.Tx) int {
	if s.store.keep <= 0 {
		return 0
	}
	return max(0, int(tx.Bucket(runsBucket).Sequence())-s.store.keep)
}

// pruneSome is one transaction.
func (s *session) pruneSome(tx *bbolt.Tx) error {
	head, err := readHeader(tx, s.file.unwrap)
	if err != nil {
		return err
	}
	gone, err := s.oldest(tx, head)
	if err != nil {
		return err
	}
	base, err := tx.CreateBucketIfNotExists(baseBucket)
	if err != nil {
		return err
	}
	if err := foldInto(base, head, gone.entries); err != nil {
		return err
	}
	journal, runs, meta := tx.Bucket(journalBucket), tx.Bucket(runsBucket), tx.Bucket(metaBucket)
	for _, e := range gone.entries {
		if err := journal.Delete(seqKey(e.Seq)); err != nil {
			return err
		}
	}
	for _, id := range gone.runs {
		if err := runs.Delete([]byte(id)); err != nil {
			return err
		}
	}
	if err := runs.SetSequence(runs.Sequence() - uint64(len(gone.runs))); err != nil {
		return err
	}
	if err := put(meta, baseKey, head.base+uint64(len(gone.entries))); err != nil {
		return err
	}
	if gone.all {
		return meta.Delete(pruningKey)
	}
	return put(meta, pruningKey, true)
}

// outdated is what one transaction forgets.
type outdated struct {
	entries []store.Entry
	runs    []string // those that begin with one of the entries
	all     bool     // tells that nothing is left to be forgotten after this
}

// oldest finds the oldest entries that are not of a run that stays, nor behind its first.
func (s *session) oldest(tx *bbolt.Tx, head header) (*outdated, error) {
	got := &outdated{all: true}
	tooMany, size := s.tooMany(tx), 0
	runs := tx.Bucket(runsBucket)
	seen := map[string]bool{"": true}
	c := tx.Bucket(journalBucket).Cursor()
	for key, value := c.First(); key != nil; key, value = c.Next() {
		seq := head.base + uint64(len(got.entries)) + 1
		if !bytes.Equal(key, seqKey(seq)) {
			return nil, damaged("entry %d is missing", seq)
		}
		if size += len(value); len(got.entries) == pruneEntries || size > pruneBytes && len(got.entries) > 0 {
			got.all = false
			break
		}
		e, err := decodeEntry(head.ring, key, value)
		if err != nil {
			return nil, err
		}
		if !seen[e.Run] {
			seen[e.Run] = true
			begins, err := beginsWith(runs, head, e)
			if err != nil {
				return nil, err
			}
			if begins && len(got.runs) == tooMany {
				break
			}
			if begins {
				got.runs = append(got.runs, e.Run)
			}
		}
		got.entries = append(got.entries, e)
	}
	return got, nil
}

// beginsWith tells whether the entry is the first of its run. If it is not, the run was forgotten before.
func beginsWith(runs *bbolt.Bucket, head header, e store.Entry) (bool, error) {
	key := []byte(e.Run)
	value := runs.Get(key)
	if value == nil {
		return false, nil
	}
	var run store.Run
	err := unmarshal(head.ring, runsBucket, key, value, &run)
	return run.First == e.Seq, err
}

// foldInto brings the base up to date. It reads only the tools that the entries are about, unless one of them was moved:
// then any other may depend on it.
func foldInto(base *bbolt.Bucket, head header, entries []store.Entry) error {
	f := newFolded(head)
	read := func(key, value []byte) error {
		tool := new(store.Tool)
		if err := decodeTool(head.ring, baseBucket, key, value, tool); err != nil {
			return err
		}
		f.state.Tools[tool.ID] = tool
		return nil
	}
	about, moved := map[schema.ID]bool{}, false
	for _, e := range entries {
		about[e.Tool] = true
		moved = moved || e.Kind == store.Moved
	}
	if moved {
		if err := base.ForEach(read); err != nil {
			return err
		}
	} else {
		for id := range about {
			key := toolKey(head.ring, id)
			if value := base.Get(key); value != nil {
				if err := read(key, value); err != nil {
					return err
				}
			}
		}
	}
	for _, e := range entries {
		f.touch(e)
		f.state.Apply(e)
	}
	return f.writeTools(base, baseBucket)
}
