package bolt

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

// What is asked for is copied out before it is decoded and yielded: the lock must not last as long as somebody scrolls.

// Runs implements store.Store. It reads all summaries when it begins and holds no lock while it yields.
func (s *Store) Runs(ctx context.Context) iter.Seq2[store.Run, error] {
	return func(yield func(store.Run, error) bool) {
		var all []store.Run
		var stored []pair
		var ring *keyring.Ring
		err := s.read(ctx, false, func(tx *bbolt.Tx, head header) error {
			tail, err := readRuns(ctx, tx, head)
			if err != nil {
				return err
			}
			ring = head.ring
			for _, run := range tail.runs {
				all = append(all, *run)
			}
			runs := tx.Bucket(runsBucket)
			n := uint64(0)
			err = runs.ForEach(func(key, value []byte) error {
				n++
				if tail.runs[string(key)] == nil {
					stored = append(stored, pair{bytes.Clone(key), bytes.Clone(value)})
				}
				return nil
			})
			if err == nil && n != runs.Sequence() {
				err = damaged("there are %d runs, but there should be %d", n, runs.Sequence())
			}
			return err
		})
		if err != nil {
			yield(store.Run{}, err)
			return
		}
		for _, p := range stored {
			var run store.Run
			if err := unmarshal(ring, runsBucket, p.key, p.value, &run); err != nil {
				yield(store.Run{}, s.explain(err))
				return
			}
			all = append(all, run)
		}
		slices.SortFunc(all, func(a, b store.Run) int { return cmp.Compare(b.First, a.First) })
		for _, run := range all {
			if !yield(run, nil) {
				return
			}
		}
	}
}

// Entries implements store.Store. It reads the run's part of the journal when it begins and holds no lock while it yields.
func (s *Store) Entries(ctx context.Context, run string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		var first uint64
		var values [][]byte
		var ring *keyring.Ring
		err := s.read(ctx, true, func(tx *bbolt.Tx, head header) error {
			r, err := findRun(ctx, tx, head, run)
			if err != nil {
				return err
			}
			if first = r.First; first == 0 {
				return nil
			}
			ring = head.ring
			c := tx.Bucket(journalBucket).Cursor()
			key, value := c.Seek(seqKey(r.First))
			for seq := r.First; seq <= r.Last; seq++ {
				if !bytes.Equal(key, seqKey(seq)) {
					return damaged("entry %d is missing", seq)
				}
				values = append(values, bytes.Clone(value))
				key, value = c.Next()
			}
			return ctx.Err()
		})
		if err == nil && first == 0 {
			err = s.explain(fmt.Errorf("%w: %q", store.ErrNoRun, run))
		}
		if err != nil {
			yield(store.Entry{}, err)
			return
		}
		for i, value := range values {
			e, err := decodeEntry(ring, seqKey(first+uint64(i)), value)
			if err != nil {
				yield(store.Entry{}, s.explain(err))
				return
			}
			if e.Run == run && !yield(e, nil) {
				return
			}
		}
	}
}

// readRuns folds what the journal has behind the snapshot; of the result only the runs count.
func readRuns(ctx context.Context, tx *bbolt.Tx, head header) (*folded, error) {
	f := newFolded(head)
	return f, f.readTail(ctx, tx, head)
}

// findRun returns the zero Run if there is none of that ID.
func findRun(ctx context.Context, tx *bbolt.Tx, head header, id string) (store.Run, error) {
	tail, err := readRuns(ctx, tx, head)
	if err != nil {
		return store.Run{}, err
	}
	if run := tail.runs[id]; run != nil {
		return *run, nil
	}
	var run store.Run
	runs, err := bucket(tx, runsBucket)
	if err != nil {
		return run, err
	}
	if value := runs.Get([]byte(id)); id != "" && value != nil {
		err = unmarshal(head.ring, runsBucket, []byte(id), value, &run)
	}
	return run, err
}
