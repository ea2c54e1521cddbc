package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Unlike are the tools that two checked configurations do not wish for in the same way, sorted: whoever rewrites one as the
// other looks here whether he may. The order of the tools and blanks inside of references mean nothing.
func Unlike(a, b *Config) ([]ID, error) {
	wishes := map[ID]string{}
	for i := range a.Tools {
		text, err := wish(&a.Tools[i])
		if err != nil {
			return nil, err
		}
		wishes[a.Tools[i].ID] = text
	}
	var unlike []ID
	for i := range b.Tools {
		id := b.Tools[i].ID
		text, err := wish(&b.Tools[i])
		if err != nil {
			return nil, err
		}
		if have, ok := wishes[id]; !ok || have != text {
			unlike = append(unlike, id)
		}
		delete(wishes, id)
	}
	for id := range wishes {
		unlike = append(unlike, id)
	}
	slices.Sort(unlike)
	return unlike, nil
}

// wish is all that is wanted of a tool as one text.
func wish(t *Tool) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(t.Options))
	dec.UseNumber()
	var options any
	if err := dec.Decode(&options); err != nil {
		return "", fmt.Errorf("tools.%s.options: %w", t.ID, err)
	}
	text, err := marshal(respelt(options))
	if err != nil {
		return "", fmt.Errorf("tools.%s.options: %w", t.ID, err)
	}
	lifecycle, err := marshal(t.Lifecycle)
	if err != nil {
		return "", fmt.Errorf("tools.%s.lifecycle: %w", t.ID, err)
	}
	return fmt.Sprintf("%q %s %s", t.DependsOn, lifecycle, text), nil
}

// respelt is a value whose references are all spelt in the same way.
func respelt(v any) any {
	switch v := v.(type) {
	case string:
		parts, err := SplitReferences(v)
		if err != nil {
			return v
		}
		var b strings.Builder
		for _, p := range parts {
			if p.Ref != nil {
				b.WriteString(p.Ref.String())
				continue
			}
			b.WriteString(EscapeReferences(p.Text))
		}
		return b.String()
	case []any:
		for i := range v {
			v[i] = respelt(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = respelt(v[name])
		}
	}
	return v
}
