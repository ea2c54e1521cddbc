package engine

import (
	"encoding/json"
	"slices"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// Inherited is what may be recorded of a tool that an older program has recorded.
type Inherited struct {
	Options, Resource json.RawMessage
	// Digests are those of the secrets in Options.
	Digests map[string]string
}

// Inherit makes options and a resource that an older program has recorded, with every value in clear, into what may be
// recorded. key is that of the journal. wanted are the options of the same tool in the configuration, nil if it has none.
// Secrets are hidden, and so is what wanted takes from the environment; where that is the same, or cannot be compared because
// the variable is not set, the reference is put in its place. As each secret has the digest of what was recorded, another one
// is seen as a change, now and later.
func (e *Engine) Inherit(def *schema.Definition, options, resource, wanted json.RawMessage, key []byte) (Inherited, error) {
	tree, err := decodeTree(options)
	if err != nil {
		return Inherited{}, err
	}
	want, err := decodeTree(wanted)
	if err != nil {
		return Inherited{}, err
	}
	h := heritage{engine: e, def: def, want: want, key: key, digests: map[string]string{}, said: map[string]string{}}
	if tree, err = mapTree(tree, nil, h.option); err != nil {
		return Inherited{}, err
	}
	var out Inherited
	if len(h.digests) > 0 {
		out.Digests = h.digests
	}
	if out.Options, err = encodeTree(tree); err != nil || len(resource) == 0 {
		return out, err
	}
	left, err := decodeTree(resource)
	if err != nil {
		return Inherited{}, err
	}
	if left, err = mapTree(left, nil, replaced(h.said)); err == nil {
		out.Resource, err = encodeTree(left)
	}
	return out, err
}

// heritage is what was recorded of one tool while it is gone through.
type heritage struct {
	engine  *Engine
	def     *schema.Definition
	want    any
	key     []byte
	digests map[string]string
	// said is what is recorded instead of strings that stood in clear: the resource may have them, too.
	said map[string]string
}

func (h heritage) option(path []string, v any) (any, bool, error) {
	if len(path) == 0 || v == nil {
		return v, false, nil
	}
	field, at := fieldAt(h.def, path), dotted("options", path)
	now, _ := lookup(h.want, path)
	env := refersToEnv(now)
	if s, ok := v.(string); ok && env {
		if was, _ := h.engine.plain(s).(string); h.engine.may(now, was) {
			h.digests[at] = digest(h.key, at, was)
			h.said[was], _ = now.(string)
			return now, true, nil
		}
	}
	secret := field != nil && field.Secret
	if !secret && !env {
		return v, false, nil
	}
	s, isText := v.(string)
	v = h.engine.plain(v)
	if _, err := mapTree(v, nil, h.hide); err != nil {
		return nil, true, err
	}
	if secret {
		if isText {
			v = s // as it is sealed
		}
		data, err := encodeTree(v)
		if err != nil {
			return nil, true, err
		}
		h.digests[at] = digest(h.key, at, string(data))
	}
	return hidden, true, nil
}

func (h heritage) hide(_ []string, v any) (any, bool, error) {
	if s, ok := v.(string); ok && s != "" {
		h.said[s] = hidden
	}
	return v, false, nil
}

// inheritance is the resource of a tool that was taken over as the older program has left it, as far as that is known.
func (e *Engine) inheritance(t *store.Tool) (json.RawMessage, error) {
	options, err := decodeTree(t.Options)
	if err != nil {
		return nil, err
	}
	said := map[string]string{}
	if _, err := mapTree(options, nil, func(_ []string, v any) (any, bool, error) {
		if refersToEnv(v) && !refersToOutput(v) && !e.lost(v) {
			s, _ := v.(string)
			said[s], _ = e.plain(s).(string)
		}
		return v, false, nil
	}); err != nil || len(said) == 0 {
		return t.Resource, err
	}
	resource, err := decodeTree(t.Resource)
	if err != nil {
		return nil, err
	}
	if resource, err = mapTree(resource, nil, replaced(said)); err != nil {
		return nil, err
	}
	return encodeTree(resource)
}

// replaced puts others in the place of strings.
func replaced(by map[string]string) func([]string, any) (any, bool, error) {
	return func(_ []string, v any) (any, bool, error) {
		if s, ok := v.(string); ok {
			if other, ok := by[s]; ok {
				return other, true, nil
			}
		}
		return v, false, nil
	}
}

// may tells whether a string of a configuration means was, or might if a variable were set that is not.
func (e *Engine) may(now any, was string) bool {
	if refersToOutput(now) {
		return false
	}
	s, _ := now.(string)
	opened, _, err := e.openString(s)
	return e.lost(now) || err == nil && opened == was
}

// refersToEnv tells whether v is a string that takes something from the environment.
func refersToEnv(v any) bool {
	s, _ := v.(string)
	parts, err := schema.SplitReferences(s)
	return err == nil && slices.ContainsFunc(parts, func(p schema.Part) bool { return p.Ref != nil && p.Ref.Env != "" })
}

// plain is a value with everything filled in that is known; v is used up.
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
