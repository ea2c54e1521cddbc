package engine

import (
	"encoding/json"
	"reflect"

	"github.com/devstream-io/dtm/schema"
)

// noDigest stands in the place of a digest that no secret has.
const noDigest = "changed"

// Inherit makes options that an older program has recorded, with every value in clear, into options that may be recorded,
// where wanted are the options of the same tool in the configuration. Secrets are hidden, as by [Conceal], and so is what
// wanted takes from the environment; where that is still the same, the reference is put in its place. A secret that is not
// the wanted one any more has a digest that no secret has, so that this is a change, as it is in everything else.
func (e *Engine) Inherit(def *schema.Definition, options, wanted json.RawMessage) (json.RawMessage, map[string]string, error) {
	tree, err := decodeTree(options)
	if err != nil {
		return nil, nil, err
	}
	want, err := decodeTree(wanted)
	if err != nil {
		return nil, nil, err
	}
	var digests map[string]string
	tree, err = mapTree(tree, nil, func(path []string, v any) (any, bool, error) {
		if len(path) == 0 || v == nil {
			return v, false, nil
		}
		field := fieldAt(def, path)
		secret := field != nil && field.Secret
		now, there := lookup(want, path)
		text, _ := now.(string)
		opened, env, openErr := e.openString(text)
		switch {
		case !secret && !env:
			return v, false, nil
		case env && openErr != nil:
			return now, true, nil // it cannot be planned as long as the variable is not set
		case env && opened == e.plain(v):
			return now, true, nil
		case secret && there && !refersToOutput(now) && !reflect.DeepEqual(e.plain(v), e.plain(now)):
			if digests == nil {
				digests = map[string]string{}
			}
			digests[dotted("options", path)] = noDigest
		}
		return hidden, true, nil
	})
	if err != nil {
		return nil, nil, err
	}
	out, err := encodeTree(tree)
	return out, digests, err
}

// plain is a value with everything filled in that is known.
func (e *Engine) plain(v any) any {
	v, _ = mapTree(v, nil, func(_ []string, v any) (any, bool, error) {
		s, ok := v.(string)
		if !ok {
			return v, false, nil
		}
		opened, _, err := e.openString(s)
		if err != nil {
			return v, true, nil //nolint:nilerr // as it stands, it is no other value's equal
		}
		return opened, true, nil
	})
	return v
}
