package schema

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
)

// value is the JSON schema of a value. If fill is true, `[[ name ]]` and `${{ … }}` may stand for whatever is neither a list
// nor a map.
func (d *jsonSchemas) value(v cue.Value, fill bool, depth int) (object, error) {
	if err := v.Err(); err != nil {
		return nil, err
	}
	s, err := d.constraint(v, fill, depth)
	if err != nil {
		return nil, err
	}
	doc := docOf(v)
	if doc != "" {
		s["description"] = doc
	}
	if a := v.Attribute("deprecated"); a.Err() == nil || strings.Contains("\n"+doc, "\nDeprecated: ") {
		s["deprecated"] = true
	}
	if standard := defaultOf(v); standard != nil && v.IncompleteKind()&cue.StructKind == 0 && string(standard) != "[]" {
		s["default"] = standard
	}
	return s, nil
}

func (d *jsonSchemas) constraint(v cue.Value, fill bool, depth int) (object, error) {
	kind := v.IncompleteKind()
	either := eitherOf(v)
	switch {
	case depth > maxNesting, kind == cue.TopKind:
		return object{}, nil
	case kind&(cue.StructKind|cue.ListKind) != 0 && len(either) > 1 && slices.ContainsFunc(either, hasStruct):
		var choice []object
		for _, one := range either {
			s, err := d.value(one, fill, depth+1)
			if err != nil {
				return nil, err
			}
			choice = append(choice, s)
		}
		return object{"anyOf": choice}, nil
	case kind == cue.StructKind:
		return d.structure(v, fill, depth)
	}
	rules := rulesOf(evaluated(v))
	element := v.LookupPath(cue.MakePath(cue.AnyIndex))
	if kind != cue.ListKind || !element.Exists() || !hasStruct(element) && element.IncompleteKind()&cue.ListKind == 0 {
		s := fillable(simplest(rules, fill), fill && kind&(cue.StructKind|cue.ListKind) == 0)
		if len(rules) == 1 && rules[0].kinds == nil && rules[0].only == nil && kind != cue.BottomKind {
			// Nothing is known of it but its kind.
			return fillable(object{"type": kindNames(kind)}, fill && kind&(cue.StructKind|cue.ListKind) == 0), nil
		}
		return s, nil
	}
	items, err := d.value(element, fill, depth+1)
	if err != nil {
		return nil, err
	}
	return object{"type": "array", "items": items}, nil
}

func hasStruct(v cue.Value) bool { return v.IncompleteKind()&cue.StructKind != 0 }

// eitherOf are the parts of a value that is one of several.
func eitherOf(v cue.Value) []cue.Value {
	if op, parts := v.Eval().Expr(); op == cue.OrOp {
		return parts
	}
	return nil
}

// evaluated is what CUE has made of the constraints of a value.
func evaluated(v cue.Value) ast.Expr {
	switch n := v.Eval().Syntax().(type) {
	case ast.Expr:
		return n
	case *ast.File:
		// What it imports stands before it.
		for _, decl := range n.Decls {
			if e, ok := decl.(*ast.EmbedDecl); ok {
				return e.Expr
			}
		}
	}
	return &ast.BottomLit{}
}

func kindNames(kind cue.Kind) []string {
	var names []string
	for _, k := range []struct {
		kind cue.Kind
		name string
	}{
		{cue.StructKind, "object"}, {cue.ListKind, "array"}, {cue.StringKind | cue.BytesKind, "string"}, {cue.FloatKind, "number"},
		{cue.IntKind, "integer"}, {cue.BoolKind, "boolean"}, {cue.NullKind, "null"},
	} {
		if kind&k.kind != 0 && (k.name != "integer" || kind&cue.FloatKind == 0) {
			names = append(names, k.name)
		}
	}
	return names
}

// fillable is a schema in whose place `[[ name ]]` may stand if fill is true. The schema is the first of the two: an editor
// that finds neither speaks of that.
func fillable(s object, fill bool) object {
	if !fill || len(s) == 0 {
		return s
	}
	if choice, ok := s["anyOf"].([]object); ok && len(s) == 1 {
		return object{"anyOf": append(choice[:len(choice):len(choice)], ref("variable"))}
	}
	return object{"anyOf": []object{s, ref("variable")}}
}

func (d *jsonSchemas) structure(v cue.Value, fill bool, depth int) (object, error) {
	it, err := v.Fields(cue.Optional(true), cue.Patterns(true))
	if err != nil {
		return nil, err
	}
	properties, patterns, required := object{}, object{}, []string{}
	var rest any = v.Allows(cue.AnyString)
	for it.Next() {
		sel := it.Selector()
		s, err := d.value(it.Value(), fill, depth+1)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sel, err)
		}
		if sel.ConstraintType() != cue.PatternConstraint {
			properties[sel.Unquoted()] = s
			if fill && it.Value().IncompleteKind()&cue.NullKind == 0 {
				// It counts as not written.
				properties[sel.Unquoted()] = withNull(s)
			}
			// A map that need not be written must be there for what must be written in it.
			_, needs := s["required"]
			if sel.ConstraintType() == cue.RequiredConstraint || needs && sel.ConstraintType() != cue.OptionalConstraint {
				required = append(required, sel.Unquoted())
			}
			continue
		}
		switch pattern, ok := labelPattern(sel.Pattern()); {
		case ok && pattern == "":
			rest = s
		case ok:
			patterns[pattern] = s
		default:
			rest = true
		}
	}
	s := object{"type": "object"}
	if rest != true {
		s["additionalProperties"] = rest
		if fill {
			// A key may have a variable in it.
			patterns[`\[\[.*\]\]`] = object{}
		}
	}
	if len(properties) > 0 {
		s["properties"] = properties
	}
	if len(patterns) > 0 {
		s["patternProperties"] = patterns
	}
	if len(required) > 0 {
		s["required"] = required
	}
	return s, nil
}

// withNull lets null pass in the place of a map or a list; of a scalar the variable does so.
func withNull(s object) object {
	if s["type"] == "object" || s["type"] == "array" {
		s["type"] = []any{s["type"], "null"}
	}
	return s
}

// labelPattern is the regular expression that names must match; empty if they may be any.
func labelPattern(v cue.Value) (pattern string, ok bool) {
	rules := rulesOf(evaluated(v))
	if len(rules) != 1 {
		return "", false
	}
	r := rules[0]
	switch {
	case reflect.DeepEqual(r, rule{kinds: []string{"string"}}):
		return "", true
	case len(r.patterns) == 1 && reflect.DeepEqual(r, rule{kinds: r.kinds, patterns: r.patterns}):
		return portable(r.patterns[0])
	}
	return "", false
}
