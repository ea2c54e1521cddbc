package schema

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// node is a value on its way to CUE.
type node struct {
	kind Kind
	// pos is where it was written.
	pos Pos
	// literal is a value that is neither a string nor an expression, pieces are one that is.
	literal string
	pieces  []piece
	fields  []field
	items   []*node
	// base is the hidden field that a map's fields are added to.
	base string
	// remarks are those of an element of a list.
	remarks remarks

	text string
	size int
}

// field is a field of a map.
type field struct {
	name string
	// label is the name where variables are in it.
	label []piece
	// hidden fields have names that are not quoted.
	hidden bool
	value  *node
	remarks
}

// node makes a node of a value. defs are the fields that the schema has there; nil for none that are known.
func (w *cueWriter) node(v *Value, defs []FieldDefinition) *node {
	n := &node{kind: v.Kind, pos: v.Pos}
	switch v.Kind {
	case Null:
		n.literal = "null"
	case Bool, Int, Float:
		n.literal = v.Text
		if pieces, ok := w.filled(v); ok {
			n.pieces = pieces
		}
	case String:
		pieces, ok := w.filled(v)
		if !ok {
			pieces = w.references(v.Text)
		}
		n.pieces = pieces
	case List:
		for i := range v.Items {
			item := w.node(&v.Items[i], below(defs, strconv.Itoa(i)))
			item.remarks = w.remarks(v.Items[i].Pos)
			n.items = append(n.items, item)
		}
	case Map:
		for i := range v.Fields {
			f := &v.Fields[i]
			if w.isDefault(f, defs) || f.Value.Kind == Null && isLeftOut(f.Name, defs) {
				continue
			}
			made := w.field(f, defs)
			if filledIn(f) && made.value.kind == Map && len(made.value.fields) == 0 && len(f.Value.Fields) > 0 {
				continue // all that was in it says nothing new
			}
			n.fields = append(n.fields, made)
		}
	}
	return n
}

// filledIn tells whether a map cannot have been written as it is, because it is not where its fields are.
func filledIn(f *Field) bool { return f.Value.Kind == Map && f.Pos == f.Value.Pos }

// field makes a field of one that was written.
func (w *cueWriter) field(f *Field, defs []FieldDefinition) field {
	out := field{name: f.Name}
	at := []Pos{f.Pos}
	if k := f.Value.Kind; k != Map && k != List && f.Value.Pos != f.Pos {
		at = append(at, f.Value.Pos)
	}
	out.remarks = w.remarks(at...)
	if label, ok := w.filled(&Value{Kind: String, Text: f.Name, Pos: f.Pos}); ok {
		out.label = label
	}
	out.value = w.node(&f.Value, below(defs, f.Name))
	return out
}

// isDefault tells whether a field says what the schema says anyway, and nobody has written it.
func (w *cueWriter) isDefault(f *Field, defs []FieldDefinition) bool {
	if len(w.written.Places) == 0 || w.written.Places[f.Value.Pos] {
		return false
	}
	def := Find(defs, []string{f.Name})
	if def == nil || def.Default == nil || def.Required {
		return false
	}
	text := []byte(f.Value.Text)
	if f.Value.Kind == String {
		var err error
		if text, err = marshal(f.Value.Text); err != nil {
			return false
		}
	}
	return f.Value.Kind != Map && f.Value.Kind != List && bytes.Equal(text, def.Default)
}

// below are the definitions of what is in a field.
func below(defs []FieldDefinition, name string) []FieldDefinition {
	if def := Find(defs, []string{name}); def != nil {
		return def.Fields
	}
	return nil
}

// leaves is how many plain values there are in a node.
func (n *node) leaves() int {
	if n.size > 0 {
		return n.size
	}
	for i := range n.fields {
		n.size += n.fields[i].value.leaves()
	}
	for _, item := range n.items {
		n.size += item.leaves()
	}
	n.size = max(n.size, 1)
	return n.size
}

// key is the same text for nodes that say the same, whatever the order of their fields.
func (n *node) key() string {
	if n.text != "" {
		return n.text
	}
	var b strings.Builder
	switch {
	case n.pieces != nil:
		b.WriteString(piecesKey(n.pieces))
	case n.kind == List:
		b.WriteString("[")
		for _, item := range n.items {
			b.WriteString(item.key() + ",")
		}
		b.WriteString("]")
	case n.kind == Map:
		keys := make([]string, len(n.fields))
		for i := range n.fields {
			keys[i] = n.fields[i].key() + ":" + n.fields[i].value.key() + ";"
		}
		slices.Sort(keys)
		b.WriteString("{" + n.base + "&" + strings.Join(keys, "") + "}")
	default:
		b.WriteString(n.literal)
	}
	n.text = b.String()
	return n.text
}

// key is the field's name, told from one that has variables in it.
func (f *field) key() string {
	if f.label != nil {
		return piecesKey(f.label)
	}
	return strconv.Quote(f.name)
}

func piecesKey(pieces []piece) string {
	var b strings.Builder
	for _, p := range pieces {
		switch {
		case p.ref != nil:
			b.WriteString("<" + p.ref.String() + ">")
		case p.expr != "":
			b.WriteString("(" + p.expr + ")")
		default:
			b.WriteString(strconv.Quote(p.text))
		}
	}
	return b.String()
}

// all are the texts of all comments in a node.
func (n *node) all() []string {
	texts := n.remarks.all()
	for i := range n.fields {
		texts = append(texts, n.fields[i].remarks.all()...)
		texts = append(texts, n.fields[i].value.all()...)
	}
	for _, item := range n.items {
		texts = append(texts, item.all()...)
	}
	return texts
}

// common is what two maps have in common, in the order of the first; nil if that is nothing.
func common(a, b *node) *node {
	out := &node{kind: Map, pos: a.pos}
	theirs := make(map[string]*node, len(b.fields))
	for i := range b.fields {
		theirs[b.fields[i].key()] = b.fields[i].value
	}
	for _, f := range a.fields {
		other := theirs[f.key()]
		switch {
		case other == nil:
		case f.value.key() == other.key():
			out.fields = append(out.fields, f)
		case f.value.kind == Map && other.kind == Map:
			if inner := common(f.value, other); inner != nil {
				f.value = inner
				out.fields = append(out.fields, f)
			}
		}
	}
	if len(out.fields) == 0 {
		return nil
	}
	return out
}

// without is a map without what it has in common with others, and the comments that stood there.
func (n *node) without(shared *node) (rest *node, lost []string) {
	rest = &node{kind: Map, pos: n.pos}
	taken := make(map[string]*field, len(shared.fields))
	for i := range shared.fields {
		taken[shared.fields[i].key()] = &shared.fields[i]
	}
	for _, f := range n.fields {
		s := taken[f.key()]
		switch {
		case s == nil:
			rest.fields = append(rest.fields, f)
		case f.value.key() == s.value.key():
			lost = append(lost, f.remarks.all()...)
			lost = append(lost, f.value.all()...)
		default:
			var more []string
			f.value, more = f.value.without(s.value)
			lost = append(append(lost, f.remarks.all()...), more...)
			f.remarks = remarks{}
			rest.fields = append(rest.fields, f)
		}
	}
	return rest, lost
}
