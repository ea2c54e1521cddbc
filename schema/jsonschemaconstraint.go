package schema

import (
	"encoding/json"
	"math/big"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"
)

// rulesOf are the rules of a constraint that CUE has evaluated. Who follows one of them follows the constraint.
func rulesOf(x ast.Expr) []rule {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return rulesOf(x.X)
	case *ast.BasicLit:
		if v, ok := constant(x); ok {
			return []rule{{only: []any{v}}}
		}
	case *ast.Ident:
		return []rule{kindRule(x.Name)}
	case *ast.UnaryExpr:
		return []rule{unaryRule(x)}
	case *ast.BinaryExpr:
		left, right := rulesOf(x.X), rulesOf(x.Y)
		switch x.Op {
		case token.OR:
			return append(left, right...)
		case token.AND:
			var all []rule
			for _, a := range left {
				for _, b := range right {
					all = append(all, a.and(b))
				}
			}
			return all
		}
	case *ast.CallExpr:
		return []rule{callRule(x)}
	case *ast.ListLit:
		return []rule{{kinds: []string{"array"}, items: listRuleOf(x)}}
	case *ast.StructLit:
		return []rule{{kinds: []string{"object"}}}
	}
	return []rule{{}}
}

// constant is a value that is written down.
func constant(x ast.Expr) (any, bool) {
	if u, ok := x.(*ast.UnaryExpr); ok && u.Op == token.SUB {
		if n, ok := constant(u.X); ok {
			if n, ok := n.(json.Number); ok {
				return json.Number("-" + string(n)), true
			}
		}
		return nil, false
	}
	lit, ok := x.(*ast.BasicLit)
	if !ok {
		return nil, false
	}
	switch lit.Kind {
	case token.STRING:
		text, err := literal.Unquote(lit.Value)
		return text, err == nil && !strings.HasPrefix(lit.Value, "'")
	case token.INT, token.FLOAT:
		var n literal.NumInfo
		if err := literal.ParseNum(lit.Value, &n); err != nil {
			return nil, false
		}
		return json.Number(n.String()), true
	case token.TRUE:
		return true, true
	case token.FALSE:
		return false, true
	case token.NULL:
		return nil, true
	}
	return nil, false
}

// kindRule is what a type of CUE is.
func kindRule(name string) rule {
	switch name {
	case "string", "bytes":
		return rule{kinds: []string{"string"}}
	case "bool":
		return rule{kinds: []string{"boolean"}}
	case "number", "float", "float32", "float64":
		return rule{kinds: []string{"number"}}
	case "null":
		return rule{kinds: []string{"null"}}
	case "int", "rune":
		return rule{kinds: []string{"integer"}}
	case "uint":
		return rule{kinds: []string{"integer"}, min: "0"}
	}
	if bits, ok := strings.CutPrefix(name, "uint"); ok {
		if top := power(bits, 0); top != "" {
			return rule{kinds: []string{"integer"}, min: "0", max: top}
		}
	}
	if bits, ok := strings.CutPrefix(name, "int"); ok {
		if top := power(bits, 1); top != "" {
			bottom, _ := new(big.Int).SetString(string(top), 10)
			return rule{kinds: []string{"integer"}, min: json.Number(bottom.Not(bottom).String()), max: top}
		}
	}
	return rule{}
}

// power is the largest number of so many bits, some of them for the sign.
func power(bits string, sign uint) json.Number {
	n := map[string]uint{"8": 8, "16": 16, "32": 32, "64": 64, "128": 128}[bits]
	if n == 0 {
		return ""
	}
	one := big.NewInt(1)
	return json.Number(new(big.Int).Sub(new(big.Int).Lsh(one, n-sign), one).String())
}

func unaryRule(x *ast.UnaryExpr) rule {
	if x.Op == token.MUL {
		// A default is one of the values.
		if rules := rulesOf(x.X); len(rules) == 1 {
			return rules[0]
		}
		return rule{}
	}
	if v, ok := constant(x); ok {
		return rule{only: []any{v}}
	}
	v, ok := constant(x.X)
	if !ok {
		return rule{}
	}
	text, isText := v.(string)
	n, isNumber := v.(json.Number)
	switch {
	case isText && x.Op == token.MAT:
		return rule{kinds: []string{"string"}, patterns: []string{text}}
	case isText && x.Op == token.NMAT:
		return rule{kinds: []string{"string"}, unlike: []string{text}}
	case isText && x.Op == token.NEQ && text == "":
		one := int64(1)
		return rule{kinds: []string{"string"}, shortest: &one}
	case isText && x.Op == token.NEQ:
		return rule{kinds: []string{"string"}, not: []any{text}}
	case x.Op == token.NEQ && isNumber:
		return rule{kinds: []string{"number"}, not: []any{v}}
	case x.Op == token.NEQ:
		return rule{not: []any{v}}
	case isText:
		// What stands before a word in the alphabet.
		return rule{kinds: []string{"string"}}
	case isNumber && (x.Op == token.GEQ || x.Op == token.GTR):
		return rule{kinds: []string{"number"}, min: n, withoutMin: x.Op == token.GTR}
	case isNumber && (x.Op == token.LEQ || x.Op == token.LSS):
		return rule{kinds: []string{"number"}, max: n, withoutMax: x.Op == token.LSS}
	}
	return rule{}
}

// duration is Go's notation.
const duration = `^[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`

// callRule is what is known of some of CUE's own functions.
func callRule(x *ast.CallExpr) rule {
	f, ok := x.Fun.(*ast.SelectorExpr)
	if !ok {
		return rule{}
	}
	pkg, ok := f.X.(*ast.Ident)
	if !ok {
		return rule{}
	}
	var n *int64
	if len(x.Args) == 1 {
		if v, ok := constant(x.Args[0]); ok {
			if number, ok := v.(json.Number); ok {
				if i, err := number.Int64(); err == nil {
					n = &i
				}
			}
		}
	}
	name, _, _ := ast.LabelName(f.Sel)
	switch pkg.Name + "." + name {
	case "time.Duration":
		return rule{kinds: []string{"string"}, patterns: []string{duration}}
	case "strings.MinRunes":
		return rule{kinds: []string{"string"}, shortest: n}
	case "strings.MaxRunes":
		return rule{kinds: []string{"string"}, longest: n}
	}
	return rule{}
}

func listRuleOf(x *ast.ListLit) *listRule {
	l := &listRule{}
	for _, e := range x.Elts {
		switch e := e.(type) {
		case *ast.Ellipsis:
			l.rest = []rule{{}}
			if e.Type != nil {
				l.rest = rulesOf(e.Type)
			}
		case *ast.Comprehension:
			return nil
		default:
			l.first = append(l.first, rulesOf(e))
		}
	}
	return l
}
