package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// open makes filled or sealed options into what a plugin gets. Secrets that are hidden, or came from a variable that is
// not set any more, are taken from other, the filled options that are wanted now, and are left out where it has none.
func (e *Engine) open(def *schema.Definition, options, other json.RawMessage) (json.RawMessage, error) {
	if !bytes.Contains(options, []byte("${{")) && !hasSecret(def) {
		return options, nil
	}
	tree, err := decodeTree(options)
	if err != nil {
		return nil, err
	}
	var wanted any
	if hasSecret(def) {
		if wanted, err = decodeTree(other); err != nil {
			return nil, err
		}
	}
	tree, err = mapTree(tree, nil, func(path []string, v any) (any, bool, error) {
		if m, ok := v.(map[string]any); ok {
			for k, v := range m {
				at := append(path[:len(path):len(path)], k)
				f := fieldAt(def, at)
				if f == nil || !f.Secret {
					continue
				}
				if v != hidden && (wanted == nil || !e.lost(v)) {
					e.secrets.add(v)
					continue
				}
				if secret, ok := lookup(wanted, at); ok && !refersToOutput(secret) {
					m[k] = secret
					e.secrets.add(secret)
				} else {
					delete(m, k)
				}
			}
			return m, false, nil
		}
		s, ok := v.(string)
		if !ok {
			return v, false, nil
		}
		opened, _, err := e.openString(s)
		if err != nil {
			return nil, true, fmt.Errorf("%s: %w", dotted("options", path), err)
		}
		return opened, true, nil
	})
	if err != nil {
		return nil, err
	}
	return encodeTree(tree)
}

// lost tells whether v needs a variable that is not set.
func (e *Engine) lost(v any) bool {
	s, ok := v.(string)
	if !ok {
		return false
	}
	_, _, err := e.openString(s)
	var unset *EnvError
	return errors.As(err, &unset)
}

// refersToOutput tells whether anything in v is not known yet.
func refersToOutput(v any) bool {
	found := false
	_, _ = mapTree(v, nil, func(_ []string, v any) (any, bool, error) {
		s, _ := v.(string)
		parts, _ := schema.SplitReferences(s)
		found = found || slices.ContainsFunc(parts, func(p schema.Part) bool { return p.Ref != nil && p.Ref.Env == "" })
		return v, false, nil
	})
	return found
}

// openString reads the environment. env tells whether there was anything to read.
func (e *Engine) openString(s string) (opened string, env bool, err error) {
	if !strings.Contains(s, "${{") {
		return s, false, nil
	}
	parts, err := schema.SplitReferences(s)
	if err != nil {
		return "", false, err
	}
	var b strings.Builder
	for _, p := range parts {
		switch {
		case p.Ref == nil:
			b.WriteString(p.Text)
		case p.Ref.Env == "":
			return "", false, fmt.Errorf("%s is not known", p.Ref)
		default:
			value, ok := e.LookupEnv(p.Ref.Env)
			if !ok {
				return "", true, &EnvError{Name: p.Ref.Env}
			}
			env = true
			e.secrets.remember(value)
			b.WriteString(value)
		}
	}
	return b.String(), env, nil
}

// EnvError says that a variable of the environment is needed and not set.
type EnvError struct{ Name string }

func (err *EnvError) Error() string {
	return fmt.Sprintf("the environment variable %s is not set", err.Name)
}

// Hint says what the user can do about it.
func (err *EnvError) Hint() string { return "export " + err.Name + "=… and run again" }
