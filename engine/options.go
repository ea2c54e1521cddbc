package engine

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// hidden stands in every document for a value that is secret.
const hidden = "(secret)"

// Options go through three forms. As written they hold references. *Filled*, the references to outputs are values, those
// to the environment still stand there, and literal text is escaped. *Sealed*, secrets are replaced by [hidden] and only
// keyed hashes of them are kept: this form is recorded, compared and shown. *Opened*, everything is a value: this form a
// plugin gets, and nobody else.

// outputs finds what a reference to an output means. known is false if that is known only after apply.
type outputs func(ref schema.Reference) (value any, known bool, err error)

// fill replaces the references to outputs. What is not known yet stays, and its path is in unknown, as in "options.url".
func fill(options json.RawMessage, out outputs) (filled json.RawMessage, unknown []string, err error) {
	if !bytes.Contains(options, []byte("${{")) {
		return options, nil, nil
	}
	tree, err := decodeTree(options)
	if err != nil {
		return nil, nil, err
	}
	tree, err = mapTree(tree, nil, func(path []string, v any) (any, bool, error) {
		s, ok := v.(string)
		if !ok {
			return v, false, nil
		}
		value, known, err := fillString(s, out)
		if err != nil {
			return nil, true, fmt.Errorf("%s: %w", dotted("options", path), err)
		}
		if !known {
			unknown = append(unknown, dotted("options", path))
		}
		return value, true, nil
	})
	if err != nil {
		return nil, nil, err
	}
	filled, err = encodeTree(tree)
	return filled, unknown, err
}

func fillString(s string, out outputs) (value any, known bool, err error) {
	parts, err := schema.SplitReferences(s)
	if err != nil {
		return nil, false, err
	}
	var text strings.Builder
	known = true
	for _, p := range parts {
		switch {
		case p.Ref == nil:
			text.WriteString(schema.EscapeReferences(p.Text))
		case p.Ref.Env != "":
			text.WriteString(p.Ref.String())
		default:
			v, ok, err := out(*p.Ref)
			if err != nil {
				return nil, false, err
			}
			if !ok {
				known = false
				text.WriteString(p.Ref.String())
				continue
			}
			if len(parts) == 1 {
				// A string that is exactly one reference keeps the value's type.
				v, err := mapTree(v, nil, escapeStrings)
				return v, true, err
			}
			word, err := inline(v)
			if err != nil {
				return nil, false, fmt.Errorf("%s: %w", p.Ref, err)
			}
			text.WriteString(schema.EscapeReferences(word))
		}
	}
	return text.String(), known, nil
}

func escapeStrings(_ []string, v any) (any, bool, error) {
	if s, ok := v.(string); ok {
		return schema.EscapeReferences(s), true, nil
	}
	return v, false, nil
}

// inline is a value inside a longer string.
func inline(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return fmt.Sprint(v), nil
	}
	return "", fmt.Errorf("the output is a list or a map and cannot stand inside a string")
}

// sealed is what may be recorded and shown of some options.
type sealed struct {
	options json.RawMessage
	// digests are keyed hashes of the secrets, by path as in "options.token".
	digests map[string]string
}

// seal hides the secrets in filled options. key is the journal's.
func (e *Engine) seal(def *schema.Definition, filled json.RawMessage, unknown []string, key []byte) (sealed, error) {
	if !bytes.Contains(filled, []byte("${{")) && !hasSecret(def) {
		return sealed{options: filled}, nil
	}
	tree, err := decodeTree(filled)
	if err != nil {
		return sealed{}, err
	}
	out := sealed{digests: map[string]string{}}
	tree, err = mapTree(tree, nil, func(path []string, v any) (any, bool, error) {
		at := dotted("options", path)
		field := fieldAt(def, path)
		secret := field != nil && field.Secret && len(path) > 0
		s, isString := v.(string)
		if !secret && !isString {
			return v, false, nil
		}
		if slices.Contains(unknown, at) {
			return v, true, nil
		}
		opened, env, err := e.openString(s)
		if err != nil {
			return nil, true, fmt.Errorf("%s: %w", at, err)
		}
		switch {
		case env:
			// Only the reference is kept. That the value behind it has changed is seen by the hash.
			out.digests[at] = digest(key, at, opened)
			return v, true, nil
		case secret:
			if v, err = mapTree(v, path, func(path []string, v any) (any, bool, error) {
				s, ok := v.(string)
				if !ok || isString || slices.Contains(unknown, dotted("options", path)) {
					return v, false, nil
				}
				opened, _, err := e.openString(s)
				return opened, true, err
			}); err != nil {
				return nil, true, fmt.Errorf("%s: %w", at, err)
			}
			data, err := encodeTree(v)
			if err != nil {
				return nil, true, err
			}
			out.digests[at] = digest(key, at, string(data))
			return hidden, true, nil
		}
		return v, true, nil
	})
	if err != nil {
		return sealed{}, err
	}
	if len(out.digests) == 0 {
		out.digests = nil
	}
	out.options, err = encodeTree(tree)
	return out, err
}

func hasSecret(def *schema.Definition) bool { return def != nil && def.HasSecret() }

// digest is HMAC-SHA-256 (RFC 2104) over the path and the value, so that equal secrets in two places look different.
func digest(key []byte, path, value string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(path + "\x00" + value))
	return hex.EncodeToString(mac.Sum(nil))
}
