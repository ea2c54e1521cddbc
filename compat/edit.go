package compat

import (
	"slices"

	"github.com/devstream-io/dtm/schema"
)

// The values that are changed here may be shared by aliases: every change makes a new list of fields.

// get is the value of a field, Null where there is none.
func get(v schema.Value, name string) schema.Value {
	for _, f := range v.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return schema.Value{Pos: v.Pos}
}

// has tells whether a map has a field.
func has(v schema.Value, name string) bool {
	return slices.ContainsFunc(v.Fields, func(f schema.Field) bool { return f.Name == name })
}

// text is the text of a field that is no list and no map; empty where there is none.
func text(v schema.Value, name string) string {
	if found := get(v, name); found.Kind != schema.List && found.Kind != schema.Map {
		return found.Text
	}
	return ""
}

// copied is a map with fields of its own.
func copied(v schema.Value) schema.Value {
	return schema.Value{Kind: schema.Map, Pos: v.Pos, Fields: slices.Clone(v.Fields)}
}

// with is a map in which a field has another value.
func with(v schema.Value, name string, value schema.Value) schema.Value {
	out := copied(v)
	for i := range out.Fields {
		if out.Fields[i].Name == name {
			out.Fields[i].Value = value
			return out
		}
	}
	out.Fields = append(out.Fields, schema.Field{Name: name, Pos: value.Pos, Value: value})
	return out
}

// taken is a map without a field, and what was in it.
func taken(v schema.Value, name string) (rest, value schema.Value, ok bool) {
	rest = copied(v)
	i := slices.IndexFunc(rest.Fields, func(f schema.Field) bool { return f.Name == name })
	if i < 0 {
		return rest, schema.Value{Pos: v.Pos}, false
	}
	value = rest.Fields[i].Value
	rest.Fields = slices.Delete(rest.Fields, i, i+1)
	return rest, value, true
}

func stringAt(s string, pos schema.Pos) schema.Value {
	return schema.Value{Kind: schema.String, Text: s, Pos: pos}
}

// merge lays one map over another, and maps in them too.
func merge(under, over schema.Value) schema.Value {
	if under.Kind != schema.Map || over.Kind != schema.Map {
		return over
	}
	out := copied(under)
	at := make(map[string]int, len(out.Fields))
	for i, f := range out.Fields {
		at[f.Name] = i
	}
	for _, f := range over.Fields {
		if i, ok := at[f.Name]; ok {
			out.Fields[i].Value = merge(out.Fields[i].Value, f.Value)
			continue
		}
		out.Fields = append(out.Fields, f)
	}
	return out
}

// isEmpty tells whether nothing was written.
func isEmpty(v schema.Value) bool {
	switch v.Kind {
	case schema.Null:
		return true
	case schema.String:
		return v.Text == ""
	case schema.List:
		return len(v.Items) == 0
	case schema.Map:
		return len(v.Fields) == 0
	}
	return false
}

// withAt is a map with a value at a path, the maps on the way made where they are missing.
func withAt(v, value schema.Value, path ...string) schema.Value {
	if len(path) == 0 {
		return value
	}
	inner := get(v, path[0])
	inner.Pos = value.Pos
	if inner.Kind != schema.Map {
		inner = schema.Value{Kind: schema.Map, Pos: value.Pos}
	}
	return with(v, path[0], withAt(inner, value, path[1:]...))
}

// isWritten tells whether the user has written a field, and not an app that became tools: that has no place for a key.
func isWritten(f schema.Field) bool { return f.Pos != f.Value.Pos }
