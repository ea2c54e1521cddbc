package schema

import (
	"encoding/json"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"
)

// A rule is what JSON Schema can say of a value that is no struct. What CUE says besides is left out, so that a rule takes
// what CUE takes, and may take more. The zero rule takes everything.
type rule struct {
	// kinds are names of JSON Schema, any if there are none.
	kinds []string
	// only are the values that there are, where there is a choice; not are such that there are not.
	only []any
	not  []any
	// patterns are regular expressions of CUE that a text must match, and unlike those that it must not.
	patterns, unlike []string
	// shortest and longest count characters.
	shortest, longest *int64
	// min and max are numbers; without them tells that they themselves are too little and too much.
	min, max               json.Number
	withoutMin, withoutMax bool
	// items are those of a list, if it is one.
	items *listRule
}

// listRule is what stands in a list: each of the first, and then as many as one likes of the rest, none if it is nil.
type listRule struct {
	first [][]rule
	rest  []rule
}

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

// and is the rule that says what both say.
func (r rule) and(other rule) rule {
	switch {
	case r.kinds == nil:
		r.kinds = other.kinds
	case other.kinds != nil:
		r.kinds = commonKinds(r.kinds, other.kinds)
	}
	switch {
	case r.only == nil:
		r.only = other.only
	case other.only != nil:
		r.only = slices.DeleteFunc(slices.Clone(r.only), func(v any) bool {
			return !slices.ContainsFunc(other.only, func(w any) bool { return reflect.DeepEqual(v, w) })
		})
	}
	r.not = slices.Concat(r.not, other.not)
	r.patterns = slices.Concat(r.patterns, other.patterns)
	r.unlike = slices.Concat(r.unlike, other.unlike)
	if other.shortest != nil && (r.shortest == nil || *r.shortest < *other.shortest) {
		r.shortest = other.shortest
	}
	if other.longest != nil && (r.longest == nil || *r.longest > *other.longest) {
		r.longest = other.longest
	}
	if other.min != "" && (r.min == "" || less(r.min, other.min) || other.withoutMin && !less(other.min, r.min)) {
		r.min, r.withoutMin = other.min, other.withoutMin
	}
	if other.max != "" && (r.max == "" || less(other.max, r.max) || other.withoutMax && !less(r.max, other.max)) {
		r.max, r.withoutMax = other.max, other.withoutMax
	}
	if r.items == nil {
		r.items = other.items
	}
	return r
}

func commonKinds(a, b []string) []string {
	var common []string
	for _, kind := range a {
		switch {
		case slices.Contains(b, kind):
			common = append(common, kind)
		case kind == "integer" && slices.Contains(b, "number"), kind == "number" && slices.Contains(b, "integer"):
			common = append(common, "integer")
		}
	}
	return common
}

func less(a, b json.Number) bool {
	x, ok := new(big.Rat).SetString(string(a))
	y, fine := new(big.Rat).SetString(string(b))
	return ok && fine && x.Cmp(y) < 0
}

// takes tells whether a value that is written down follows a rule; it does not where nobody knows.
func (r *rule) takes(v any) bool {
	if r.kinds != nil && !slices.Contains(r.kinds, kindOf(v)) && (kindOf(v) != "integer" || !slices.Contains(r.kinds, "number")) {
		return false
	}
	same := func(w any) bool { return reflect.DeepEqual(v, w) }
	if r.items != nil || slices.ContainsFunc(r.not, same) || r.only != nil && !slices.ContainsFunc(r.only, same) {
		return false
	}
	switch v := v.(type) {
	case string:
		return r.takesText(v)
	case json.Number:
		low := r.min != "" && (less(v, r.min) || r.withoutMin && !less(r.min, v))
		high := r.max != "" && (less(r.max, v) || r.withoutMax && !less(v, r.max))
		return !low && !high
	}
	return true
}

func (r *rule) takesText(text string) bool {
	length := int64(utf8.RuneCountInString(text))
	if r.shortest != nil && length < *r.shortest || r.longest != nil && length > *r.longest {
		return false
	}
	matches := func(pattern string) bool {
		re, err := regexp.Compile(pattern)
		return err == nil && re.MatchString(text)
	}
	return !slices.ContainsFunc(r.patterns, func(p string) bool { return !matches(p) }) && !slices.ContainsFunc(r.unlike, matches)
}
