package engine

import (
	"errors"
	"slices"

	"github.com/devstream-io/dtm/graph"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// arrange puts the changes into an order: a create or update behind what it depends on, a delete behind everything that
// is recorded as depending on the tool.
func (m *planner) arrange() error {
	m.soft = map[edge]bool{}
	for {
		g, err := graph.New(m.nodes())
		if err == nil {
			m.plan.order = g
			break
		}
		if !m.loosen(err) {
			return err
		}
	}
	for e, holds := range m.soft {
		if from, to := m.changes[e.from], m.changes[e.to]; !holds && from != nil && to != nil {
			from.circular, to.circular = true, true
		}
	}
	for _, id := range m.plan.order.Order() {
		if c := m.changes[schema.ID(id)]; c != nil {
			m.plan.Changes = append(m.plan.Changes, *c)
		}
	}
	return nil
}

// edge says that a tool waits for another.
type edge struct{ from, to schema.ID }

// loosen drops the soft edges of the cycles that err tells of. It is false if there are none.
func (m *planner) loosen(err error) bool {
	found := false
	for _, err := range unjoin(err) {
		var cycle *graph.CycleError
		if !errors.As(err, &cycle) {
			return false
		}
		for i, id := range cycle.Path[1:] {
			e := edge{schema.ID(cycle.Path[i]), schema.ID(id)}
			if m.soft[e] {
				m.soft[e], found = false, true
			}
		}
	}
	return found
}

// deleteHalf behind an ID names the first half of a replace, where it is a node of its own.
const deleteHalf = " (delete)"

// part finds the replaces whose delete is a node of its own: those of tools that are recorded as depending on one another,
// because a tool may not be deleted while one that depends on it stands. Others stay in one piece, so that an interrupt
// does not come between their halves.
func (m *planner) part(dependents map[schema.ID][]schema.ID) {
	certain := func(id schema.ID) bool {
		c := m.changes[id]
		return c != nil && c.Action == Replace &&
			slices.ContainsFunc(c.Diff, func(d store.FieldDiff) bool { return d.Replace && !d.Unknown })
	}
	for id, ds := range dependents {
		if !certain(id) {
			continue
		}
		for _, d := range ds {
			if certain(d) {
				m.changes[id].parted, m.changes[d].parted = true, true
			}
		}
	}
}

// recordedNeeds is what a tool is recorded as depending on, also by what was begun.
func recordedNeeds(t *store.Tool) []schema.ID {
	needs := t.DependsOn
	for _, d := range t.Doubts() {
		needs = append(needs[:len(needs):len(needs)], d.DependsOn...)
	}
	return needs
}

// nodes are the tools with what they wait for. Two kinds of edges are soft, which means that they are left out where they
// would be on a cycle: a replace waits for the deletes of what was recorded as depending on the tool, and a tool for the
// one that still holds its thing.
func (m *planner) nodes() []graph.Node {
	dependents := map[schema.ID][]schema.ID{}
	for _, id := range m.state.IDs() {
		for _, need := range recordedNeeds(m.state.Tools[id]) {
			if need != id {
				dependents[need] = append(dependents[need], id)
			}
		}
	}
	// holds tells whether a soft edge is still there.
	holds := func(from, to schema.ID) bool {
		e := edge{from, to}
		if _, seen := m.soft[e]; !seen {
			m.soft[e] = true
		}
		return m.soft[e]
	}
	m.part(dependents)
	var nodes []graph.Node
	for i := range m.config.Tools {
		t := &m.config.Tools[i]
		var needs []schema.ID
		for _, need := range t.Needs() {
			// What is left out stays as it is, so there is nothing to wait for.
			if m.selected(need) {
				needs = append(needs, need)
			}
		}
		for _, holder := range m.after[t.ID] {
			if holds(t.ID, holder) {
				needs = append(needs, holder)
			}
		}
		if c := m.changes[t.ID]; c != nil && c.Action == Replace {
			at, waits := t.ID, []schema.ID(nil)
			if c.parted {
				at += deleteHalf
			}
			for _, d := range dependents[t.ID] {
				switch c := m.changes[d]; {
				case c == nil:
				case c.Action == Delete && holds(at, d):
					waits = append(waits, d)
				case c.parted:
					waits = append(waits, d+deleteHalf)
				}
			}
			if c.parted {
				nodes = append(nodes, graph.Node{ID: string(at), Needs: texts(waits)})
				waits = []schema.ID{at}
			}
			needs = append(needs, waits...)
		}
		nodes = append(nodes, graph.Node{ID: string(t.ID), Needs: texts(needs)})
	}
	for _, id := range m.state.IDs() {
		c := m.changes[id]
		if c == nil || c.Action != Delete {
			continue
		}
		var needs []schema.ID
		// An owner that is left out has it already.
		if owner, ok := m.handed[id]; ok && (m.changes[owner] != nil || m.tools[owner] != nil) {
			needs = append(needs, owner)
		}
		for _, d := range dependents[id] {
			// One that is wanted and could not be planned is waited for in vain: what it needs stays.
			if m.changes[d] != nil || m.tools[d] != nil {
				needs = append(needs, d)
			}
		}
		nodes = append(nodes, graph.Node{ID: string(id), Needs: texts(needs)})
	}
	return nodes
}
