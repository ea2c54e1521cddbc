package schema

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// simplest is the schema of some rules, one of which must be followed.
func simplest(rules []rule, fill bool) object {
	var kept []rule
	var only []any
	var kinds []string
	for i, r := range rules {
		if len(r.only) == 1 && slices.ContainsFunc(rules, func(other rule) bool { return other.only == nil && other.takes(r.only[0]) }) {
			continue // as the default that stands beside what is allowed
		}
		switch {
		case r.items == nil && r.only != nil:
			only = appendNew(only, r.only...)
		case r.items != nil && covered(r, rules, i):
		case reflect.DeepEqual(r, rule{kinds: r.kinds}) && r.kinds != nil:
			kinds = appendNew(kinds, r.kinds...)
		default:
			r.patterns = slices.Clone(r.patterns)
			kept = append(kept, r)
		}
	}
	if len(kinds) > 0 {
		only = slices.DeleteFunc(only, func(v any) bool { return slices.Contains(kinds, kindOf(v)) })
	}
	if len(kept) == 1 && len(kinds) == 0 && len(only) == 1 && only[0] == "" && kept[0].orEmpty() {
		only = nil
	}
	var choice []object
	if len(only) > 0 {
		choice = append(choice, object{"enum": only})
	}
	switch len(kinds) {
	case 0:
	case 1:
		choice = append(choice, object{"type": kinds[0]})
	default:
		choice = append(choice, object{"type": kinds})
	}
	for _, r := range kept {
		choice = append(choice, r.schema(fill))
	}
	switch len(choice) {
	case 0:
		return object{}
	case 1:
		return choice[0]
	}
	return object{"anyOf": choice}
}

// orEmpty lets the empty text follow a rule, too, if that can be said with patterns: an editor then has one thing to say of
// a text that does not fit, and not two.
func (r *rule) orEmpty() bool {
	or := rule{unlike: r.unlike, not: r.not}
	if !reflect.DeepEqual(r.kinds, []string{"string"}) || r.only != nil || !or.takes("") {
		return false
	}
	if r.shortest != nil && *r.shortest > 1 {
		return false
	}
	r.shortest = nil
	for i, p := range r.patterns {
		r.patterns[i] = "^$|" + p
	}
	return true
}

func appendNew[T any](list []T, more ...T) []T {
	for _, m := range more {
		if !slices.ContainsFunc(list, func(v T) bool { return reflect.DeepEqual(v, m) }) {
			list = append(list, m)
		}
	}
	return list
}

func textOf(r rule) (string, bool) {
	if len(r.only) != 1 {
		return "", false
	}
	text, ok := r.only[0].(string)
	return text, ok
}

// covered tells whether another rule takes every list that this one does: one of texts that are written down.
func covered(r rule, rules []rule, self int) bool {
	if r.items.rest != nil {
		return false
	}
	return slices.ContainsFunc(rules, func(other rule) bool {
		if reflect.DeepEqual(other, rules[self]) || other.items == nil || len(r.items.first) < len(other.items.first) {
			return false
		}
		for i, one := range r.items.first {
			at := other.items.rest
			if i < len(other.items.first) {
				at = other.items.first[i]
			}
			if len(one) != 1 {
				return false
			}
			text, ok := textOf(one[0])
			if !ok || !slices.ContainsFunc(at, func(r rule) bool { return r.takes(text) }) {
				return false
			}
		}
		return true
	})
}

func kindOf(v any) string {
	switch v := v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case json.Number:
		if strings.ContainsAny(string(v), ".eE") {
			return "number"
		}
		return "integer"
	}
	return "null"
}

// schema is a rule as JSON Schema.
func (r rule) schema(fill bool) object {
	s := object{}
	switch len(r.kinds) {
	case 0:
		if r.kinds != nil {
			s["not"] = object{}
		}
	case 1:
		s["type"] = r.kinds[0]
	default:
		s["type"] = r.kinds
	}
	if r.only != nil {
		s["enum"] = r.only
	}
	if r.shortest != nil {
		s["minLength"] = *r.shortest
	}
	if r.longest != nil {
		s["maxLength"] = *r.longest
	}
	lower, upper := "minimum", "maximum"
	if r.withoutMin {
		lower = "exclusiveMinimum"
	}
	if r.withoutMax {
		upper = "exclusiveMaximum"
	}
	if r.min != "" {
		s[lower] = r.min
	}
	if r.max != "" {
		s[upper] = r.max
	}
	var all, not []object
	for _, pattern := range r.patterns {
		if p, ok := portable(pattern); ok && s["pattern"] == nil {
			s["pattern"] = p
		} else if ok {
			all = append(all, object{"pattern": p})
		}
	}
	for _, pattern := range r.unlike {
		if p, ok := portable(pattern); ok {
			not = append(not, object{"pattern": p})
		}
	}
	for _, v := range r.not {
		not = append(not, object{"const": v})
	}
	switch len(not) {
	case 0:
	case 1:
		s["not"] = not[0]
	default:
		s["not"] = object{"anyOf": not}
	}
	if len(all) > 0 {
		s["allOf"] = all
	}
	if r.items != nil {
		r.items.into(s, fill)
	}
	return s
}

// into says what stands in a list.
func (l *listRule) into(s object, fill bool) {
	if len(l.first) > 0 {
		var first []object
		for _, rules := range l.first {
			first = append(first, fillable(simplest(rules, fill), fill))
		}
		s["minItems"] = len(first)
		if l.rest == nil || !reflect.DeepEqual(l.first, slices.Repeat([][]rule{l.rest}, len(first))) {
			s["prefixItems"] = first
		}
	}
	if l.rest == nil {
		s["maxItems"] = len(l.first)
		return
	}
	if items := fillable(simplest(l.rest, fill), fill); len(items) > 0 {
		s["items"] = items
	}
}
