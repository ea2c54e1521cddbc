package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// ProtectedError says that a plan would delete or replace tools whose lifecycle prevents that.
type ProtectedError struct {
	// Tools are those tools, with what would have been done.
	Tools []store.Planned
}

func (e *ProtectedError) Error() string {
	parts := make([]string, len(e.Tools))
	for i, t := range e.Tools {
		parts[i] = fmt.Sprintf("%s would be %sd", t.Tool, t.Action)
	}
	return "preventDestroy: " + strings.Join(parts, ", ")
}

// Hint says what the user can do about it.
func (e *ProtectedError) Hint() string {
	return "leave it out with --exclude, take it out of the record with `dtm forget`, or apply with lifecycle.preventDestroy: false first"
}

// protect refuses what a lifecycle prevents.
func (m *planner) protect() error {
	var refused ProtectedError
	for _, c := range m.inOrder() {
		if (c.Action == Delete && !c.recordOnly || c.Action == Replace) && c.lifecycle().PreventDestroy && !m.never(c) {
			refused.Tools = append(refused.Tools, store.Planned{Tool: c.ID, Action: c.Action.String(), Reason: c.Reason})
		}
	}
	if len(refused.Tools) > 0 {
		return &refused
	}
	return nil
}

// never tells whether what a change destroys was only begun and is not there: who has given a first name that could not be
// had may give another.
func (m *planner) never(c *Change) bool {
	return !c.Have.Exists && len(c.Have.Earlier) == 0 && m.reads[c.ID].gone
}

// ignore takes the changes out of filled options that the lifecycle says count for nothing: they stay as recorded, and
// are not unknown. What is recorded of a secret or a variable is not its value, so it stays as it is wanted; that it has
// changed is left out of the comparison.
func ignore(l schema.Lifecycle, have *store.Tool, filled json.RawMessage, unknown []string) (json.RawMessage, []string, error) {
	if len(l.IgnoreChanges) == 0 || have == nil || !have.Exists {
		return filled, unknown, nil
	}
	want, err := decodeTree(filled)
	if err != nil {
		return nil, nil, err
	}
	was, err := decodeTree(have.Options)
	if err != nil {
		return nil, nil, err
	}
	want = restored(l, nil, want, was)
	var left []string
	_, err = mapTree(want, nil, func(path []string, v any) (any, bool, error) {
		if at := dotted("options", path); slices.Contains(unknown, at) && refersToOutput(v) {
			left = append(left, at)
		}
		return v, false, nil
	})
	if err != nil {
		return nil, nil, err
	}
	filled, err = encodeTree(want)
	return filled, left, err
}

// restored is what is wanted, with what was wherever changes are ignored.
func restored(l schema.Lifecycle, path []string, want, was any) any {
	below := func(key string) []string { return append(path[:len(path):len(path)], key) }
	stays := func(at []string) bool { return ignored(l, dotted("options", at)) }
	switch want := want.(type) {
	case map[string]any:
		was, ok := was.(map[string]any)
		if !ok {
			break
		}
		for k, v := range want {
			if old, there := was[k]; there {
				want[k] = restored(l, below(k), v, old)
			} else if stays(below(k)) {
				delete(want, k)
			}
		}
		for k, old := range was {
			if _, there := want[k]; !there && stays(below(k)) && !veiled(old) {
				want[k] = old
			}
		}
		return want
	case []any:
		was, ok := was.([]any)
		if !ok || stays(path) {
			break
		}
		for i := range min(len(want), len(was)) {
			want[i] = restored(l, below(strconv.Itoa(i)), want[i], was[i])
		}
		for len(want) > len(was) && stays(below(strconv.Itoa(len(want)-1))) {
			want = want[:len(want)-1]
		}
		for n := len(want); n < len(was) && stays(below(strconv.Itoa(n))) && !veiled(was[n]); n++ {
			want = append(want, was[n])
		}
		return want
	}
	if stays(path) && !veiled(was) {
		return was
	}
	return want
}

// veiled tells whether anything recorded is not the value itself, but stands for a secret or a variable.
func veiled(recorded any) bool {
	found := false
	_, _ = mapTree(recorded, nil, func(_ []string, v any) (any, bool, error) {
		s, _ := v.(string)
		parts, _ := schema.SplitReferences(s)
		found = found || s == hidden || slices.ContainsFunc(parts, func(p schema.Part) bool { return p.Ref != nil })
		return v, false, nil
	})
	return found
}

// heeded are the diffs that count. Of a tool that was only begun all do: what it has is not what anybody left.
func heeded(l schema.Lifecycle, have *store.Tool, diffs []store.FieldDiff) []store.FieldDiff {
	if len(l.IgnoreChanges) == 0 || have == nil || !have.Exists {
		return diffs
	}
	var out []store.FieldDiff
	for _, d := range diffs {
		if !ignored(l, d.Path) {
			out = append(out, d)
		}
	}
	return out
}

// ignored tells whether changes at path, as in "options.list[2]", count for nothing.
func ignored(l schema.Lifecycle, path string) bool {
	return slices.ContainsFunc(l.IgnoreChanges, func(root string) bool { return within(path, root) })
}
