package engine

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// change carries out one change.
func (r *run) change(ctx context.Context, c *Change, began time.Time) error {
	switch {
	case c.Action == Delete:
		return r.delete(ctx, c, began, store.ActionDelete, c.given)
	case c.refresh:
		return r.accept(ctx, c, began)
	}
	w, err := r.wish(c)
	if err != nil {
		return r.fail(ctx, c, began, err)
	}
	action, diff := c.Action, c.Diff
	if (len(c.Unknown) > 0 || c.recordOnly || r.referred(c)) && action != Create && !c.parted {
		// What was unknown is known now, and may be what it was; what was known may be other than it was.
		if action, diff, err = r.decideAgain(c, w); err == nil && action == Replace && c.Action != Replace {
			err = errFollow
		}
		if err != nil {
			return r.fail(ctx, c, began, err)
		}
	}
	switch {
	case action == NoOp:
		return r.keep(ctx, c, w, began)
	case action == Replace && !c.parted:
		if err := r.delete(ctx, c, began, store.ActionReplace, w.filled); err != nil {
			return err
		}
	}
	return r.put(ctx, c, action, diff, w, began)
}

// referred tells whether the outputs of a tool that c refers to are not what c was planned with.
func (r *run) referred(c *Change) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(c.Want.References, func(ref schema.Reference) bool { return r.moved[ref.Tool] })
}

// decideAgain decides with what the tools before this one have left. It never decides for more than was planned, unless
// c is referred: a field that was unknown was planned as if it changed.
func (r *run) decideAgain(c *Change, w wish) (Action, []store.FieldDiff, error) {
	options, err := diffOptions(r.engine.Definition(c.ID.Plugin()), recorded(c.Have), w.sealed, nil)
	if err != nil {
		return NoOp, nil, err
	}
	options = heeded(c.Want.Lifecycle, c.Have, options)
	action, reason := decide(situation{
		wanted: true, needs: c.DependsOn, have: c.Have, options: options, resource: c.drift,
		lifecycle: !c.Want.Lifecycle.Equal(lifecycleOf(c.Have)),
	})
	if recordsOnly(reason) {
		action = NoOp
	}
	return action, append(options, c.drift...), nil
}

// errFollow says that more would have to be done than the plan has shown.
var errFollow = errors.New("a tool that it refers to was repaired and has other outputs now, so it would have to be replaced; run again to see the plan")

// follow changes a tool that was to stay as it is, if the repair of a tool that it refers to has not brought back the
// outputs. It never replaces: nothing is deleted that the plan did not show.
func (r *run) follow(ctx context.Context, c *Change, began time.Time) error {
	if c.Want == nil || !r.referred(c) {
		return nil
	}
	w, err := r.wish(c)
	if err != nil {
		return r.fail(ctx, c, began, err)
	}
	action, diff, err := r.decideAgain(c, w)
	switch {
	case err != nil:
	case action == Replace:
		err = errFollow
	case action == NoOp:
		return nil
	}
	if err != nil {
		return r.fail(ctx, c, began, err)
	}
	return r.put(ctx, c, action, diff, w, began)
}

// wish is what a tool is to become, in all the forms that are needed.
type wish struct {
	sealed
	// filled has the secrets, opened is what the plugin gets.
	filled, opened json.RawMessage
}

// wish fills in what the tools before this one have left.
func (r *run) wish(c *Change) (w wish, err error) {
	def := r.engine.Definition(c.ID.Plugin())
	if w.filled, _, err = fill(c.Want.Options, r.outputs); err != nil {
		return w, err
	}
	if w.filled, _, err = ignore(c.Want.Lifecycle, c.Have, w.filled, nil); err != nil {
		return w, err
	}
	if w.sealed, err = r.engine.seal(def, w.filled, nil, r.key); err != nil {
		return w, err
	}
	w.opened, err = r.engine.open(def, w.filled, w.filled)
	return w, err
}

// outputs is what references mean now. Whatever a tool waits for is done, so everything is known.
func (r *run) outputs(ref schema.Reference) (any, bool, error) {
	r.mu.Lock()
	resource := r.resources[ref.Tool]
	r.mu.Unlock()
	return output(resource, ref)
}

// keep records a tool that turned out to be as it should be, where anything of the record changes.
func (r *run) keep(ctx context.Context, c *Change, w wish, began time.Time) error {
	if !sameNeeds(c.DependsOn, c.Have.DependsOn) || !c.Want.Lifecycle.Equal(lifecycleOf(c.Have)) {
		err := r.record(ctx, store.Entry{
			Kind: store.Applied, Tool: c.ID, Action: store.ActionUpdate, DependsOn: c.DependsOn, Options: w.options,
			Digests: w.digests, Resource: c.current, Lifecycle: recordedLifecycle(c.Want.Lifecycle), Diff: c.Diff, Duration: c.Have.Took,
		})
		if err != nil {
			return err
		}
		r.count(func(n *store.Counts) { n.Updated++ })
	}
	r.engine.emit(Finished{ID: c.ID, Action: c.Action, Unchanged: !c.recordOnly, Time: r.engine.Now(), Duration: r.since(began)})
	return nil
}
