package engine

import (
	"fmt"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// decideUnwanted decides about a recorded tool that is not in the configuration. One that no plugin here can delete stays.
func (m *planner) decideUnwanted(t *store.Tool) {
	if _, ok := m.engine.Plugins[t.ID.Plugin()]; !ok && !lifecycleOf(t).KeepOnDelete {
		m.fail(t.ID, unknownPlugin(t.ID))
		return
	}
	action, reason := decide(situation{have: t})
	c := &Change{ID: t.ID, Action: action, Reason: reason, Have: t, DependsOn: t.DependsOn, given: m.given[t.ID]}
	if !t.Exists && t.Doubt != nil {
		c.DependsOn = t.Doubt.DependsOn
	}
	if lifecycleOf(t).KeepOnDelete {
		c.recordOnly, c.Reason = true, reasonKept
	}
	m.changes[t.ID] = c
}

// keepNeeded takes back the deletes of what tools depend on that stay because no plugin here can delete them.
func (m *planner) keepNeeded() {
	var stay []schema.ID
	for _, e := range m.plan.Errors {
		if _, ok := m.engine.Plugins[e.ID.Plugin()]; !ok {
			stay = append(stay, e.ID)
		}
	}
	for len(stay) > 0 {
		id := stay[0]
		stay = stay[1:]
		have := m.state.Tools[id]
		if have == nil {
			continue
		}
		for _, need := range recordedNeeds(have) {
			if c := m.changes[need]; c != nil && c.Action == Delete && !c.recordOnly {
				delete(m.changes, need)
				m.fail(need, plugins.Hinted(fmt.Errorf("%s depends on it, and stays", id), fmt.Sprintf("let dtm forget that tool and leave what it manages: dtm forget %s", id)))
				stay = append(stay, need)
			}
		}
	}
}

func unknownPlugin(id schema.ID) error {
	return plugins.Hinted(fmt.Errorf("there is no plugin %q in this dtm, but the state has a tool of it", id.Plugin()),
		fmt.Sprintf("name its source in `plugins` of the configuration and run `dtm init`, or let dtm forget the tool and leave what it manages: dtm forget %s", id))
}
