package engine

import (
	"encoding/json"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// Conceal hides the secrets in options that come from elsewhere, as in the state of an older program or a document, so that
// they may be recorded. What refers to the environment stays. There are no digests of them, so the first value that is wanted counts as the one that was applied.
func Conceal(def *schema.Definition, options json.RawMessage) (json.RawMessage, error) {
	if !hasSecret(def) {
		return options, nil
	}
	tree, err := decodeTree(options)
	if err != nil {
		return nil, err
	}
	tree, err = mapTree(tree, nil, func(path []string, v any) (any, bool, error) {
		f := fieldAt(def, path)
		if f == nil || !f.Secret || len(path) == 0 || v == nil {
			return v, false, nil
		}
		if s, ok := v.(string); !ok || !strings.Contains(s, "${{") {
			return hidden, true, nil
		}
		return v, false, nil
	})
	if err != nil {
		return nil, err
	}
	return encodeTree(tree)
}
