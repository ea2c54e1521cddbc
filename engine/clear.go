package engine

import (
	"context"
	"encoding/json"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/store"
)

// clear removes what was begun with options that are not wanted any more, so that it does not stay behind. started tells
// whether there was anything to do.
func (r *run) clear(ctx context.Context, kind plugins.Kind, c *Change, action Action, w wish, began time.Time) (started bool, err error) {
	if c.Have == nil {
		return false, nil
	}
	for _, d := range c.Have.Doubts() {
		did, err := r.clearOne(ctx, kind, c, action, w, d, began, !started)
		started = started || did
		if err != nil {
			return started, err
		}
	}
	return started, nil
}

func (r *run) clearOne(ctx context.Context, kind plugins.Kind, c *Change, action Action, w wish, d *store.Doubt, began time.Time, first bool) (bool, error) {
	if d.Options == nil || sameJSON(d.Options, w.options) || c.Have.Exists && sameJSON(d.Options, c.Have.Options) {
		return false, nil
	}
	begun, err := r.engine.open(r.engine.Definition(c.ID.Plugin()), d.Options, w.filled)
	if err != nil {
		return false, r.fail(ctx, c, began, err)
	}
	at, err := kind.Identity(ctx, begun)
	if err != nil {
		return false, r.fail(ctx, c, began, err)
	}
	if same, err := r.holds(ctx, kind, c, w, at); err != nil {
		return false, r.fail(ctx, c, began, err)
	} else if same || r.another(ctx, kind, c, begun) {
		return false, nil
	}
	intent := store.Entry{Kind: store.Intent, Tool: c.ID, Action: action.String(), DependsOn: d.DependsOn, Options: d.Options, Digests: d.Digests, Lifecycle: d.Lifecycle}
	if at == "" {
		// What was begun becomes what is wanted. Half-way it may be either; the journal keeps the earlier doubt.
		intent.DependsOn, intent.Options, intent.Digests, intent.Lifecycle = c.DependsOn, w.options, w.digests, recordedLifecycle(c.Want.Lifecycle)
	}
	if err := r.record(ctx, intent); err != nil {
		return false, err
	}
	if first {
		r.engine.emit(Started{ID: c.ID, Action: action, Time: began})
	}
	// What was begun may have other names than what is recorded, so the recorded resource must not point elsewhere.
	err = r.verb(ctx, c, action, func(ctx context.Context) error {
		if at == "" {
			_, err := kind.Update(ctx, w.opened, begun, nil)
			return err
		}
		return kind.Delete(ctx, begun, nil)
	})
	if err != nil {
		return true, r.fail(ctx, c, began, err)
	}
	return true, nil
}

// holds tells whether the thing is what is wanted or what is recorded.
func (r *run) holds(ctx context.Context, kind plugins.Kind, c *Change, w wish, thing string) (bool, error) {
	if thing == "" {
		return false, nil
	}
	wanted, err := kind.Identity(ctx, w.opened)
	if err != nil || wanted == thing || !c.Have.Exists {
		return wanted == thing, err
	}
	have, err := r.engine.open(r.engine.Definition(c.ID.Plugin()), c.Have.Options, w.filled)
	if err != nil {
		return false, err
	}
	recorded, err := kind.Identity(ctx, have)
	return recorded == thing, err
}

// take notes the thing that a tool makes its own, so that one that had it before does not remove it.
func (r *run) take(ctx context.Context, kind plugins.Kind, c *Change, w wish) {
	if at, err := kind.Identity(ctx, w.opened); err == nil && at != "" {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.taken[thing{c.ID.Plugin(), at}] = c.ID
	}
}

// another tells whether another tool has the thing of these options, and is to have it.
func (r *run) another(ctx context.Context, kind plugins.Kind, c *Change, options json.RawMessage) bool {
	at, err := kind.Identity(ctx, options)
	if err != nil || at == "" {
		return false
	}
	holder, taken := r.plan.kept[thing{c.ID.Plugin(), at}]
	if !taken {
		r.mu.Lock()
		defer r.mu.Unlock()
		holder, taken = r.taken[thing{c.ID.Plugin(), at}]
	}
	return taken && holder != c.ID
}
