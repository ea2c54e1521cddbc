package schema

import (
	"fmt"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/encoding/json"
)

// Validate checks a JSON document against a definition of the schema package, as in "#Plan".
func (l *Loader) Validate(definition string, doc []byte) error {
	ctx := cuecontext.New()
	schemas, err := l.build(ctx)
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
	if err := ctx.BuildExpr(expr).Unify(def).Validate(cue.Concrete(true)); err != nil {
		return fmt.Errorf("%s: %s", definition, errors.Details(err, nil))
	}
	return nil
}
