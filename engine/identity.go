package engine

import (
	"encoding/json"
	"fmt"

	"github.com/devstream-io/dtm/schema"
)

// thing is something in the world, as its plugin names it.
type thing struct{ plugin, identity string }

// identify looks at which things the tools are about. Two tools of the configuration with one thing are a mistake. A tool
// that is to be deleted and whose thing a tool of the configuration has is only taken out of the record, once the other has
// it: it was given another instance name. A tool that is to have the thing of one that is moving away waits for it.
func (m *planner) identify() error {
	owners := map[thing]schema.ID{}
	m.plan.kept = map[thing]schema.ID{}
	var errs schema.Errors
	for i := range m.config.Tools {
		t := &m.config.Tools[i]
		c := m.changes[t.ID]
		if c == nil || len(c.Unknown) > 0 {
			continue // what is not known cannot be compared
		}
		at, ok := m.identity(t.ID, c.After, t.Options)
		if !ok {
			continue
		}
		if other, taken := owners[at]; taken {
			errs.Add(t.Pos, "tools."+string(t.ID), fmt.Sprintf("%s is managed by %s already", at.identity, other), "")
			continue
		}
		owners[at] = t.ID
		if c.Action == NoOp {
			m.plan.kept[at] = t.ID
		}
	}
	if err := errs.Err(); err != nil {
		return err
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
			at, ok := m.identity(id, options, nil)
			if !ok {
				continue
			}
			owner, taken := owners[at]
			switch {
			case !taken:
			case owner == id:
				if i == 0 {
					m.plan.kept[at] = id
				}
			case c.Action == Delete && have.Doubt == nil:
				c.recordOnly = true
				m.handed[id] = owner
				c.Reason = fmt.Sprintf(reasonHandedOn, owner.Plugin(), owner.Instance())
			default:
				m.after[owner] = append(m.after[owner], id)
			}
		}
	}
	return nil
}

// identity is the thing that options are about. ok is false where the plugin or the options do not tell.
func (m *planner) identity(id schema.ID, options, wanted json.RawMessage) (thing, bool) {
	kind, ok := m.engine.Plugins[id.Plugin()]
	if !ok || options == nil {
		return thing{}, false
	}
	opened, err := m.engine.open(m.engine.Definition(id.Plugin()), options, wanted)
	if err != nil {
		return thing{}, false
	}
	identity, err := kind.Identity(opened)
	if err != nil || identity == "" {
		return thing{}, false
	}
	return thing{plugin: id.Plugin(), identity: identity}, true
}
