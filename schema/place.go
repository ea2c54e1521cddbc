package schema

import (
	"path/filepath"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/token"
)

// A placer finds where the user wrote a path, or the nearest of its parents.
type placer func(path []string) Pos

// place looks for path in the user's files. What is made by a comprehension is found at the comprehension.
func (p *located) place(path []string) Pos {
	if at, ok := p.placeOfTool(path); ok {
		return at
	}
	best, depth := Pos{File: p.given}, -1
	for _, f := range p.inst.Files {
		node, d := findPath(f.Decls, path)
		if node != nil && d > depth {
			best, depth = p.position(node), d
		}
	}
	return best
}

// findPath follows path through the declarations and returns the deepest label that is met, and its depth.
func findPath(decls []ast.Decl, path []string) (ast.Node, int) {
	var best ast.Node
	depth := 0
	take := func(node ast.Node, d int) {
		if node != nil && d > depth {
			best, depth = node, d
		}
	}
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.Field:
			name, _, err := ast.LabelName(d.Label)
			if err == nil && name != path[0] {
				continue
			}
			take(d.Label, 1)
			if len(path) > 1 {
				node, n := findInExpr(d.Value, path[1:])
				take(node, n+1)
			}
		case *ast.EmbedDecl:
			node, n := findInExpr(d.Expr, path)
			take(node, n)
		case *ast.Comprehension:
			node, n := findInExpr(d.Value, path)
			take(node, n)
		}
	}
	return best, depth
}

func findInExpr(e ast.Expr, path []string) (ast.Node, int) {
	switch e := e.(type) {
	case *ast.StructLit:
		return findPath(e.Elts, path)
	case *ast.ParenExpr:
		return findInExpr(e.X, path)
	case *ast.ListLit:
		if i, err := strconv.Atoi(path[0]); err == nil && i < len(e.Elts) {
			if len(path) == 1 {
				return e.Elts[i], 1
			}
			if node, n := findInExpr(e.Elts[i], path[1:]); node != nil {
				return node, n + 1
			}
			return e.Elts[i], 1
		}
	case *ast.BinaryExpr:
		left, l := findInExpr(e.X, path)
		right, r := findInExpr(e.Y, path)
		if r > l {
			return right, r
		}
		return left, l
	}
	return nil, 0
}

// expected is the disjunction that the user's files put on a field of their own, as in `*"dev" | "prod"`; else empty.
func (p *located) expected(path []string) string {
	if len(path) != 1 {
		return ""
	}
	for _, f := range p.inst.Files {
		for _, d := range f.Decls {
			field, ok := d.(*ast.Field)
			if !ok {
				continue
			}
			if name, _, err := ast.LabelName(field.Label); err != nil || name != path[0] {
				continue
			}
			value := field.Value
			if and, ok := value.(*ast.BinaryExpr); ok && and.Op == token.AND {
				value = and.X // a tag's value is put in as `constraint & value`
			}
			if or, ok := value.(*ast.BinaryExpr); ok && or.Op == token.OR {
				if text, err := format.Node(or); err == nil {
					return string(text)
				}
			}
		}
	}
	return ""
}

func (p *located) position(node ast.Node) Pos { return p.pos(node.Pos()) }

func (p *located) pos(at token.Pos) Pos {
	return Pos{File: p.display(at.Filename()), Line: at.Line(), Column: at.Column()}
}

// users keeps the positions in the user's own files, without those of the line that embeds the schema: it is part of
// every conflict and tells nothing.
func (p *located) users(positions []token.Pos) []Pos {
	embeds := map[token.Position]bool{}
	for _, f := range p.inst.Files {
		for _, d := range f.Decls {
			if e, ok := d.(*ast.EmbedDecl); ok {
				if _, isStruct := e.Expr.(*ast.StructLit); !isStruct {
					embeds[e.Pos().Position()] = true
				}
			}
		}
	}
	vendor := filepath.Join(p.root, filepath.FromSlash(vendorDir)) + string(filepath.Separator)
	var own []Pos
	for _, at := range positions {
		if at.IsValid() && at.Filename() != "" && !strings.HasPrefix(at.Filename(), vendor) && !embeds[at.Position()] {
			own = append(own, p.pos(at))
		}
	}
	return own
}

// placer finds a path below "tools", "plugins" or "state" in what was read from YAML.
func (s *Source) placer() placer {
	tools := s.byID()
	return func(path []string) Pos {
		if len(path) > 0 && path[0] == "state" {
			return s.Keeping.find(path[1:])
		}
		if len(path) > 0 && path[0] == "plugins" {
			return s.Plugins.find(path[1:])
		}
		if len(path) < 3 {
			return Pos{}
		}
		t := tools[MakeID(path[1], path[2])]
		if t == nil {
			return Pos{}
		}
		rest := path[3:]
		switch {
		case len(rest) > 1 && rest[0] == "dependsOn":
			if i, ok := index(rest[1], len(t.DependsOn)); ok {
				return t.DependsOn[i].Pos
			}
		case len(rest) > 0 && rest[0] == "options" && t.Options.Pos.IsValid():
			return t.Options.find(rest[1:])
		case len(rest) > 0 && rest[0] == "lifecycle" && t.Lifecycle.Pos.IsValid():
			return t.Lifecycle.find(rest[1:])
		}
		return t.Pos
	}
}

// find follows path and returns the place of the deepest part that is met.
func (v *Value) find(path []string) Pos {
	if len(path) == 0 {
		return v.Pos
	}
	for i := range v.Fields {
		if f := &v.Fields[i]; f.Name == path[0] {
			if len(path) == 1 {
				return f.Pos
			}
			if pos := f.Value.find(path[1:]); pos.IsValid() {
				return pos
			}
			return f.Pos
		}
	}
	if i, ok := index(path[0], len(v.Items)); ok {
		return v.Items[i].find(path[1:])
	}
	return v.Pos
}

// byID are the tools by their IDs, the first of each.
func (s *Source) byID() map[ID]*SourceTool {
	tools := make(map[ID]*SourceTool, len(s.Tools))
	for i := range s.Tools {
		t := &s.Tools[i]
		if id := MakeID(t.Plugin.Text, t.Instance.Text); tools[id] == nil {
			tools[id] = t
		}
	}
	return tools
}

func isIndex(part string) bool {
	_, err := strconv.Atoi(part)
	return err == nil
}

// index is the part of a path that leads into a list of n items.
func index(part string, n int) (int, bool) {
	i, err := strconv.Atoi(part)
	return i, err == nil && i >= 0 && i < n
}
