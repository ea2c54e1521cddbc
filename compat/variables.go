package compat

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/schema"
)

// variables are what `[[ name ]]` is filled with. The zero value has none; a nil pointer means that `[[ ]]` has no meaning.
type variables struct {
	// broken tells that they could not be read, so that nobody knows which there are.
	broken bool
	// fixed says why there are none; empty where there may be some.
	fixed string
	// none says what DevStream did with `[[ ]]` where there were none at all, in text and outside of it. What cannot be
	// meant as a variable stays text then. Nil where there are some.
	none *withoutVariables
	// absent says what DevStream put where one was missing; empty where it was a mistake.
	absent string
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
	// whole and part are where a value comes from that is this one, or has it in it.
	whole, part *schema.Origin
	// unknown tells that there is nothing to fill in. Why, says problem, unless another mistake says it.
	unknown       bool
	problem, hint string
}

// putNothing is what DevStream did with a variable that was missing, before 0.9.
const putNothing = "DevStream put nothing in its place"

// withoutVariables is why `[[ ]]` means nothing in a section.
type withoutVariables struct {
	// quoted and plain say what DevStream did with a name in `[[ ]]`, in quotes and without any; quoted is empty where it is
	// meant to stay text.
	quoted, plain, hint string
}

// variables converts a section of variables. It gives nil for nil.
func (r *reader) variables(s *section) *variables {
	if s == nil {
		return nil
	}
	lost := r.refuseNested(s)
	var v schema.Value
	if len(s.template.marks) > 0 && !s.template.env {
		v = r.plain(s)
	} else {
		v = r.convert(s, &variables{none: &withoutVariables{
			plain: "variables are not filled in here: DevStream took it for a list in a list", hint: "put quotes around it",
		}})
	}
	return &variables{fields: v.Fields, raw: r.raw, absent: putNothing, lost: lost}
}

// refuseNested adds a mistake for every variable that has another one in its value: DevStream filled them in from 0.10 on,
// and only below `vars`. It gives the names of those that have one.
func (r *reader) refuseNested(s *section) (lost []string) {
	if len(s.template.marks) == 0 {
		return nil
	}
	var walk func(n *yaml.Node, name string)
	walk = func(n *yaml.Node, name string) {
		for _, child := range n.Content {
			walk(child, name)
		}
		if n.Kind != yaml.ScalarNode || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			return
		}
		for _, m, rest := s.template.next(n.Value); m != nil; _, m, rest = s.template.next(rest) {
			if first, _, _ := strings.Cut(m.name, "."); !m.strange && m.env == "" && s.key(first) != nil {
				r.errs.Add(m.pos, "", "a variable in a variable: before 0.10 DevStream left `[["+m.name+"]]` as text",
					"write its value, or use the form of DevStream 0.12, with `vars`")
				lost = append(lost, name)
			}
		}
	}
	for i := 0; i+1 < len(s.root.Content); i += 2 {
		walk(s.root.Content[i+1], s.root.Content[i].Value)
	}
	return lost
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
			problem := fmt.Sprintf("variable `%s` is not defined", missing)
			if v.absent != "" {
				problem += ": " + v.absent
			}
			return variable{unknown: true, problem: problem, hint: suggestVariable(missing, so, fields)}
		}
		value, so = fields[i].Value, join(so, part)
		fields = value.Fields
	}
	found := variable{value: value, text: value.Text}
	switch value.Kind {
	case schema.List, schema.Map:
		found.unknown = true
		found.problem = fmt.Sprintf("variable `%s` is a %s (%s), which cannot be filled in: DevStream put it there as Go prints it", name, kindName(value.Kind), value.Pos)
		found.hint = "fill in its strings, numbers and booleans one by one"
	case schema.Bool, schema.Int, schema.Float:
		if raw, ok := v.raw[value.Pos]; ok {
			found.text = raw
		}
	}
	found.part = &schema.Origin{Variable: name, Pos: value.Pos}
	found.whole = &schema.Origin{Variable: name, Pos: value.Pos, Whole: true}
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
