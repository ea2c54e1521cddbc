package bolt

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
)

// At implements store.Store. It folds what the journal has between the base, or the snapshot where that lies before the
// run's end, and the end.
func (s *Store) At(ctx context.Context, run string) (*store.State, error) {
	var state *store.State
	err := s.read(ctx, true, func(tx *bbolt.Tx, head header) error {
		r, err := findRun(ctx, tx, head, run)
		if err == nil && r.First == 0 {
			err = fmt.Errorf("%w: %q", store.ErrNoRun, run)
		}
		if err != nil {
			return err
		}
		name, from := baseBucket, head.base
		if r.Last >= head.snapshot {
			name, from = toolsBucket, head.snapshot
		}
		f := newFolded(head)
		f.state.Serial = from
		// A store that has never forgotten a run has no base.
		if from > 0 || tx.Bucket(name) != nil {
			b, err := bucket(tx, name)
			if err != nil {
				return err
			}
			if f.state.Tools, err = readTools(ctx, head.ring, b, name); err != nil {
				return err
			}
		}
		state = f.state
		return eachEntry(ctx, tx, head, from+1, r.Last, func(e store.Entry) error {
			state.Apply(e)
			return nil
		})
	})
	if err == nil && state == nil {
		err = s.explain(fmt.Errorf("%w: %q", store.ErrNoRun, run)) // there is no store
	}
	if err != nil {
		return nil, err
	}
	return state, nil
}
