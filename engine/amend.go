package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// Amendment makes the entries that change the record alone. state is the present one, with its key.
type Amendment func(ctx context.Context, state *store.State) ([]store.Entry, error)

// Amend changes the record and nothing in the world: a run of its own in the history, without verbs. seen is the state that
// the amendment was decided on, nil if any will do; if there is another by now it wraps [store.ErrStale]. An amendment
// without entries leaves no run. If the amendment returns an error, nothing is recorded.
func (e *Engine) Amend(ctx context.Context, st store.Store, seen *store.State, opt ApplyOptions, amend Amendment) (_ Summary, err error) {
	session, err := st.Open(ctx, opt.Holder, seen)
	if err != nil {
		return Summary{}, err
	}
	defer func() {
		if cerr := session.Close(); cerr != nil && err == nil {
			err = cerr
		}
	}()
	began := e.Now()
	changes, err := amend(ctx, session.State())
	if err != nil || len(changes) == 0 {
		return Summary{}, err
	}
	s := Summary{Run: newRunID(began), Result: store.Succeeded}
	var run store.Run
	var planned []store.Planned
	for _, c := range changes {
		planned = append(planned, store.Planned{Tool: c.Tool, Action: c.Action})
		run.Apply(c)
	}
	entries := begin(store.Entry{
		Kind: store.Started, Command: opt.Holder.Command, Author: opt.Holder.User + "@" + opt.Holder.Host,
		Version: opt.Version, Message: opt.Message,
	}, planned)
	entries = append(entries, changes...)
	s.Duration, s.Counts = e.Now().Sub(began), run.Counts
	entries = append(entries, store.Entry{Kind: store.Finished, Result: s.Result, Duration: s.Duration})
	for i := range entries {
		entries[i].Run, entries[i].Time = s.Run, began
	}
	return s, session.Record(context.WithoutCancel(ctx), entries...)
}

// ErrNotRecorded is wrapped where a tool is to be changed that is not in the record.
var ErrNotRecorded = errors.New("is not in the state")

// ErrRecorded is wrapped where a tool is to be taken into the record that is there already.
var ErrRecorded = errors.New("is in the state already")

// Forget takes tools out of the record and leaves what they manage.
func Forget(ids ...schema.ID) Amendment {
	return func(_ context.Context, state *store.State) ([]store.Entry, error) {
		var entries []store.Entry
		for _, id := range ids {
			if state.Tools[id] == nil {
				return nil, fmt.Errorf("%s %w", id, ErrNotRecorded)
			}
			entries = append(entries, store.Entry{Kind: store.Forgotten, Tool: id, Action: store.ActionForget})
		}
		return entries, nil
	}
}

// Move gives a tool another ID. The plugin must be the same: what is recorded is in its terms.
func Move(from, to schema.ID) Amendment {
	return func(_ context.Context, state *store.State) ([]store.Entry, error) {
		switch {
		case state.Tools[from] == nil:
			return nil, fmt.Errorf("%s %w", from, ErrNotRecorded)
		case state.Tools[to] != nil:
			return nil, fmt.Errorf("%s %w", to, ErrRecorded)
		case from.Plugin() != to.Plugin():
			return nil, fmt.Errorf("%s and %s are of two plugins, and what is recorded of one means nothing to the other", from, to)
		}
		if err := schema.CheckInstanceName(to.Instance()); err != nil {
			return nil, err
		}
		return []store.Entry{{Kind: store.Moved, Tool: from, To: to, Action: store.ActionMove}}, nil
	}
}

// ErrNothingThere is wrapped by Adopt when there is nothing to adopt.
var ErrNothingThere = errors.New("there is nothing to adopt")

// Adopt takes tools of the configuration into the record that exist already, through Read. Whether they are as the
// configuration says nobody knows, so the next plan updates them.
func (e *Engine) Adopt(config *schema.Config, ids ...schema.ID) Amendment {
	return func(ctx context.Context, state *store.State) ([]store.Entry, error) {
		var entries []store.Entry
		for _, id := range ids {
			adopted, err := e.adopt(ctx, config, state, id)
			if err != nil {
				return nil, err
			}
			entries = append(entries, adopted)
			if state.Tools[id] == nil {
				continue
			}
			// What was begun with other options may be somewhere else, and is not forgotten for what is adopted.
			for _, d := range slices.Backward(state.Tools[id].Doubts()) {
				if d.Options != nil && !sameJSON(d.Options, adopted.Options) {
					entries = append(entries, doubted(id, d)...)
				}
			}
		}
		return entries, nil
	}
}

func (e *Engine) adopt(ctx context.Context, config *schema.Config, state *store.State, id schema.ID) (store.Entry, error) {
	i := slices.IndexFunc(config.Tools, func(t schema.Tool) bool { return t.ID == id })
	if i < 0 {
		return store.Entry{}, fmt.Errorf("%s is not in the configuration, which says what to adopt", id)
	}
	if have := state.Tools[id]; have != nil && have.Exists {
		return store.Entry{}, fmt.Errorf("%s %w", id, ErrRecorded)
	}
	t := &config.Tools[i]
	kind, def := e.Plugins[id.Plugin()], e.Definition(id.Plugin())
	m := &planner{engine: e, state: state}
	filled, unknown, err := fill(t.Options, m.remembered)
	if err == nil && len(unknown) > 0 {
		err = fmt.Errorf("%s refers to a tool that is not there yet", unknown[0])
	}
	var want sealed
	if err == nil {
		want, err = e.seal(def, filled, nil, state.Key)
	}
	var opened, resource json.RawMessage
	if err == nil {
		opened, err = e.open(def, filled, filled)
	}
	if err == nil {
		err = attempts{Lifecycle: t.Lifecycle}.do(ctx, func(ctx context.Context) (err error) {
			resource, err = kind.Read(ctx, opened, nil)
			return err
		})
	}
	if errors.Is(err, plugins.ErrNotFound) {
		err = fmt.Errorf("%w: %w", ErrNothingThere, err)
	}
	if err != nil {
		return store.Entry{}, &ToolError{ID: id, Err: e.secrets.redact(err)}
	}
	return store.Entry{
		Kind: store.Applied, Action: store.ActionAdopt, Tool: id, DependsOn: t.Needs(), Options: want.options,
		Digests: want.digests, Resource: resource, Lifecycle: recordedLifecycle(t.Lifecycle),
	}, nil
}
