package compat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// variables are what `[[ name ]]` is filled with. The zero value has none; a nil pointer means that `[[ ]]` has no meaning.
type variables struct {
	// broken tells that they could not be read, so that nobody knows which there are.
	broken bool
	// fixed says why there are none; empty where there may be some.
	fixed string
	// declared are all their names, where fields does not have all of them yet.
	declared []schema.Field
	// outer are the variables that count where these have none of a name; nil for none.
	outer *variables
	// lost are those that could not be read, as another mistake says.
	lost   []string
	fields []schema.Field
	raw    map[schema.Pos]string
	known  map[string]variable
}

// variable is a value and its text as the user wrote it.
type variable struct {
	value schema.Value
	text  string
	// unknown tells that there is nothing to fill in. Why, says problem, unless another mistake says it.
	unknown       bool
	problem, hint string
}

// variables converts a section of variables. It gives nil for nil.
func (r *reader) variables(s *section) *variables {
	if s == nil {
		return nil
	}
	v := r.convert(s, nil)
	return &variables{fields: v.Fields, raw: r.raw}
}

// get finds a variable by its name, in which dots lead into maps.
func (v *variables) get(name string) variable {
	if found, ok := v.known[name]; ok {
		return found
	}
	found := v.find(name)
	if v.known == nil {
		v.known = map[string]variable{}
	}
	v.known[name] = found
	return found
}

func (v *variables) find(name string) variable {
	if v.broken {
		return variable{unknown: true}
	}
	if v.fixed != "" {
		return variable{unknown: true, problem: v.fixed}
	}
	if first, _, _ := strings.Cut(name, "."); slices.Contains(v.lost, first) {
		return variable{unknown: true}
	}
	fields, so := v.fields, ""
	if first, _, _ := strings.Cut(name, "."); v.outer != nil && !slices.ContainsFunc(fields, func(f schema.Field) bool { return f.Name == first }) {
		return v.outer.get(name)
	}
	var value schema.Value
	for part := range strings.SplitSeq(name, ".") {
		if so != "" && value.Kind != schema.Map {
			return variable{unknown: true, problem: fmt.Sprintf("variable `%s` is not defined: `%s` is not a map", name, so)}
		}
		i := slices.IndexFunc(fields, func(f schema.Field) bool { return f.Name == part })
		if i < 0 {
			missing := join(so, part)
			if so == "" && v.declared != nil {
				fields = v.declared
			}
			return variable{unknown: true, problem: fmt.Sprintf("variable `%s` is not defined", missing), hint: suggestVariable(missing, so, fields)}
		}
		value, so = fields[i].Value, join(so, part)
		fields = value.Fields
	}
	found := variable{value: value, text: value.Text}
	switch value.Kind {
	case schema.List, schema.Map:
		found.unknown = true
		found.problem = fmt.Sprintf("variable `%s` is a %s (%s), only strings, numbers and booleans can be filled in", name, kindName(value.Kind), value.Pos)
	case schema.Bool, schema.Int, schema.Float:
		if raw, ok := v.raw[value.Pos]; ok {
			found.text = raw
		}
	}
	return found
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// suggestVariable says which of the fields below a map may have been meant.
func suggestVariable(name, below string, fields []schema.Field) string {
	const few, many = 8, 1000
	switch {
	case len(fields) == 0:
		return "no variables are defined"
	case len(fields) > many:
		return ""
	}
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = join(below, f.Name)
	}
	if len(known) > few {
		return suggest(name, known...)
	}
	return suggestOrList(name, known)
}
