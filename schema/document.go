package schema

import (
	"fmt"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/encoding/json"
)

// Validate checks a JSON document against a definition of the schema package, as in "#Plan". Where the definition is one
// of several that the field "type" tells apart, as "#Event" is, only what is wrong with that one is said.
func (l *Loader) Validate(definition string, doc []byte) error {
	ctx := cuecontext.New()
	schemas, err := l.buildWithout(ctx, nil, nil)
	if err != nil {
		return err
	}
	def := schemas.LookupPath(cue.ParsePath(definition))
	if err := def.Err(); err != nil {
		return fmt.Errorf("%s: %w", definition, err)
	}
	expr, err := json.Extract("document", doc)
	if err != nil {
		return err
	}
	v := ctx.BuildExpr(expr)
	if def, err = byType(def, v); err != nil {
		return fmt.Errorf("%s: %w", definition, err)
	}
	if err := v.Unify(def).Validate(cue.Concrete(true)); err != nil {
		return fmt.Errorf("%s: %s", definition, errors.Details(err, nil))
	}
	return nil
}

// byType is the one of several definitions that has the type of the document; def itself if it is one alone.
func byType(def, doc cue.Value) (cue.Value, error) {
	op, several := def.Expr()
	if op != cue.OrOp {
		return def, nil
	}
	typ := cue.ParsePath("type")
	is, err := doc.LookupPath(typ).String()
	if err != nil {
		return def, fmt.Errorf("type: %w", err)
	}
	var types []string
	for _, one := range several {
		name, err := one.LookupPath(typ).String()
		if err != nil {
			return def, nil
		}
		if name == is {
			return one, nil
		}
		types = append(types, name)
	}
	e := &Error{Path: "type", Msg: fmt.Sprintf("there is no type %q, only %s", is, strings.Join(types, ", ")), Hint: DidYouMean(is, types)}
	return def, e
}
