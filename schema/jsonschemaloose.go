package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/ast/astutil"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
)

// loosened is a schema's text without what depends on the values of other fields, which JSON Schema cannot say: fields
// that are there on a condition are optional, and what else a condition adds is left out.
func loosened(name, text string) (string, error) {
	f, err := parser.ParseFile(name, text, parser.ParseComments)
	if err != nil {
		return "", err
	}
	l := loosener{plain: map[string]bool{}}
	l.learn(f)
	changed := astutil.Apply(f, func(c astutil.Cursor) bool {
		switch n := c.Node().(type) {
		case *ast.StructLit:
			n.Elts = l.decls(n.Elts)
		case *ast.Field:
			if n.Value != nil {
				n.Value = l.expr(n.Value)
			}
		}
		return true
	}, nil)
	out, err := format.Node(changed)
	return string(out), err
}

type loosener struct {
	// plain are the names of all fields of the file that are there without a condition.
	plain map[string]bool
}

func (l *loosener) learn(n ast.Node) {
	ast.Walk(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Comprehension:
			return false
		case *ast.Field:
			if name, _, err := ast.LabelName(n.Label); err == nil {
				l.plain[name] = true
			}
		}
		return true
	}, nil)
}

// decls are the parts of a struct without its conditions.
func (l *loosener) decls(decls []ast.Decl) []ast.Decl {
	own := map[string]*ast.Field{}
	var out []ast.Decl
	var conditional []*ast.Comprehension
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.Comprehension:
			conditional = append(conditional, d)
			continue
		case *ast.Field:
			if name, _, err := ast.LabelName(d.Label); err == nil {
				own[name] = d
			}
		}
		out = append(out, d)
	}
	found := map[string]*ast.Field{}
	open := false
	for _, c := range conditional {
		body, ok := c.Value.(*ast.StructLit)
		if !ok || slices.ContainsFunc(c.Clauses, func(c ast.Clause) bool { _, isFor := c.(*ast.ForClause); return isFor }) {
			open = true
			continue
		}
		for _, d := range l.decls(body.Elts) {
			open = l.gather(d, own, found) || open
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[name])
	}
	if open {
		out = append(out, &ast.Ellipsis{})
	}
	return out
}

// gather adds a field that a condition adds to those of the struct. It tells whether nobody knows what is added.
func (l *loosener) gather(d ast.Decl, own, found map[string]*ast.Field) (unknown bool) {
	f, ok := d.(*ast.Field)
	if !ok {
		return true
	}
	name, _, err := ast.LabelName(f.Label)
	if err != nil {
		return true
	}
	if strings.HasPrefix(name, "_") {
		return false
	}
	if was := own[name]; was != nil {
		to, ok := was.Value.(*ast.StructLit)
		more, fine := f.Value.(*ast.StructLit)
		if ok && fine {
			l.extend(to, more)
		}
		return false
	}
	was := found[name]
	if was == nil {
		optional := token.OPTION
		was = &ast.Field{Label: f.Label, Constraint: optional, Value: f.Value, Attrs: f.Attrs}
		ast.SetComments(was, ast.Comments(f))
		if l.plain[name] {
			// What it is says another place, perhaps of the same struct.
			was.Value = ast.NewIdent("_")
		}
		found[name] = was
		return false
	}
	to, ok := was.Value.(*ast.StructLit)
	more, fine := f.Value.(*ast.StructLit)
	switch {
	case ok && fine:
		l.extend(to, more)
	case !l.plain[name]:
		was.Value = ast.NewBinExpr(token.OR, was.Value, f.Value)
	}
	return false
}

// extend adds the fields of a struct that is there on a condition to those of one that is there always.
func (l *loosener) extend(to, more *ast.StructLit) {
	to.Elts = l.decls(append(to.Elts, &ast.Comprehension{Clauses: []ast.Clause{&ast.IfClause{}}, Value: &ast.StructLit{Elts: more.Elts}}))
}

// expr is a constraint in which `_` stands for what depends on other fields.
func (l *loosener) expr(x ast.Expr) ast.Expr {
	switch x := x.(type) {
	case *ast.StructLit, *ast.ListLit:
		return x
	case *ast.ParenExpr:
		x.X = l.expr(x.X)
		return x
	case *ast.BinaryExpr:
		if x.Op == token.AND || x.Op == token.OR {
			x.X, x.Y = l.expr(x.X), l.expr(x.Y)
			return x
		}
	}
	if dependent(x) {
		return ast.NewIdent("_")
	}
	return x
}

// dependent tells whether an expression has to do with the value of a field.
func dependent(x ast.Expr) bool {
	found := false
	ast.Walk(x, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok || found {
			return !found
		}
		if id.Node != nil && !strings.HasPrefix(id.Name, "#") && !strings.HasPrefix(id.Name, "_#") {
			_, isImport := id.Node.(*ast.ImportSpec)
			found = !isImport
		}
		return !found
	}, nil)
	return found
}

// loosen is loosened for all files that a schema is made of.
func loosen(files map[string]string) (map[string]string, error) {
	out := make(map[string]string, len(files))
	for name, text := range files {
		text, err := loosened(name, text)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		out[name] = text
	}
	return out, nil
}
