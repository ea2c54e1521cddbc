package engine

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// Difference is how one tool's record differs between two states.
type Difference struct {
	ID schema.ID `json:"id"`
	// Action would lead from the first to the second: create, update or delete.
	Action Action            `json:"-"`
	Diff   []store.FieldDiff `json:"diff"`
}

// MarshalJSON has the action's name.
func (d Difference) MarshalJSON() ([]byte, error) {
	return encodeTree(struct {
		ID     schema.ID         `json:"id"`
		Action string            `json:"action"`
		Diff   []store.FieldDiff `json:"diff"`
	}{d.ID, d.Action.String(), list(d.Diff)})
}

// Compare tells how the recorded tools of two states differ, by ID. What is in doubt and never was applied does not count.
func (e *Engine) Compare(before, after *store.State) ([]Difference, error) {
	ids := append(before.IDs(), after.IDs()...)
	slices.Sort(ids)
	var all []Difference
	for _, id := range slices.Compact(ids) {
		a, b := before.Tools[id], after.Tools[id]
		d := Difference{ID: id, Action: Update}
		def := e.Definition(id.Plugin())
		var err error
		switch was, is := a != nil && a.Exists, b != nil && b.Exists; {
		case !was && !is:
			continue
		case !was:
			d.Action = Create
			d.Diff, err = diffOptions(def, sealed{}, recorded(b), nil)
		case !is:
			d.Action = Delete
		default:
			d.Diff, err = e.compareTools(def, a, b)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		if d.Action != Update || len(d.Diff) > 0 {
			all = append(all, d)
		}
	}
	return all, nil
}

func (e *Engine) compareTools(def *schema.Definition, a, b *store.Tool) ([]store.FieldDiff, error) {
	diffs, err := diffOptions(def, recorded(a), recorded(b), nil)
	if err != nil {
		return nil, err
	}
	resources, err := diffResources(a.Resource, b.Resource)
	if err != nil {
		return nil, err
	}
	diffs = append(diffs, resources...)
	for _, part := range []struct {
		name string
		a, b any
	}{{"dependsOn", list(a.DependsOn), list(b.DependsOn)}, {"lifecycle", lifecycleOf(a), lifecycleOf(b)}} {
		old, errA := json.Marshal(part.a)
		now, errB := json.Marshal(part.b)
		if errA != nil || errB != nil || sameJSON(old, now) {
			continue
		}
		diffs = append(diffs, store.FieldDiff{Path: part.name, Before: old, After: now})
	}
	return diffs, nil
}
