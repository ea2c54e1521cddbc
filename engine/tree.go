package engine

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// decodeTree reads JSON and keeps numbers as they are written.
func decodeTree(data json.RawMessage) (any, error) {
	if len(data) == 0 {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}

// encodeTree writes JSON with sorted keys and without HTML escapes.
func encodeTree(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// mapTree replaces every scalar and, before it is entered, every map and list by what change makes of it. done says
// that the value is not entered.
func mapTree(v any, path []string, change func(path []string, v any) (_ any, done bool, err error)) (any, error) {
	v, done, err := change(path, v)
	if done || err != nil {
		return v, err
	}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range sortedKeys(v) {
			if v[k], err = mapTree(v[k], append(path[:len(path):len(path)], k), change); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range v {
			if v[i], err = mapTree(v[i], append(path[:len(path):len(path)], strconv.Itoa(i)), change); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// lookup follows path through maps and lists.
func lookup(v any, path []string) (any, bool) {
	for _, key := range path {
		switch at := v.(type) {
		case map[string]any:
			next, ok := at[key]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(at) {
				return nil, false
			}
			v = at[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// sameJSON compares values, whatever the order of keys and the blanks between. Numbers count as they are written.
func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	va, errA := decodeTree(a)
	vb, errB := decodeTree(b)
	if errA != nil || errB != nil {
		return false
	}
	ca, errA := encodeTree(va)
	cb, errB := encodeTree(vb)
	return errA == nil && errB == nil && bytes.Equal(ca, cb)
}

// fieldAt is the definition of the option at path, nil if the schema does not know it.
func fieldAt(def *schema.Definition, path []string) *schema.FieldDefinition {
	if def == nil {
		return nil
	}
	return schema.Find(def.Options, path)
}

// dotted is a path as users write it: options.list[2].name.
func dotted(root string, path []string) string {
	var b strings.Builder
	b.WriteString(root)
	for _, p := range path {
		if isIndex(p) {
			b.WriteString("[" + p + "]")
		} else {
			b.WriteString("." + p)
		}
	}
	return b.String()
}

func isIndex(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}
