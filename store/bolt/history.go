package bolt

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// What is asked for is copied out before it is yielded, and decoded one by one: the lock must not last as long as
// somebody scrolls.

// Runs implements store.Store. It reads all summaries when it begins and holds no lock while it yields.
func (s *Store) Runs(ctx context.Context) iter.Seq2[store.Run, error] {
	type item struct {
		id    string
		run   *store.Run
		value []byte // if run is nil
	}
	return func(yield func(store.Run, error) bool) {
		var items []item
		err := s.read(ctx, false, func(tx *bbolt.Tx, head header) error {
			tail, err := readRuns(ctx, tx, head)
			if err != nil {
				return err
			}
			for id, run := range tail.runs {
				items = append(items, item{id: id, run: run})
			}
			runs := tx.Bucket(runsBucket)
			n := uint64(0)
			err = runs.ForEach(func(key, value []byte) error {
				n++
				if tail.runs[string(key)] == nil {
					items = append(items, item{id: string(key), value: bytes.Clone(value)})
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
		slices.SortFunc(items, func(a, b item) int { return strings.Compare(b.id, a.id) })
		for _, it := range items {
			run := it.run
			if run == nil {
				run = new(store.Run)
				if err := unmarshal([]byte(it.id), it.value, run); err != nil {
					yield(store.Run{}, s.explain(err))
					return
				}
			}
			if !yield(*run, nil) {
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
		err := s.read(ctx, true, func(tx *bbolt.Tx, head header) error {
			r, err := findRun(ctx, tx, head, run)
			if err != nil {
				return err
			}
			if first = r.First; first == 0 {
				return nil
			}
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
			e, err := decodeEntry(seqKey(first+uint64(i)), value)
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
	f := &folded{state: store.NewState(), runs: map[string]*store.Run{}, tools: map[schema.ID]struct{}{}}
	f.state.Serial = head.snapshot
	return f, f.readTail(ctx, tx)
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
		err = unmarshal([]byte(id), value, &run)
	}
	return run, err
}
