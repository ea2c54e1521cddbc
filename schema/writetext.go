package schema

import (
	"regexp"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
)

// piece is a part of a value: literal text, a reference to an output, or another expression.
type piece struct {
	text, expr string
	// variable is the value of an expression that is a variable.
	variable *Value
	ref      *Reference
	// whole tells that the expression alone is the value, whatever its type; else it becomes a part of a string.
	whole bool
}

// standIn takes the place of a reference while texts are compared: it may have been spelt in another way.
const standIn = "\U0010fffd"

// referenceless is a text with a stand-in for every reference, and the references as they are spelt there.
func referenceless(text string) (string, []string) {
	if !strings.Contains(text, refOpen) {
		return text, nil
	}
	var b strings.Builder
	var refs []string
	for {
		open := strings.Index(text, refOpen)
		if open < 0 {
			break
		}
		size := strings.Index(text[open:], refClose)
		if size < 0 || open > 0 && text[open-1] == '$' {
			b.WriteString(text[:open+len(refOpen)])
			text = text[open+len(refOpen):]
			continue
		}
		b.WriteString(text[:open] + standIn)
		refs = append(refs, text[open:open+size+len(refClose)])
		text = text[open+size+len(refClose):]
	}
	return b.String() + text, refs
}

// restored is a part of a text with its references again; it returns those of the parts to come.
func restored(text string, refs []string) (string, []string) {
	n := min(strings.Count(text, standIn), len(refs))
	for _, ref := range refs[:n] {
		text = strings.Replace(text, standIn, ref, 1)
	}
	return text, refs[n:]
}

// filled is a value that variables were put into, as references to them. It is not ok if CUE would make something else of
// it: a variable was another one there, or the value is no part of the text.
func (w *cueWriter) filled(v *Value) (pieces []piece, ok bool) {
	parts := w.written.Templates[v.Pos]
	if len(parts) == 0 {
		return nil, false
	}
	if len(parts) == 1 {
		if variable, expr := w.variable(parts[0].Variable); variable != nil && variable.Kind == v.Kind && variable.Text == v.Text {
			return []piece{{expr: expr, variable: variable, whole: true}}, true
		}
	}
	if v.Kind != String {
		return nil, false
	}
	if pieces, ok = w.aligned(parts, v.Text); ok && len(pieces) == 1 {
		// A variable that is a string needs no other around it.
		pieces[0].whole = pieces[0].variable != nil && pieces[0].variable.Kind == String
	}
	return pieces, ok
}

// aligned finds the parts of a template in a text that was made of it: the text may be longer, or be a part of it.
func (w *cueWriter) aligned(parts []Filled, whole string) ([]piece, bool) {
	text, refs := referenceless(whole)
	known := make([]struct {
		text string
		of   piece
	}, len(parts))
	var pattern, all strings.Builder
	complete, literally := true, false
	for i, p := range parts {
		known[i].text, _ = referenceless(p.Text)
		literally = literally || p.Text != ""
		if p.Variable != "" {
			variable, expr := w.variable(p.Variable)
			if variable == nil || !inText(variable) {
				complete = false
				pattern.WriteString("(.*?)")
				continue
			}
			known[i].text, _ = referenceless(variable.Text)
			known[i].of = piece{expr: expr, variable: variable}
		}
		all.WriteString(known[i].text)
		pattern.WriteString("(" + regexp.QuoteMeta(known[i].text) + ")")
	}
	var pieces []piece
	add := func(text string, of piece) bool {
		text, refs = restored(text, refs)
		switch {
		case of.variable != nil:
			pieces = append(pieces, of)
			// References in the variable must be spelt as they are here.
			return of.variable.Text == text
		case text != "":
			pieces = append(pieces, w.references(text)...)
		}
		return true
	}
	if at := align(pattern.String(), text, literally); at != nil {
		ok := add(text[:at[0]], piece{})
		for i := range parts {
			ok = ok && add(text[at[2*i+2]:at[2*i+3]], known[i].of)
		}
		return pieces, ok && add(text[at[1]:], piece{}) && hasExpression(pieces)
	}
	from := strings.Index(all.String(), text)
	if !complete || !literally || from < 0 || text == "" {
		return nil, false
	}
	to, at := from+len(text), 0
	for _, p := range known {
		begin, end := max(at, from), min(at+len(p.text), to)
		cut := begin > at || end < at+len(p.text)
		at += len(p.text)
		switch {
		case begin >= end:
		case p.of.variable != nil && cut:
			return nil, false
		case !add(all.String()[begin:end], p.of):
			return nil, false
		}
	}
	return pieces, hasExpression(pieces)
}

// align is where a pattern stands in a text: as the whole of it, or as a part if that may be. Nil if it does not.
func align(pattern, text string, part bool) []int {
	ways := []string{`^` + pattern + `$`}
	if part {
		ways = append(ways, pattern)
	}
	for _, way := range ways {
		re, err := regexp.Compile(`(?s)` + way)
		if err != nil {
			continue // a text that is too long for a pattern
		}
		if at := re.FindStringSubmatchIndex(text); at != nil {
			return at
		}
	}
	return nil
}

func hasExpression(pieces []piece) bool {
	return slices.ContainsFunc(pieces, func(p piece) bool { return p.expr != "" })
}

// inText tells whether CUE writes a value in a string just as it is written here.
func inText(v *Value) bool {
	switch v.Kind {
	case String, Int, Bool:
		return true
	case Float:
		return !strings.ContainsAny(v.Text, "eE")
	}
	return false
}

// variable is the value of a variable, and the CUE that refers to it. Nil if there is none.
func (w *cueWriter) variable(name string) (*Value, string) {
	top, rest, nested := strings.Cut(name, ".")
	found := w.values[top]
	if found == nil {
		return nil, ""
	}
	expr := w.variables[top]
	for nested {
		top, rest, nested = strings.Cut(rest, ".")
		i := slices.IndexFunc(found.Fields, func(f Field) bool { return f.Name == top })
		if i < 0 {
			return nil, ""
		}
		found, expr = &found.Fields[i].Value, expr+selector(top)
	}
	return found, expr
}

// references parts a text at its references to outputs.
func (w *cueWriter) references(text string) []piece {
	asItIs := []piece{{text: text}}
	if !strings.Contains(text, refOpen) {
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
			pieces = append(pieces, piece{ref: p.Ref, whole: len(parts) == 1})
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

// expression is a piece that is no text.
func (w *cueWriter) expression(p *piece) string {
	if p.ref == nil {
		return p.expr
	}
	return w.outputs(p.ref.Tool) + selector(p.ref.Key[0])
}

// outputs is what refers to the outputs of a tool.
func (w *cueWriter) outputs(id ID) string {
	if alias := w.aliases[id]; alias != "" {
		return alias
	}
	return outputsOf(id)
}

func outputsOf(id ID) string {
	return "tools" + selector(id.Plugin()) + selector(id.Instance()) + ".outputs"
}

// selector is a field of a struct in an expression.
func selector(name string) string { return "." + cueLabel(name) }

// cueLabel is the name of a field as CUE has it.
func cueLabel(name string) string {
	if !ast.StringLabelNeedsQuoting(name) {
		return name
	}
	return literal.Label.Quote(name)
}

// quoted are pieces as one string, or as the expression if there is one alone. Text of several lines is written as such.
func (w *cueWriter) quoted(pieces []piece, depth int) string {
	if len(pieces) == 1 && pieces[0].whole {
		return w.expression(&pieces[0])
	}
	var all strings.Builder
	expressions := false
	for i := range pieces {
		all.WriteString(pieces[i].text)
		expressions = expressions || w.expression(&pieces[i]) != ""
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
	for i := range pieces {
		if expr := w.expression(&pieces[i]); expr != "" {
			b.WriteString(`\(` + expr + `)`)
			continue
		}
		for i, line := range strings.Split(pieces[i].text, "\n") {
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
