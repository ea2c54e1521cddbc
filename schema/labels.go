package schema

import (
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
)

// toolLabels are the fields that are written three labels deep, by these labels: a tool is "tools", plugin, instance. It is
// the answer of findPath for such a path, found by looking once at each field: searching the files anew for each of 10,000
// tools took 5 s of 6 with all tools in one struct, and 18 of 19 with a line `tools: localfile: …` for each.
type toolLabels map[string][]toolLabel

// toolLabel is one such field. A tool may be written in several places; order is that of the source.
type toolLabel struct {
	order int
	field *ast.Field
}

// anyLabel stands for a label that only evaluation knows, as in ("\(x)"): …. No label of a tool looks like it.
const anyLabel = "*"

// placeOfTool is place for a path that leads to a tool or into it. It is not ok for others, and if the tool has no label of
// its own, as when it is a copy of another field.
func (p *located) placeOfTool(path []string) (_ Pos, ok bool) {
	if len(path) < 3 {
		return Pos{}, false
	}
	if p.labels == nil {
		p.labels = toolLabels{}
		n := 0
		for _, f := range p.inst.Files {
			p.labels.add(f.Decls, nil, &n)
		}
	}
	var found []toolLabel
	for _, a := range []string{path[0], anyLabel} {
		for _, b := range []string{path[1], anyLabel} {
			for _, c := range []string{path[2], anyLabel} {
				found = append(found, p.labels[labelKey(a, b, c)]...)
			}
		}
	}
	if len(found) == 0 {
		return Pos{}, false
	}
	slices.SortFunc(found, func(a, b toolLabel) int { return a.order - b.order })
	best, depth := ast.Node(found[0].field.Label), 0
	if len(path) > 3 {
		for _, t := range found {
			if node, d := findInExpr(t.field.Value, path[3:]); node != nil && d > depth {
				best, depth = node, d
			}
		}
	}
	return p.position(best), true
}

func labelKey(labels ...string) string { return strings.Join(labels, "\x00") }

// add enters the fields of decls, which are below the labels in path. n counts them.
func (l toolLabels) add(decls []ast.Decl, path []string, n *int) {
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.Field:
			name, _, err := ast.LabelName(d.Label)
			if err != nil {
				name = anyLabel
			}
			at := append(path[:len(path):len(path)], name)
			if len(at) < 3 {
				l.addExpr(d.Value, at, n)
				continue
			}
			*n++
			key := labelKey(at...)
			l[key] = append(l[key], toolLabel{order: *n, field: d})
		case *ast.EmbedDecl:
			l.addExpr(d.Expr, path, n)
		case *ast.Comprehension:
			l.addExpr(d.Value, path, n)
		}
	}
}

func (l toolLabels) addExpr(e ast.Expr, path []string, n *int) {
	switch e := e.(type) {
	case *ast.StructLit:
		l.add(e.Elts, path, n)
	case *ast.ParenExpr:
		l.addExpr(e.X, path, n)
	case *ast.BinaryExpr:
		l.addExpr(e.X, path, n)
		l.addExpr(e.Y, path, n)
	}
}
