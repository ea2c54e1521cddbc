package engine

import (
	"encoding/json"

	"github.com/devstream-io/dtm/schema"
)

// Conceal hides the secrets in options that come from elsewhere, as in the state of an older program, so that they may be
// recorded. There are no digests of them, so the first value that is wanted counts as the one that was applied.
func Conceal(def *schema.Definition, options json.RawMessage) (json.RawMessage, error) {
	if !hasSecret(def) {
		return options, nil
	}
	tree, err := decodeTree(options)
	if err != nil {
		return nil, err
	}
	tree, err = mapTree(tree, nil, func(path []string, v any) (any, bool, error) {
		if f := fieldAt(def, path); f != nil && f.Secret && len(path) > 0 && v != nil {
			return hidden, true, nil
		}
		return v, false, nil
	})
	if err != nil {
		return nil, err
	}
	return encodeTree(tree)
}
