package engine

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/wI2L/jsondiff"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// diffOptions tells, field by field, how sealed options differ from what was applied. unknown are the paths of want that
// are not known yet: they differ whatever was applied.
func diffOptions(def *schema.Definition, have, want sealed, unknown []string) ([]store.FieldDiff, error) {
	diffs, err := diffJSON("options", have.options, want.options)
	if err != nil {
		return nil, err
	}
	for path := range union(have.digests, want.digests) {
		before, hadBefore := have.digests[path]
		after, hasAfter := want.digests[path]
		if before != after && hadBefore && hasAfter && !covered(diffs, path) {
			diffs = append(diffs, store.FieldDiff{Path: path, Secret: true})
		}
	}
	for _, path := range unknown {
		if !covered(diffs, path) {
			v, _ := json.Marshal("")
			diffs = append(diffs, store.FieldDiff{Path: path, Before: v, After: v})
		}
	}
	for i := range diffs {
		d := &diffs[i]
		d.Unknown = slices.ContainsFunc(unknown, func(u string) bool { return within(u, d.Path) })
		if f := fieldAt(def, keysOf(d.Path)); f != nil {
			d.Secret = d.Secret || f.Secret
			d.Replace = f.Replace || anyReplace(f.Fields)
		}
		if d.Secret {
			d.Before, d.After = nil, nil
		}
	}
	slices.SortFunc(diffs, func(a, b store.FieldDiff) int { return strings.Compare(a.Path, b.Path) })
	return diffs, nil
}

func anyReplace(fields []schema.FieldDefinition) bool {
	return slices.ContainsFunc(fields, func(f schema.FieldDefinition) bool { return f.Replace || anyReplace(f.Fields) })
}

func union(a, b map[string]string) map[string]bool {
	all := make(map[string]bool, len(a)+len(b))
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return all
}

// covered tells whether a diff already speaks of path.
func covered(diffs []store.FieldDiff, path string) bool {
	return slices.ContainsFunc(diffs, func(d store.FieldDiff) bool { return within(path, d.Path) })
}

// within tells whether path is at or below root.
func within(path, root string) bool {
	rest, ok := strings.CutPrefix(path, root)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// keysOf takes "options.list[2].name" apart and drops the first word.
func keysOf(path string) []string {
	keys := strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	return keys[1:]
}

// diffJSON compares two documents field by field. Paths begin with root.
func diffJSON(root string, before, after json.RawMessage) ([]store.FieldDiff, error) {
	if sameJSON(before, after) {
		return nil, nil
	}
	old, err := decodeTree(before)
	if err != nil {
		return nil, err
	}
	now, err := decodeTree(after)
	if err != nil {
		return nil, err
	}
	if old == nil {
		old = map[string]any{}
	}
	patch, err := jsondiff.CompareWithoutMarshal(old, now)
	if err != nil {
		return nil, err
	}
	appended := map[string]int{}
	diffs := make([]store.FieldDiff, 0, len(patch))
	for _, op := range patch {
		keys := pointerKeys(op.Path)
		if n := len(keys); n > 0 && keys[n-1] == "-" {
			// An element behind the last one. The place it gets is counted, for people.
			parent := strings.Join(keys[:n-1], "/")
			list, _ := lookup(old, keys[:n-1])
			elements, _ := list.([]any)
			keys[n-1] = itoa(len(elements) + appended[parent])
			appended[parent]++
		}
		d := store.FieldDiff{Path: dotted(root, keys)}
		if op.Type != jsondiff.OperationAdd || len(keys) == 0 {
			if d.Before, err = encodeTree(op.OldValue); err != nil {
				return nil, err
			}
		}
		if op.Type != jsondiff.OperationRemove {
			if d.After, err = encodeTree(op.Value); err != nil {
				return nil, err
			}
		}
		diffs = append(diffs, d)
	}
	slices.SortFunc(diffs, func(a, b store.FieldDiff) int { return strings.Compare(a.Path, b.Path) })
	return diffs, nil
}

// pointerKeys takes a JSON pointer (RFC 6901) apart.
func pointerKeys(pointer string) []string {
	if pointer == "" {
		return nil
	}
	keys := strings.Split(pointer[1:], "/")
	for i, k := range keys {
		keys[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(k)
	}
	return keys
}
