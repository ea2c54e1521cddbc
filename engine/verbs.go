package engine

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/store"
)

// put creates or updates.
func (r *run) put(ctx context.Context, c *Change, action Action, diff []store.FieldDiff, w wish, began time.Time) error {
	kind, ok := r.engine.Plugins[c.ID.Plugin()]
	if !ok {
		return r.fail(ctx, c, began, unknownPlugin(c.ID))
	}
	if len(c.Unknown) > 0 {
		if err := r.engine.validate(ctx, kind, w.opened); err != nil {
			return r.fail(ctx, c, began, err)
		}
	}
	started := action == Replace && !c.lifecycle().KeepOnDelete // delete has told
	if action != Replace {
		var err error
		if started, err = r.clear(ctx, kind, c, action, w, began); err != nil {
			return err
		}
	}
	intent := store.Entry{
		Kind: store.Intent, Tool: c.ID, Action: action.String(), DependsOn: c.DependsOn,
		Options: w.options, Digests: w.digests, Lifecycle: recordedLifecycle(c.Want.Lifecycle),
	}
	if action != Create {
		intent.Diff = diff
	}
	if err := r.record(ctx, intent); err != nil {
		return err
	}
	if !started {
		r.engine.emit(Started{ID: c.ID, Action: action, Time: began})
	}
	if c.circular {
		r.circle.Lock()
		defer r.circle.Unlock()
	}
	r.take(ctx, kind, c, w)
	var resource json.RawMessage
	err := r.verb(ctx, c, action, func(ctx context.Context) (err error) {
		if action == Update {
			resource, err = r.update(ctx, kind, c, w)
		} else {
			resource, err = kind.Create(ctx, w.opened)
		}
		return err
	})
	took := r.since(began)
	if err != nil {
		return r.fail(ctx, c, began, err)
	}
	err = r.record(ctx, store.Entry{
		Kind: store.Applied, Tool: c.ID, Action: action.String(), DependsOn: c.DependsOn,
		Options: w.options, Digests: w.digests, Resource: resource, Lifecycle: recordedLifecycle(c.Want.Lifecycle), Duration: took,
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.resources[c.ID] = resource
	r.moved[c.ID] = c.promised != nil && !sameOutputs(c.promised, resource)
	r.mu.Unlock()
	r.count(func(n *store.Counts) {
		switch action {
		case Create:
			n.Created++
		case Update:
			n.Updated++
		case Replace:
			n.Replaced++
		case Delete, NoOp:
		}
	})
	r.engine.emit(Finished{ID: c.ID, Action: action, Duration: took, Time: r.engine.Now()})
	return nil
}

func sameOutputs(a, b json.RawMessage) bool {
	before, errA := decodeTree(a)
	after, errB := decodeTree(b)
	if errA != nil || errB != nil {
		return false
	}
	x, _ := lookup(before, []string{"outputs"})
	y, _ := lookup(after, []string{"outputs"})
	return reflect.DeepEqual(x, y)
}

// update calls the verb with what is recorded.
func (r *run) update(ctx context.Context, kind plugins.Kind, c *Change, w wish) (json.RawMessage, error) {
	have, err := r.engine.open(r.engine.Definition(c.ID.Plugin()), c.Have.Options, w.filled)
	if err != nil {
		return nil, err
	}
	if r.another(ctx, kind, c, have) {
		// What it had is another's now and must not go with the change.
		return kind.Update(ctx, w.opened, w.opened, nil)
	}
	return kind.Update(ctx, w.opened, have, c.current)
}

// delete removes what is recorded, and what was begun and is in doubt.
// wanted are filled options that have the secrets.
func (r *run) delete(ctx context.Context, c *Change, began time.Time, action string, wanted json.RawMessage) error {
	switch {
	case action == store.ActionReplace && c.lifecycle().KeepOnDelete:
		// The new one is made beside it. Until that is there the record has the old one, and that it is to be kept.
		return nil
	case c.recordOnly:
		return r.release(ctx, c, began)
	}
	kind, ok := r.engine.Plugins[c.ID.Plugin()]
	if !ok {
		return r.fail(ctx, c, began, unknownPlugin(c.ID))
	}
	intent := store.Entry{Kind: store.Intent, Tool: c.ID, Action: action}
	if d := c.Have.Doubt; d != nil {
		// What was begun is remembered until it is gone.
		intent.DependsOn, intent.Options, intent.Digests, intent.Lifecycle = d.DependsOn, d.Options, d.Digests, d.Lifecycle
	}
	if err := r.record(ctx, intent); err != nil {
		return err
	}
	r.engine.emit(Started{ID: c.ID, Action: c.Action, Time: began})
	if err := r.remove(ctx, kind, c, wanted); err != nil {
		return r.fail(ctx, c, began, err)
	}
	took := r.since(began)
	if err := r.record(ctx, store.Entry{Kind: store.Deleted, Tool: c.ID, Action: action, Duration: took}); err != nil {
		return err
	}
	if action == store.ActionDelete {
		r.count(func(n *store.Counts) { n.Deleted++ })
		r.engine.emit(Finished{ID: c.ID, Action: Delete, Duration: took, Time: r.engine.Now()})
	}
	return nil
}

// release takes a tool out of the record and leaves what it manages: another tool has taken it, or it is to be kept, or it
// is gone. It is a delete where another tool has it: this one's is over.
func (r *run) release(ctx context.Context, c *Change, began time.Time) error {
	e := store.Entry{Kind: store.Forgotten, Tool: c.ID, Action: store.ActionForget}
	if _, handed := r.plan.handed[c.ID]; handed {
		e = store.Entry{Kind: store.Deleted, Tool: c.ID, Action: store.ActionDelete}
	}
	if err := r.record(ctx, e); err != nil {
		return err
	}
	r.count(func(n *store.Counts) {
		if e.Kind == store.Deleted {
			n.Deleted++
		} else {
			n.Recorded++
		}
	})
	r.engine.emit(Finished{ID: c.ID, Action: Delete, Duration: r.since(began), Time: r.engine.Now()})
	return nil
}

// accept records what exists as what is meant to be.
func (r *run) accept(ctx context.Context, c *Change, began time.Time) error {
	have, action := c.Have, store.ActionRefresh
	if have.Adopted {
		action = store.ActionAdopt // nobody knows yet whether it is as the options say
	}
	err := r.record(ctx, store.Entry{
		Kind: store.Applied, Tool: c.ID, Action: action, DependsOn: have.DependsOn, Options: have.Options,
		Digests: have.Digests, Resource: c.current, Lifecycle: have.Lifecycle, Diff: c.Diff, Duration: have.Took,
	})
	if err != nil {
		return err
	}
	r.count(func(n *store.Counts) { n.Recorded++ })
	r.engine.emit(Finished{ID: c.ID, Action: Update, Duration: r.since(began), Time: r.engine.Now()})
	return nil
}

func (r *run) remove(ctx context.Context, kind plugins.Kind, c *Change, wanted json.RawMessage) error {
	def := r.engine.Definition(c.ID.Plugin())
	var last json.RawMessage
	if c.Have.Exists && !c.Have.TakenOver {
		last = c.Have.Resource
	}
	if c.Have.Exists {
		have, err := r.engine.open(def, c.Have.Options, wanted)
		if err != nil {
			return err
		}
		if !r.another(ctx, kind, c, have) {
			err := r.verb(ctx, c, Delete, func(ctx context.Context) error { return kind.Delete(ctx, have, last) })
			if err != nil {
				return err
			}
		}
	}
	for _, d := range c.Have.Doubts() {
		if d.Options == nil || c.Have.Exists && sameJSON(c.Have.Options, d.Options) {
			continue
		}
		begun, err := r.engine.open(def, d.Options, wanted)
		if err != nil {
			return err
		}
		if r.another(ctx, kind, c, begun) {
			continue
		}
		// What was begun has other names than what is recorded, so the recorded resource must not point elsewhere.
		if err := r.verb(ctx, c, Delete, func(ctx context.Context) error { return kind.Delete(ctx, begun, nil) }); err != nil {
			return err
		}
	}
	return nil
}

// fail records that a change has failed. Where nothing was begun the record leaves no doubt behind.
func (r *run) fail(ctx context.Context, c *Change, began time.Time, err error) error {
	took := r.since(began)
	err = r.engine.secrets.redact(err)
	// If this cannot be recorded, the run says so; the cause of this failure is the verb's.
	_ = r.record(ctx, store.Entry{
		Kind: store.Failed, Tool: c.ID, Action: c.Action.String(), Error: err.Error(), Duration: took,
	})
	r.count(func(n *store.Counts) { n.Failed++ })
	r.engine.emit(Failed{ID: c.ID, Action: c.Action, Err: err, Duration: took, Time: r.engine.Now()})
	return err
}
