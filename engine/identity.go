package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/devstream-io/dtm/schema"
)

// thing is something in the world, as its plugin names it.
type thing struct{ plugin, identity string }

// identify looks at which things the tools are about. Two tools of the configuration with one thing are a mistake. A tool
// that is to be deleted and whose thing a tool of the configuration has is only taken out of the record, once the other has
// it: it was given another instance name. A tool that is to have the thing of one that is moving away waits for it. What the
// plan leaves alone counts as well: it has what it has, and is to have what the configuration says.
func (m *planner) identify(ctx context.Context) error {
	owners, holders := map[thing]schema.ID{}, m.holders(ctx)
	m.plan.kept = maps.Clone(holders)
	var errs schema.Errors
	var torn *SelectionError
	for i := range m.plan.config.Tools {
		t := &m.plan.config.Tools[i]
		at, ok := m.wanted(ctx, t)
		if !ok {
			continue
		}
		if other, taken := owners[at]; taken {
			errs.Add(t.Pos, "tools."+string(t.ID), fmt.Sprintf("%s is managed by %s already", at.identity, other), "")
			continue
		}
		owners[at] = t.ID
		c := m.changes[t.ID]
		if c == nil {
			continue
		}
		if c.Action == NoOp {
			m.plan.kept[at] = t.ID
		}
		if holder := holders[at]; torn == nil && m.leaves(holder) && !m.has(ctx, t.ID, at) {
			torn = &SelectionError{ID: t.ID, Other: holder, Held: true}
		}
	}
	if err := errs.Err(); err != nil {
		return err
	}
	if torn != nil {
		return torn
	}
	m.after, m.handed = map[schema.ID][]schema.ID{}, map[schema.ID]schema.ID{}
	m.plan.handed = m.handed
	for _, id := range m.state.IDs() {
		have, c := m.state.Tools[id], m.changes[id]
		if c == nil || c.Action == NoOp {
			continue
		}
		// What was begun may hold a thing of its own.
		held := []json.RawMessage{have.Options}
		for _, d := range have.Doubts() {
			held = append(held, d.Options)
		}
		for i, options := range held {
			at, ok := m.identity(ctx, id, options, nil)
			if !ok {
				continue
			}
			owner, taken := owners[at]
			if holder, held := holders[at]; held && (!taken || m.changes[owner] == nil) {
				owner, taken = holder, true
			}
			switch {
			case !taken:
			case !m.selected(owner) && holders[at] != owner:
				if c.Action == Delete && !c.recordOnly {
					return &SelectionError{ID: id, Other: owner, Deleted: true, Held: true}
				}
			case owner == id:
				if i == 0 {
					m.plan.kept[at] = id
				}
			case c.Action == Delete && have.Doubt == nil:
				c.recordOnly = true
				m.handed[id] = owner
				c.Reason = fmt.Sprintf(reasonHandedOn, owner.Plugin(), owner.Instance())
			case m.changes[owner] != nil:
				m.after[owner] = append(m.after[owner], id)
			}
		}
	}
	return nil
}

// holders are the things of the recorded tools that the plan leaves alone.
func (m *planner) holders(ctx context.Context) map[thing]schema.ID {
	var alone []schema.ID
	for id, have := range m.state.Tools {
		if m.changes[id] == nil && have.Exists {
			alone = append(alone, id)
		}
	}
	slices.Sort(alone)
	holders := map[thing]schema.ID{}
	for _, id := range alone {
		if at, ok := m.identity(ctx, id, m.state.Tools[id].Options, nil); ok {
			holders[at] = id
		}
	}
	return holders
}

// leaves tells whether the holder of a thing that another is to have will move away from it, in a plan to come. One that
// is not in the configuration any more will only be forgotten.
func (m *planner) leaves(holder schema.ID) bool {
	return holder != "" && !m.selected(holder) &&
		slices.ContainsFunc(m.plan.config.Tools, func(t schema.Tool) bool { return t.ID == holder })
}

// has tells whether a tool is recorded with a thing.
func (m *planner) has(ctx context.Context, id schema.ID, at thing) bool {
	have := m.state.Tools[id]
	if have == nil || !have.Exists {
		return false
	}
	recorded, ok := m.identity(ctx, id, have.Options, nil)
	return ok && recorded == at
}

// wanted is the thing that a tool of the configuration is to have, if that is known.
func (m *planner) wanted(ctx context.Context, t *schema.Tool) (thing, bool) {
	options := t.Options
	if c := m.changes[t.ID]; c != nil {
		if options = c.After; len(c.Unknown) == 0 {
			return m.identity(ctx, t.ID, options, t.Options)
		}
	}
	// An output that is not known may be anything. Where that makes a difference the thing is not known either.
	var things [2]thing
	for i, standIn := range []string{"a", "b"} {
		filled, _, err := fill(options, func(ref schema.Reference) (any, bool, error) {
			if v, known, err := m.outputs(ref); err == nil && known {
				return v, true, nil
			}
			return standIn, true, nil
		})
		if err != nil {
			return thing{}, false
		}
		var ok bool
		if things[i], ok = m.identity(ctx, t.ID, filled, t.Options); !ok {
			return thing{}, false
		}
	}
	return things[0], things[0] == things[1]
}

// identity is the thing that options are about. ok is false where the plugin or the options do not tell.
func (m *planner) identity(ctx context.Context, id schema.ID, options, wanted json.RawMessage) (thing, bool) {
	kind, ok := m.engine.Plugins[id.Plugin()]
	if !ok || options == nil {
		return thing{}, false
	}
	opened, err := m.engine.open(m.engine.Definition(id.Plugin()), options, wanted)
	if err != nil {
		return thing{}, false
	}
	identity, err := kind.Identity(ctx, opened)
	if err != nil || identity == "" {
		return thing{}, false
	}
	return thing{plugin: id.Plugin(), identity: identity}, true
}
