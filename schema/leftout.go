package schema

import (
	"bytes"
	"encoding/json"
	"slices"

	"cuelang.org/go/cue"
)

// isLeftOut tells whether an option that is null counts as one that was not written, as it did in DevStream: its schema has
// it, and has no null for it. In a map of the user's own names null may mean something.
func isLeftOut(name string, fields []FieldDefinition) bool {
	def := Find(fields, []string{name})
	return def != nil && def.Name == name && def.kind&cue.NullKind == 0
}

// written is a value without the options that are left out. Where there are none, nothing is copied.
func (v *Value) written(fields []FieldDefinition) *Value {
	if v.Kind != Map || len(fields) == 0 {
		return v
	}
	var kept []Field
	for i := range v.Fields {
		f := &v.Fields[i]
		out := f.Value.Kind == Null && isLeftOut(f.Name, fields)
		inner := f.Value.written(below(fields, f.Name))
		if kept == nil && (out || inner != &f.Value) {
			kept = slices.Clone(v.Fields[:i])
		}
		if kept != nil && !out {
			kept = append(kept, Field{Name: f.Name, Pos: f.Pos, Value: *inner})
		}
	}
	if kept == nil {
		return v
	}
	out := *v
	out.Fields = kept
	return &out
}

// withoutLeftOut are options of a plugin in JSON without those that are left out.
func (l *Loader) withoutLeftOut(plugin string, options json.RawMessage) (json.RawMessage, error) {
	if !bytes.Contains(options, []byte("null")) {
		return options, nil
	}
	dec := json.NewDecoder(bytes.NewReader(options))
	dec.UseNumber()
	var fields map[string]any
	if err := dec.Decode(&fields); err != nil {
		return nil, err
	}
	dropLeftOut(fields, l.Definition(plugin).Options)
	return marshal(fields)
}

// dropLeftOut takes out of options in JSON what is left out.
func dropLeftOut(options map[string]any, fields []FieldDefinition) {
	for name, value := range options {
		if inner, ok := value.(map[string]any); ok {
			dropLeftOut(inner, below(fields, name))
		} else if value == nil && isLeftOut(name, fields) {
			delete(options, name)
		}
	}
}
