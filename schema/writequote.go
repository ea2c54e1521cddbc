package schema

import (
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
)

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
	form := literal.String
	if lines {
		if !strings.Contains(all.String(), `"""`) {
			form = form.WithTabIndent(depth + 1) // which leaves quotes as they are
		}
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
			b.Write(form.AppendEscaped(nil, line))
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
