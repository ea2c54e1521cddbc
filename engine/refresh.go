package engine

import (
	"fmt"

	"github.com/devstream-io/dtm/graph"
	"github.com/devstream-io/dtm/schema"
)

// planRefresh plans to record what exists. No verb that changes anything is called, so nothing waits for anything.
func (m *planner) planRefresh() error {
	var nodes []graph.Node
	for _, id := range m.state.IDs() {
		if m.state.Tools[id].Doubt != nil && m.selected(id) {
			m.plan.InDoubt = append(m.plan.InDoubt, id)
		}
		r, read := m.reads[id]
		if !read || r.err != nil {
			continue
		}
		have := m.state.Tools[id]
		c := &Change{
			ID: id, Action: NoOp, Reason: reasonSame, Have: have, DependsOn: have.DependsOn, After: have.Options,
			current: r.resource, recordOnly: true,
		}
		if r.gone {
			c.Action, c.Reason, c.After = Delete, reasonLost, nil
		} else if r.left != nil {
			diffs, err := diffResources(r.left, r.resource)
			if err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			if c.Diff = heeded(lifecycleOf(have), have, diffs); len(c.Diff) > 0 {
				c.Action, c.Reason, c.refresh = Update, reasonRefreshed, true
			}
		}
		m.changes[id] = c
		nodes = append(nodes, graph.Node{ID: string(id)})
	}
	g, err := graph.New(nodes)
	if err != nil {
		return err
	}
	m.plan.order = g
	for _, id := range g.Order() {
		m.plan.Changes = append(m.plan.Changes, *m.changes[schema.ID(id)])
	}
	return nil
}
