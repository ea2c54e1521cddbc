package schema

import (
	"slices"
	"strings"
)

// print writes the units, with what they share before the first that has it, and the names of outputs behind their tools.
func (w *cueWriter) print() {
	before := map[*unit][]*block{}
	for _, b := range w.shared {
		before[b.users[0]] = append(before[b.users[0]], b)
	}
	for _, u := range w.units {
		// A block may be of others, which were made later.
		for _, b := range slices.Backward(before[u]) {
			w.out.WriteString("\n" + comment(b.remark(), "// ", ""))
			w.out.WriteString(w.line(&field{name: b.name, hidden: true, value: b.body}, 0) + "\n")
		}
		w.unit(u)
		if alias := w.aliases[u.id]; alias != "" && u.id != "" {
			w.out.WriteString("\n" + comment("The outputs of "+string(u.id)+": what uses one of them waits for it.", "// ", ""))
			w.out.WriteString(alias + ": " + outputsOf(u.id) + "\n")
		}
	}
	for _, text := range w.end {
		w.out.WriteString("\n" + comment(text, "// ", ""))
	}
}

func (w *cueWriter) unit(u *unit) {
	w.settle(&u.field)
	if !u.joined || len(u.path) > 0 {
		w.out.WriteString("\n")
	}
	for _, text := range u.field.above {
		w.out.WriteString(comment(text, "// ", ""))
		if strings.HasSuffix(text, "\n") {
			w.out.WriteString("\n")
		}
	}
	for _, name := range u.path {
		w.out.WriteString(cueLabel(name) + ": ")
	}
	w.out.WriteString(w.line(&u.field, 0) + "\n")
	for _, text := range u.field.below {
		w.out.WriteString(comment(text, "// ", ""))
	}
}

// settle puts a comment that stands behind something of several lines above it.
func (w *cueWriter) settle(f *field) {
	if f.behind != "" && w.severalLines(f.value) {
		f.above = append(slices.Clip(f.above), f.behind)
		f.behind = ""
	}
}

// severalLines tells whether a value takes more than the line of its field.
func (w *cueWriter) severalLines(n *node) bool {
	switch {
	case n.kind == Map && n.base == "" && len(n.fields) == 1:
		f := &n.fields[0]
		return !f.remarks.empty() || w.severalLines(f.value)
	case n.kind == Map:
		return len(n.fields) > 0
	case n.kind == List:
		return !short(n)
	}
	return strings.Contains(w.scalar(n, 0), "\n")
}

// line is a field, without comments above and below and without the end of its line. What is inside is written in the same
// line while it is alone.
func (w *cueWriter) line(f *field, depth int) string {
	var b strings.Builder
	b.WriteString(w.label(f) + ": ")
	if v := f.value; v.kind == Map && v.base == "" && len(v.fields) == 1 && len(v.fields[0].above)+len(v.fields[0].below) == 0 && !w.unsettled(&v.fields[0]) {
		b.WriteString(w.line(&v.fields[0], depth))
	} else {
		b.WriteString(w.value(v, depth))
	}
	if f.behind != "" {
		b.WriteString(" // " + f.behind)
	}
	return b.String()
}

// inLine tells whether a map is one field and short.
func (w *cueWriter) inLine(n *node) bool {
	return len(n.fields) == 1 && n.fields[0].remarks.empty() && !w.severalLines(n.fields[0].value)
}

// unsettled tells whether the comment behind a field will stand above it.
func (w *cueWriter) unsettled(f *field) bool { return f.behind != "" && w.severalLines(f.value) }

// label is the name of a field.
func (w *cueWriter) label(f *field) string {
	switch {
	case f.hidden:
		return f.name
	case len(f.label) == 1 && f.label[0].whole:
		return "(" + w.expression(&f.label[0]) + ")"
	case f.label != nil:
		return w.quoted(f.label, 0)
	}
	return cueLabel(f.name)
}

// scalar is a value that is no map and no list.
func (w *cueWriter) scalar(n *node, depth int) string {
	if n.pieces != nil {
		return w.quoted(n.pieces, depth)
	}
	return n.literal
}

func (w *cueWriter) value(n *node, depth int) string {
	switch n.kind {
	case List:
		return w.list(n, depth)
	case Map:
	default:
		return w.scalar(n, depth)
	}
	var b strings.Builder
	switch {
	case len(n.fields) == 0 && n.base != "":
		return n.base
	case len(n.fields) == 0:
		return "{}"
	case n.base != "" && w.inLine(n):
		return n.base + " & {" + w.line(&n.fields[0], depth) + "}"
	case n.base != "":
		b.WriteString(n.base + " & ")
	}
	indent := strings.Repeat("\t", depth)
	b.WriteString("{\n")
	for i := range n.fields {
		f := &n.fields[i]
		w.settle(f)
		for _, text := range f.above {
			b.WriteString(comment(text, "// ", indent+"\t"))
		}
		b.WriteString(indent + "\t" + w.line(f, depth+1) + "\n")
		for _, text := range f.below {
			b.WriteString(comment(text, "// ", indent+"\t"))
		}
	}
	b.WriteString(indent + "}")
	return b.String()
}

// short tells whether a list fits into a line: a few plain values without comments.
func short(n *node) bool {
	const wide = 80
	width := 0
	for _, item := range n.items {
		if item.kind == List || item.kind == Map || !item.remarks.empty() {
			return false
		}
		width += len(item.literal) + 4
		for _, p := range item.pieces {
			width += len(p.text) + len(p.expr)
			if strings.Contains(strings.TrimSuffix(p.text, "\n"), "\n") {
				return false
			}
		}
	}
	return width <= wide
}

func (w *cueWriter) list(n *node, depth int) string {
	var b strings.Builder
	b.WriteString("[")
	if short(n) {
		for i, item := range n.items {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(w.value(item, depth))
		}
		return b.String() + "]"
	}
	indent := strings.Repeat("\t", depth)
	b.WriteString("\n")
	for _, item := range n.items {
		f := field{value: item, remarks: item.remarks}
		w.settle(&f)
		for _, text := range f.above {
			b.WriteString(comment(text, "// ", indent+"\t"))
		}
		b.WriteString(indent + "\t" + w.value(item, depth+1) + ",")
		if f.behind != "" {
			b.WriteString(" // " + f.behind)
		}
		b.WriteString("\n")
		for _, text := range f.below {
			b.WriteString(comment(text, "// ", indent+"\t"))
		}
	}
	return b.String() + indent + "]"
}
