package compat

import (
	"strconv"

	"github.com/devstream-io/dtm/schema"
)

// text is a string; a number or a boolean counts as what the user wrote, null as an empty string. It is not ok after a
// mistake.
func (n *notes) text(v schema.Value, path string) (schema.Text, bool) {
	t := schema.Text{Text: v.Text, Pos: v.Pos, From: v.From}
	if n.missing[v.Pos] {
		return t, false
	}
	switch v.Kind {
	case schema.List, schema.Map:
		n.errs.Add(v.Pos, path, "must be a string, not a "+kindName(v.Kind), "")
		return t, false
	case schema.Bool, schema.Int, schema.Float:
		if raw, ok := n.raw[v.Pos]; ok {
			t.Text = raw
		}
	}
	return t, true
}

// shown is a text as a message has it, in quotes. The value of a variable is not told, it may be a secret.
func shown(t schema.Text) string {
	switch {
	case t.From != nil && t.From.Whole:
		return "the value of variable `" + t.From.Variable + "`"
	case t.From != nil:
		return "the text with variable `" + t.From.Variable + "`"
	}
	return strconv.Quote(t.Text)
}

// mapping gives the fields of a map, none for null.
func (n *notes) mapping(v schema.Value, path string) []schema.Field {
	if v.Kind != schema.Map && v.Kind != schema.Null {
		n.errs.Add(v.Pos, path, "must be a map, not a "+kindName(v.Kind), "")
	}
	return v.Fields
}

// unknown adds a mistake for a key that has no meaning.
func (n *notes) unknown(f schema.Field, path string, known ...string) {
	n.errs.Add(f.Pos, join(path, f.Name), "unknown key: DevStream ignored it", suggestOrList(f.Name, known))
}

// missed adds a mistake for an option whose work nothing does here, unless nothing was written.
func (n *notes) missed(f schema.Field, path, msg, hint string) {
	if !isEmpty(f.Value) {
		n.errs.Add(f.Pos, join(path, f.Name), msg, hint)
	}
}
