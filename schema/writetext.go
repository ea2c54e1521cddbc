package schema

import (
	"slices"
	"strings"

	"cuelang.org/go/cue/literal"
)

// piece is a part of a string as CUE: literal text, or an expression.
type piece struct{ text, expr string }

// text is a string as CUE.
func (w *cueWriter) text(v *Value, depth int) string {
	if text, ok := w.filled(v, depth); ok {
		return text
	}
	return quotedPieces(w.references(v.Text), depth)
}

// filled is a value that variables were put into, if CUE makes the same of it.
func (w *cueWriter) filled(v *Value, depth int) (string, bool) {
	parts := w.written.Templates[v.Pos]
	if len(parts) == 0 || slices.Contains(w.names, variablesField) {
		return "", false
	}
	var pieces []piece
	var whole strings.Builder
	for _, p := range parts {
		if p.Variable == "" {
			whole.WriteString(p.Text)
			pieces = append(pieces, w.references(p.Text)...)
			continue
		}
		variable, expr := w.variable(p.Variable)
		if variable == nil {
			return "", false
		}
		switch variable.Kind {
		case String, Int:
		case v.Kind: // a boolean or a fraction, and nothing around it
			if len(parts) > 1 {
				return "", false
			}
		default:
			return "", false
		}
		if len(parts) == 1 && variable.Kind == v.Kind && variable.Text == v.Text {
			return expr, true
		}
		whole.WriteString(variable.Text)
		pieces = append(pieces, piece{expr: expr})
	}
	if v.Kind != String || whole.String() != v.Text {
		return "", false
	}
	return quotedPieces(pieces, depth), true
}

// variable is the value of a variable, and the CUE that refers to it. Nil if there is none.
func (w *cueWriter) variable(name string) (*Value, string) {
	fields, expr := w.written.Variables, variablesField
	var found *Value
	for part := range strings.SplitSeq(name, ".") {
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == part })
		if i < 0 {
			return nil, ""
		}
		found = &fields[i].Value
		fields, expr = found.Fields, expr+selector(part)
	}
	return found, expr
}

// references parts a text at its references to outputs.
func (w *cueWriter) references(text string) []piece {
	asItIs := []piece{{text: text}}
	if !strings.Contains(text, refOpen) || slices.Contains(w.names, "tools") {
		return asItIs
	}
	parts, err := SplitReferences(text)
	if err != nil {
		return asItIs
	}
	var pieces []piece
	for _, p := range parts {
		switch {
		case p.Ref == nil:
			pieces = append(pieces, piece{text: EscapeReferences(p.Text)})
		case w.isOutput(p.Ref):
			pieces = append(pieces, piece{expr: "tools" + selector(p.Ref.Tool.Plugin()) + selector(p.Ref.Tool.Instance()) + ".outputs" + selector(p.Ref.Key[0])})
		default:
			pieces = append(pieces, piece{text: p.Ref.String()})
		}
	}
	return pieces
}

// isOutput tells whether a reference is to a field that CUE has: what is below an output is not known to it.
func (w *cueWriter) isOutput(r *Reference) bool {
	if r.Env != "" || len(r.Key) != 1 || !w.tools[r.Tool] {
		return false
	}
	def := w.loader.Definition(r.Tool.Plugin())
	return def != nil && Find(def.Outputs, r.Key) != nil
}

// selector is a field of a struct in an expression.
func selector(name string) string { return "." + cueLabel(name) }

// quotedPieces are pieces as one string, or as the expression if there is one alone. Text of several lines is written as such.
func quotedPieces(pieces []piece, depth int) string {
	if len(pieces) == 1 && pieces[0].expr != "" {
		return pieces[0].expr
	}
	var all strings.Builder
	expressions := false
	for _, p := range pieces {
		all.WriteString(p.text)
		expressions = expressions || p.expr != ""
	}
	lines := strings.Contains(strings.TrimSuffix(all.String(), "\n"), "\n")
	if !expressions {
		if lines {
			return literal.String.WithOptionalTabIndent(depth + 1).Quote(all.String())
		}
		return literal.String.Quote(all.String())
	}
	open, end, newline := `"`, `"`, `\n`
	if lines {
		indent := "\n" + strings.Repeat("\t", depth+1)
		open, end, newline = `"""`+indent, indent+`"""`, indent
	}
	var b strings.Builder
	b.WriteString(open)
	for _, p := range pieces {
		if p.expr != "" {
			b.WriteString(`\(` + p.expr + `)`)
			continue
		}
		for i, line := range strings.Split(p.text, "\n") {
			if i > 0 {
				b.WriteString(newline)
			}
			b.Write(literal.String.AppendEscaped(nil, line))
		}
	}
	b.WriteString(end)
	if lines {
		// Empty lines need no tabs, and those of the text are escaped.
		return emptied(b.String())
	}
	return b.String()
}

// emptied is a text whose lines that are nothing but tabs are empty.
func emptied(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.Trim(line, "\t") == "" {
			lines[i] = ""
		}
	}
	return strings.Join(lines, "\n")
}
