package engine

import (
	"fmt"
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
		if (c.Action == Delete && !c.recordOnly || c.Action == Replace) && c.lifecycle().PreventDestroy {
			refused.Tools = append(refused.Tools, store.Planned{Tool: c.ID, Action: c.Action.String(), Reason: c.Reason})
		}
	}
	if len(refused.Tools) > 0 {
		return &refused
	}
	return nil
}

// ignore takes the changes out of filled options that the lifecycle says count for nothing: they stay as recorded.
func ignore(l schema.Lifecycle, have *store.Tool, filled []byte) ([]byte, error) {
	if len(l.IgnoreChanges) == 0 || have == nil || !have.Exists {
		return filled, nil
	}
	want, err := decodeTree(filled)
	if err != nil {
		return nil, err
	}
	recorded, err := decodeTree(have.Options)
	if err != nil {
		return nil, err
	}
	for _, path := range l.IgnoreChanges {
		keys := splitPath(path)
		if len(keys) < 2 || keys[0] != "options" {
			continue
		}
		keys = keys[1:]
		v, known := lookup(recorded, keys)
		if s, text := v.(string); text && (s == hidden || strings.Contains(s, "${{")) {
			continue // what is recorded is not the value; that it has changed is left out of the comparison
		}
		parent, _ := lookup(want, keys[:len(keys)-1])
		m, isMap := parent.(map[string]any)
		if !isMap {
			continue
		}
		if known {
			m[keys[len(keys)-1]] = v
		} else {
			delete(m, keys[len(keys)-1])
		}
	}
	return encodeTree(want)
}

// heeded are the diffs that count.
func heeded(l schema.Lifecycle, diffs []store.FieldDiff) []store.FieldDiff {
	if len(l.IgnoreChanges) == 0 {
		return diffs
	}
	var out []store.FieldDiff
	for _, d := range diffs {
		counts := true
		for _, path := range l.IgnoreChanges {
			counts = counts && !within(d.Path, path)
		}
		if counts {
			out = append(out, d)
		}
	}
	return out
}

// splitPath takes a path as dotted makes it apart. A key that has dots in it cannot be told from several.
func splitPath(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
}
