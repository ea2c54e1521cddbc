package schema

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
)

// typeOf is the constraint as the author of the schema wrote it, on one line; "struct" for a struct. Where a plugin's
// schema and a shared one both have something to say of a field, as in `*"argocd" | string` and `=~"^[a-z]+$"`, it is what
// the two come to: `*"argocd" | =~"^[a-z]+$"`.
func typeOf(v cue.Value) string {
	if v.IncompleteKind() == cue.StructKind {
		return "struct"
	}
	bare := fmt.Sprint(v.IncompleteKind())
	if node := v.Source(); node != nil {
		return oneLine(node, bare)
	}
	op, conjuncts := v.Expr()
	if op != cue.AndOp {
		return oneLine(v.Syntax(cue.Raw()), bare)
	}
	var standard string
	var rest []string
	for _, c := range conjuncts {
		text := oneLine(c.Source(), bare)
		switch {
		case text == bare || slices.Contains(rest, text):
			// That it is a string, say, is said by every other part.
		case standard == "" && strings.HasPrefix(text, "*"):
			standard = text
		default:
			rest = append(rest, text)
		}
	}
	if len(rest) == 0 {
		if standard == "" {
			return bare
		}
		return standard
	}
	if head, ok := strings.CutSuffix(standard, "| "+bare); ok {
		return head + "| " + both(rest)
	}
	if standard != "" {
		rest = append([]string{standard}, rest...)
	}
	return both(rest)
}

// both are constraints that hold at the same time.
func both(constraints []string) string {
	if len(constraints) > 1 {
		for i, c := range constraints {
			if strings.Contains(c, " | ") {
				constraints[i] = "(" + c + ")"
			}
		}
	}
	return strings.Join(constraints, " & ")
}

// oneLine is a constraint, which may be the whole field, without line breaks; instead stands for one that cannot be
// written.
func oneLine(node ast.Node, instead string) string {
	if f, ok := node.(*ast.Field); ok {
		node = f.Value
	}
	if node == nil {
		return instead
	}
	text, err := format.Node(node, format.Simplify())
	if err != nil {
		return instead
	}
	return strings.Join(strings.Fields(string(text)), " ")
}
