package schema

import (
	"encoding/json"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"unicode/utf8"
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
