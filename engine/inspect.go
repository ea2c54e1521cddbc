package engine

import (
	"context"
	"encoding/json"

	"golang.org/x/sync/errgroup"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// Finding is what is recorded of a tool, and what was found of it.
type Finding struct {
	ID   schema.ID
	Have *store.Tool
	// Resource is what exists; nil if it is gone, in doubt, or could not be read.
	Resource json.RawMessage
	// Gone tells that nothing exists, Drifted that what exists is not what was left.
	Gone, Drifted bool
	// Err is why it could not be read.
	Err error
}

// Inspect reads recorded tools with the options that were applied, in parallel, and returns them in the order of ids.
// It needs no configuration. What is in doubt is not read.
func (e *Engine) Inspect(ctx context.Context, state *store.State, ids []schema.ID) ([]Finding, error) {
	found := make([]Finding, len(ids))
	m := &planner{engine: e, state: state}
	var group errgroup.Group
	group.SetLimit(e.Parallel)
	for i, id := range ids {
		group.Go(func() error {
			have := state.Tools[id]
			found[i] = Finding{ID: id, Have: have}
			if !have.Exists || have.Doubt != nil {
				return nil
			}
			r := m.read(ctx, have)
			found[i].Resource, found[i].Gone, found[i].Drifted, found[i].Err = r.resource, r.gone, r.gone, r.err
			if !r.gone && r.err == nil && r.left != nil {
				diffs, err := diffResources(r.left, r.resource)
				found[i].Drifted, found[i].Err = len(diffs) > 0, err
			}
			return nil
		})
	}
	return found, group.Wait()
}
