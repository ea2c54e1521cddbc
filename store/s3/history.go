package s3

import (
	"cmp"
	"context"
	"errors"
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
		for _, r := range slices.SortedFunc(maps.Values(f.runs), func(a, b *run) int { return cmp.Compare(b.First, a.First) }) {
			if !yield(r.Run, nil) {
				return
			}
		}
	}
}

// Entries implements store.Store. It reads the run's part of the journal object by object, as the entries are asked for.
func (s *Store) Entries(ctx context.Context, id string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		f, err := s.read(ctx)
		var r *run
		if err == nil {
			r, err = f.run(id)
		}
		if err != nil {
			yield(store.Entry{}, s.explain(err))
			return
		}
		prev := ""
		for first := r.Group; first <= r.Last; {
			g, err := s.readNext(ctx, f.head, first, prev)
			if err != nil {
				yield(store.Entry{}, s.explain(s.pruned(ctx, r, err)))
				return
			}
			for _, e := range g.Entries {
				if e.Run == id && !yield(e, nil) {
					return
				}
			}
			first, prev = g.Last+1, g.Nonce
		}
	}
}

// At implements store.Store. It costs a Load, and for a run that is not the last what the journal holds between the newest
// snapshot before its end and that.
func (s *Store) At(ctx context.Context, id string) (*store.State, error) {
	var state *store.State
	err := s.reading(ctx, func(h *head) error {
		now, err := s.follow(ctx, h)
		if err != nil {
			return err
		}
		r, err := now.run(id)
		if err != nil {
			return err
		}
		if state = now.state; r.Last < now.state.Serial {
			state, err = s.stateAt(ctx, h, r.Last)
		}
		return err
	})
	if err != nil {
		return nil, s.explain(err)
	}
	return state, nil
}

// stateAt is the state as it was after an entry.
func (s *Store) stateAt(ctx context.Context, h *head, last uint64) (*store.State, error) {
	f, err := s.readSnapshot(ctx, h, h.before(last))
	if err != nil {
		return nil, err
	}
	for f.state.Serial < last {
		g, err := s.readNext(ctx, h, f.state.Serial+1, f.link)
		if err != nil {
			return nil, err
		}
		g.Entries = slices.DeleteFunc(g.Entries, func(e store.Entry) bool { return e.Seq > last })
		f.apply(g)
	}
	return f.state, nil
}

// run returns what is known of a run, or wraps store.ErrNoRun.
func (f *folded) run(id string) (*run, error) {
	r := f.runs[id]
	if r == nil {
		return nil, fmt.Errorf("%w: %q", store.ErrNoRun, id)
	}
	return r, nil
}

// pruned returns err, unless what is missing was pruned while it was read.
func (s *Store) pruned(ctx context.Context, r *run, err error) error {
	var gone *goneError
	if !errors.As(err, &gone) {
		return err
	}
	if now, headErr := s.readHead(ctx); headErr == nil && now != nil && r.First < now.First {
		return fmt.Errorf("%w: %q was pruned while it was read", store.ErrNoRun, r.ID)
	}
	return err
}
