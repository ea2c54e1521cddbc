package schema

import (
	"regexp"
	"slices"
	"strings"
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
