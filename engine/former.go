package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// Former is the configuration that was in force as of then, for a plan back to it. References to outputs were filled in at
// that time and are values now. Secrets are not recorded: they, and how a tool is to be treated, are taken from today's
// configuration, and a tool whose secrets it does not have is a [*LostSecretError].
func (e *Engine) Former(then *store.State, today *schema.Config) (*schema.Config, error) {
	config := &schema.Config{Dir: today.Dir, Files: today.Files, State: today.State}
	now := map[schema.ID]*schema.Tool{}
	for i := range today.Tools {
		now[today.Tools[i].ID] = &today.Tools[i]
	}
	for _, id := range then.IDs() {
		was := then.Tools[id]
		if !was.Exists {
			continue
		}
		t := schema.Tool{ID: id, Options: was.Options, Lifecycle: lifecycleOf(was)}
		if now[id] != nil {
			t.Lifecycle, t.Pos = now[id].Lifecycle, now[id].Pos
		}
		for _, need := range was.DependsOn {
			if of := then.Tools[need]; of != nil && of.Exists {
				t.DependsOn = append(t.DependsOn, need)
			}
		}
		if err := unhide(&t, now[id]); err != nil {
			return nil, err
		}
		config.Tools = append(config.Tools, t)
	}
	return config, nil
}

// unhide puts secrets in their places and finds the references.
func unhide(t *schema.Tool, today *schema.Tool) error {
	tree, err := decodeTree(t.Options)
	if err != nil {
		return fmt.Errorf("%s: %w", t.ID, err)
	}
	var wanted any
	if today != nil {
		if wanted, err = decodeTree(today.Options); err != nil {
			return fmt.Errorf("%s: %w", t.ID, err)
		}
	}
	tree, err = mapTree(tree, nil, func(path []string, v any) (any, bool, error) {
		s, _ := v.(string)
		if s == hidden {
			secret, ok := lookup(wanted, path)
			if !ok {
				return nil, true, &LostSecretError{ID: t.ID, Path: dotted("options", path)}
			}
			return secret, false, nil
		}
		return v, false, nil
	})
	if err != nil {
		return err
	}
	_, err = mapTree(tree, nil, func(path []string, v any) (any, bool, error) {
		s, _ := v.(string)
		parts, err := schema.SplitReferences(s)
		for _, p := range parts {
			if p.Ref != nil {
				p.Ref.Path = dotted("options", path)
				t.References = append(t.References, *p.Ref)
			}
		}
		return v, false, err
	})
	if err == nil {
		t.Options, err = encodeTree(tree)
	}
	return err
}

// LostSecretError says that a secret would be needed that is nowhere: none is ever recorded.
type LostSecretError struct {
	ID   schema.ID
	Path string
}

func (e *LostSecretError) Error() string {
	return fmt.Sprintf("%s: %s was secret, so it was not recorded", e.ID, e.Path)
}

// Hint says what the user can do about it.
func (e *LostSecretError) Hint() string {
	return fmt.Sprintf("write %s with its %s into the configuration, or --exclude %s", e.ID, strings.TrimPrefix(e.Path, "options."), e.ID)
}

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
	resources, err := diffJSON("resource", a.Resource, b.Resource)
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
