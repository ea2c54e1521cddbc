package engine

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// Selection says which tools a plan is about. A pattern is an ID or a glob, as in "localfile.*" (path.Match says what a
// glob may have); a "+" in front adds what the tools depend on, one behind it what depends on them, at any distance.
// Without targets all tools are meant; what is excluded is left out in any case.
type Selection struct {
	Target  []string `json:"target"`
	Exclude []string `json:"exclude"`
}

// Empty tells whether nothing is left out.
func (s Selection) Empty() bool { return len(s.Target) == 0 && len(s.Exclude) == 0 }

// PatternError says that a pattern selects nothing.
type PatternError struct {
	Pattern string
	// Reason is what is wrong with it.
	Reason string
	hint   string
}

func (e *PatternError) Error() string { return fmt.Sprintf("%q %s", e.Pattern, e.Reason) }

// Hint says what may have been meant.
func (e *PatternError) Hint() string { return e.hint }

// among are the tools that are selected. needs has every tool with what it depends on.
func (s Selection) among(needs map[schema.ID][]schema.ID) (map[schema.ID]bool, error) {
	dependents := map[schema.ID][]schema.ID{}
	for id, of := range needs {
		for _, need := range of {
			dependents[need] = append(dependents[need], id)
		}
	}
	expand := func(patterns []string) (map[schema.ID]bool, error) {
		found := map[schema.ID]bool{}
		for _, pattern := range patterns {
			core, back := strings.CutPrefix(pattern, "+")
			core, forth := strings.CutSuffix(core, "+")
			ids, err := matching(core, needs)
			if err != nil {
				return nil, err
			}
			for _, id := range ids {
				found[id] = true
			}
			if back {
				reach(ids, needs, found)
			}
			if forth {
				reach(ids, dependents, found)
			}
		}
		return found, nil
	}
	out, err := expand(s.Exclude)
	if err != nil {
		return nil, err
	}
	in, err := expand(s.Target)
	if err != nil {
		return nil, err
	}
	if len(s.Target) == 0 {
		for id := range needs {
			in[id] = true
		}
	}
	maps.DeleteFunc(in, func(id schema.ID, _ bool) bool { return out[id] || needs[id] == nil })
	return in, nil
}

func matching(pattern string, needs map[schema.ID][]schema.ID) ([]schema.ID, error) {
	if needs[schema.ID(pattern)] != nil {
		return []schema.ID{schema.ID(pattern)}, nil
	}
	if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
		return nil, &PatternError{Pattern: pattern, Reason: "is not a pattern", hint: "write an ID, as in localfile.hello, or a glob, as in localfile.*"}
	}
	var found []schema.ID
	names := make([]string, 0, len(needs))
	for id := range needs {
		names = append(names, string(id))
		if ok, _ := path.Match(pattern, string(id)); ok {
			found = append(found, id)
		}
	}
	if len(found) == 0 {
		slices.Sort(names)
		return nil, &PatternError{Pattern: pattern, Reason: "matches no tool of the configuration or the state", hint: schema.DidYouMean(pattern, names)}
	}
	return found, nil
}

// reach adds everything that can be reached from some tools.
func reach(from []schema.ID, edges map[schema.ID][]schema.ID, found map[schema.ID]bool) {
	seen := map[schema.ID]bool{}
	todo := slices.Clone(from)
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[id] {
			continue
		}
		seen[id], found[id] = true, true
		todo = append(todo, edges[id]...)
	}
}

// selectTools finds what the plan is about, and what it leaves out.
func (m *planner) selectTools(s Selection) error {
	if s.Empty() {
		return nil
	}
	needs := make(map[schema.ID][]schema.ID, len(m.tools)+len(m.state.Tools))
	for id, t := range m.state.Tools {
		needs[id] = list(recordedNeeds(t))
	}
	for id, t := range m.tools {
		needs[id] = append(list(needs[id])[:len(needs[id]):len(needs[id])], t.Needs()...)
	}
	var err error
	if m.only, err = s.among(needs); err != nil {
		return err
	}
	for id := range needs {
		if !m.only[id] {
			m.plan.LeftOut = append(m.plan.LeftOut, id)
			delete(m.tools, id)
		}
	}
	slices.Sort(m.plan.LeftOut)
	all := m.config.Tools
	config := *m.config
	config.Tools = nil
	for i := range all {
		if m.only[all[i].ID] {
			config.Tools = append(config.Tools, all[i])
		}
	}
	m.config = &config
	return nil
}

// selected tells whether the plan is about a tool.
func (m *planner) selected(id schema.ID) bool { return m.only == nil || m.only[id] }

// SelectionError says that a tool cannot be planned without one that is left out.
type SelectionError struct {
	// ID is the tool, Other the one that is left out.
	ID, Other schema.ID
	// Deleted tells that ID is to be deleted and Other still depends on it; else ID waits for Other, which is not there.
	Deleted bool
	// Held tells that it is about a thing that both manage: Other is to have what ID has, or has what ID is to have.
	Held bool
}

func (e *SelectionError) Error() string {
	switch {
	case e.Deleted && e.Held:
		return fmt.Sprintf("%s is to be deleted, but %s is to have what it manages and is left out", e.ID, e.Other)
	case e.Held:
		return fmt.Sprintf("%s is to have what %s still manages, which is left out", e.ID, e.Other)
	case e.Deleted:
		return fmt.Sprintf("%s is to be deleted, but %s depends on it and is left out", e.ID, e.Other)
	}
	return fmt.Sprintf("%s depends on %s, which is not there yet and is left out", e.ID, e.Other)
}

// Hint says what the user can do about it.
func (e *SelectionError) Hint() string {
	switch {
	case e.Held:
		return fmt.Sprintf("--target '%s' takes it in", e.Other)
	case e.Deleted:
		return fmt.Sprintf("--target '%s+' takes in what depends on it", e.ID)
	}
	return fmt.Sprintf("--target '+%s' takes in what it depends on", e.ID)
}

// checkSelection refuses a plan that would create a tool before what it depends on, or delete one under another.
func (m *planner) checkSelection() error {
	if m.only == nil {
		return nil
	}
	for _, c := range m.inOrder() {
		if c.Action == NoOp {
			continue
		}
		if c.Action == Delete {
			for _, id := range m.plan.LeftOut {
				if t := m.state.Tools[id]; t != nil && !c.recordOnly && slices.Contains(recordedNeeds(t), c.ID) {
					return &SelectionError{ID: c.ID, Other: id, Deleted: true}
				}
			}
			continue
		}
		for _, need := range c.DependsOn {
			if have := m.state.Tools[need]; !m.only[need] && (have == nil || !have.Exists) {
				return &SelectionError{ID: c.ID, Other: need}
			}
		}
	}
	return nil
}

// inOrder are the changes by ID.
func (m *planner) inOrder() []*Change {
	all := make([]*Change, 0, len(m.changes))
	for _, id := range slices.Sorted(maps.Keys(m.changes)) {
		all = append(all, m.changes[id])
	}
	return all
}
