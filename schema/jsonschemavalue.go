package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/encoding/jsonschema"
)

// value is the JSON schema of a value. Structs and lists are walked here: CUE's own generator closes each part of a struct
// that is put together of several, and then nothing fits all of them. The rest is made by it. If fill is true, `[[ name ]]`
// may stand for whatever is neither a list nor a map.
func (d *jsonSchemas) value(v cue.Value, fill bool, depth int) (object, error) {
	if err := v.Err(); err != nil {
		return nil, err
	}
	var s object
	var err error
	switch kind := v.IncompleteKind(); {
	case depth > maxNesting:
		s = object{}
	case kind == cue.StructKind && !isEither(v):
		s, err = d.structure(v, fill, depth)
	case kind == cue.ListKind && v.LookupPath(cue.MakePath(cue.AnyIndex)).Exists():
		s = object{"type": "array"}
		s["items"], err = d.value(v.LookupPath(cue.MakePath(cue.AnyIndex)), fill, depth+1)
	default:
		s, err = d.generate(widest(v))
		delete(s, "description")
		if err == nil && fill && kind&(cue.StructKind|cue.ListKind) == 0 {
			s = object{"anyOf": []object{s, {"$ref": "#/$defs/variable"}}}
		}
	}
	if err != nil {
		return nil, err
	}
	delete(s, "description")
	if doc := docOf(v); doc != "" {
		s["description"] = doc
	}
	if d := defaultOf(v); d != nil && v.IncompleteKind()&(cue.StructKind|cue.ListKind) == 0 {
		s["default"] = d
	}
	return s, nil
}

// widest is the one of several constraints that takes what all of them take, as the pattern in `*"0644" | =~"^[0-7]{4}$"`:
// CUE's own generator makes any string of the two. It is v if there is none.
func widest(v cue.Value) cue.Value {
	op, parts := v.Expr()
	if op == cue.NoOp && len(parts) == 1 {
		return parts[0] // CUE has seen it
	}
	if op != cue.OrOp {
		return v
	}
	for _, one := range parts {
		if !slices.ContainsFunc(parts, func(other cue.Value) bool { return one.Subsume(other) != nil }) {
			return one
		}
	}
	return v
}

// isEither tells whether a value is one of several structs.
func isEither(v cue.Value) bool {
	op, _ := v.Eval().Expr()
	return op == cue.OrOp
}

func (d *jsonSchemas) structure(v cue.Value, fill bool, depth int) (object, error) {
	s := object{"type": "object", "additionalProperties": v.Allows(cue.AnyString)}
	it, err := v.Fields(cue.Optional(true))
	if err != nil {
		return nil, err
	}
	properties, required := object{}, []string{}
	for it.Next() {
		name := it.Selector().Unquoted()
		if properties[name], err = d.value(it.Value(), fill, depth+1); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if it.Selector().ConstraintType() == cue.RequiredConstraint {
			required = append(required, name)
		}
	}
	if len(properties) > 0 {
		s["properties"] = properties
	} else {
		// Names may have to follow a pattern, which is left to CUE.
		delete(s, "additionalProperties")
	}
	if len(required) > 0 {
		s["required"] = required
	}
	if rest := v.LookupPath(cue.MakePath(cue.AnyString)); rest.Exists() {
		if s["additionalProperties"], err = d.value(rest, fill, depth+1); err != nil {
			return nil, fmt.Errorf("*: %w", err)
		}
	}
	return s, nil
}

// generate has CUE make the JSON schema of a value. What it refers to goes to the $defs.
func (d *jsonSchemas) generate(v cue.Value) (object, error) {
	d.generated++
	prefix := "d" + strconv.Itoa(d.generated) + "."
	expr, err := jsonschema.Generate(v, &jsonschema.GenerateConfig{
		Version: jsonschema.VersionDraft2020_12, ExplicitOpen: true,
		NamesFunc: func(refs []*jsonschema.CUERef) {
			for i, ref := range refs {
				ref.Name = prefix + strconv.Itoa(i) + "." + strings.NewReplacer("#", "", `"`, "", "/", "_", "~", "_").Replace(ref.Path.String())
			}
		},
	})
	if err != nil {
		return nil, err
	}
	data, err := d.ctx.BuildExpr(expr).MarshalJSON()
	if err != nil {
		return nil, err
	}
	var s object
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	if defs, ok := s["$defs"].(object); ok {
		maps.Copy(d.defs, defs)
	}
	delete(s, "$defs")
	delete(s, "$schema")
	return s, nil
}
