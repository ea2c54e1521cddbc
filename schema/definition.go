package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
)

// Definition is what a plugin's schema says about its options, in Go's terms.
type Definition struct {
	Name string
	// Doc is the comment of the schema's package.
	Doc string
	// Options are the options, in the order of the schema, nested ones below their parents.
	Options []FieldDefinition
	// Outputs are the outputs, in the order of the schema.
	Outputs []FieldDefinition
}

// FieldDefinition is one field of #Options or #Outputs.
type FieldDefinition struct {
	// Name is the field's own name; "[]" for the elements of a list and "*" for the values of a map.
	Name string
	// Doc is the comment above it.
	Doc string
	// Type is the constraint as CUE, as in `*"0644" | =~"^0?[0-7]{3}$"`.
	Type string
	// Required fields must be written by the user; Optional ones may be absent even after defaults.
	Required, Optional bool
	// Secret is @secret(): never shown, never stored. Replace is @replace(): a change needs delete and create.
	Secret, Replace bool
	// Default is what the schema fills in by itself, as JSON; nil if it does not, or if that depends on other fields.
	Default json.RawMessage
	// Fields are the fields of a struct, or the one element of a list or map.
	Fields []FieldDefinition

	kind cue.Kind
}

// wantsText tells whether the field takes strings and nothing else.
func (f *FieldDefinition) wantsText() bool { return f.kind == cue.StringKind }

// Definition is the definition of the plugin, nil if there is no such plugin. The caller only reads it.
func (l *Loader) Definition(plugin string) *Definition {
	p := l.plugins[plugin]
	if p == nil {
		return nil
	}
	def, err := p.definition()
	if err != nil {
		// Whoever uses the plugin is told. Until then nothing of its tools is shown or kept.
		return &Definition{Name: plugin, Options: []FieldDefinition{{Name: "*", Secret: true}}}
	}
	return def
}

// HasSecret tells whether any option is marked @secret().
func (d *Definition) HasSecret() bool { return anySecret(d.Options) }

func anySecret(fields []FieldDefinition) bool {
	return slices.ContainsFunc(fields, func(f FieldDefinition) bool { return f.Secret || anySecret(f.Fields) })
}

// Find follows path, as in ["repo", "url"], through the fields; list indexes and map keys match "[]" and "*".
// Nil if there is no such field.
func Find(fields []FieldDefinition, path []string) *FieldDefinition {
	if len(path) == 0 {
		return nil
	}
	for i := range fields {
		if f := &fields[i]; f.Name == path[0] || f.Name == "[]" || f.Name == "*" {
			if len(path) == 1 {
				return f
			}
			return Find(f.Fields, path[1:])
		}
	}
	return nil
}

// define evaluates a plugin's schema; words stand for what is only a name in it.
func (l *Loader) define(plugin, doc string, words map[string]string) (*Definition, error) {
	d := &Definition{Name: plugin, Doc: doc}
	schemas, err := l.build(cuecontext.New(), []string{plugin})
	if err != nil {
		return nil, fmt.Errorf("schema of plugin %s: %w", plugin, err)
	}
	v := schemas.LookupPath(cue.MakePath(cue.Def("#Plugins"), cue.Str(plugin)))
	if err := v.Err(); err != nil {
		return nil, fmt.Errorf("schema of plugin %s: %w", plugin, err)
	}
	if d.Options, err = fieldsOf(v.LookupPath(cue.ParsePath("options")), 0); err != nil {
		return nil, fmt.Errorf("schema of plugin %s: %w", plugin, err)
	}
	if d.Outputs, err = fieldsOf(v.LookupPath(cue.ParsePath("outputs")), 0); err != nil {
		return nil, fmt.Errorf("schema of plugin %s: %w", plugin, err)
	}
	// Longer names first: a shorter one may be a part of them.
	for _, name := range slices.SortedFunc(maps.Keys(words), func(a, b string) int { return len(b) - len(a) }) {
		inWords(d.Options, name, words[name])
	}
	return d, nil
}

// maxNesting ends the walk through a schema that contains itself.
const maxNesting = 16

func fieldsOf(v cue.Value, depth int) ([]FieldDefinition, error) {
	if depth > maxNesting {
		return nil, nil
	}
	switch v.IncompleteKind() {
	case cue.StructKind:
	case cue.ListKind:
		return elementOf(v.LookupPath(cue.MakePath(cue.AnyIndex)), "[]", depth)
	default:
		return nil, nil
	}
	it, err := v.Fields(cue.Optional(true))
	if err != nil {
		return nil, err
	}
	var fields []FieldDefinition
	for it.Next() {
		f, err := fieldOf(it.Selector().Unquoted(), it.Value(), depth)
		if err != nil {
			return nil, err
		}
		switch it.Selector().ConstraintType() {
		case cue.RequiredConstraint:
			f.Required = true
		case cue.OptionalConstraint:
			f.Optional = true
		}
		fields = append(fields, f)
	}
	if rest := v.LookupPath(cue.MakePath(cue.AnyString)); rest.Exists() {
		element, err := elementOf(rest, "*", depth)
		if err != nil {
			return nil, err
		}
		fields = append(fields, element...)
	}
	return fields, nil
}

func elementOf(v cue.Value, name string, depth int) ([]FieldDefinition, error) {
	if !v.Exists() {
		return nil, nil
	}
	f, err := fieldOf(name, v, depth)
	if err != nil {
		return nil, err
	}
	return []FieldDefinition{f}, nil
}

func fieldOf(name string, v cue.Value, depth int) (FieldDefinition, error) {
	f := FieldDefinition{Name: name, Doc: docOf(v), Type: typeOf(v), kind: v.IncompleteKind()}
	for _, a := range v.Attributes(cue.FieldAttr) {
		switch a.Name() {
		case "secret":
			f.Secret = true
		case "replace":
			f.Replace = true
		}
	}
	f.Default = defaultOf(v)
	var err error
	f.Fields, err = fieldsOf(v, depth+1)
	return f, err
}

// defaultOf is what stands there if nobody writes anything.
func defaultOf(v cue.Value) json.RawMessage {
	if d, ok := v.Default(); ok {
		v = d
	}
	if v.Validate(cue.Concrete(true)) != nil {
		return nil
	}
	text, err := v.MarshalJSON()
	if err != nil {
		return nil
	}
	return text
}

func docOf(v cue.Value) string {
	var lines []string
	for _, g := range v.Doc() {
		if text := strings.TrimSpace(g.Text()); text != "" && !slices.Contains(lines, text) {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, "\n")
}
