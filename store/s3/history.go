package s3

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/devstream-io/dtm/store"
)

// Runs implements store.Store. It reads all summaries when it begins, at the price of a Load.
func (s *Store) Runs(ctx context.Context) iter.Seq2[store.Run, error] {
	return func(yield func(store.Run, error) bool) {
		f, err := s.read(ctx)
		if err != nil {
			yield(store.Run{}, s.explain(err))
			return
		}
		for _, r := range slices.SortedFunc(maps.Values(f.runs), func(a, b *run) int { return cmp.Compare(b.ID, a.ID) }) {
			if !yield(r.Run, nil) {
				return
			}
		}
	}
}

// Entries implements store.Store. It reads the run's part of the journal object by object, as the entries are asked for.
func (s *Store) Entries(ctx context.Context, run string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		f, err := s.read(ctx)
		if err == nil && f.runs[run] == nil {
			err = fmt.Errorf("%w: %q", store.ErrNoRun, run)
		}
		if err != nil {
			yield(store.Entry{}, s.explain(err))
			return
		}
		r := f.runs[run]
		prev := ""
		for first := r.Group; first <= r.Last; {
			g, err := s.readGroup(ctx, first)
			if err == nil && g == nil {
				err = damaged("%s is missing", groupName(first))
			}
			if err == nil && prev != "" && g.Prev != prev {
				err = damaged("%s does not follow the entries before it", groupName(first))
			}
			if err != nil {
				yield(store.Entry{}, s.explain(err))
				return
			}
			for _, e := range g.Entries {
				if e.Run == run && !yield(e, nil) {
					return
				}
			}
			first, prev = g.Last+1, g.Nonce
		}
	}
}
