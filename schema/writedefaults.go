package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// WithoutDefaults are checked options of a plugin without what its schema fills in by itself. They mean the same, or they
// come back as they are: what is filled in may depend on what is written.
func (l *Loader) WithoutDefaults(plugin string, options json.RawMessage) (json.RawMessage, error) {
	def := l.Definition(plugin)
	if def == nil {
		return nil, fmt.Errorf("there is no plugin %q", plugin)
	}
	dec := json.NewDecoder(bytes.NewReader(options))
	dec.UseNumber()
	var fields map[string]any
	if err := dec.Decode(&fields); err != nil {
		return nil, fmt.Errorf("options of plugin %s: %w", plugin, err)
	}
	dropDefaults(fields, def.Options)
	short, err := marshal(fields)
	if err != nil {
		return nil, err
	}
	if full, err := l.Complete(plugin, short); err != nil || !bytes.Equal(full, options) {
		return options, nil
	}
	return short, nil
}

// dropDefaults takes out of a struct what is as the schema has it. Maps and lists stay whole.
func dropDefaults(fields map[string]any, defs []FieldDefinition) {
	for i := range defs {
		def := &defs[i]
		value, ok := fields[def.Name]
		if !ok || def.Required {
			continue
		}
		if inner, isMap := value.(map[string]any); isMap && len(inner) > 0 && len(def.Fields) > 0 && def.Fields[0].Name != "*" {
			dropDefaults(inner, def.Fields)
			if len(inner) == 0 {
				delete(fields, def.Name)
			}
			continue
		}
		if text, err := marshal(value); err == nil && def.Default != nil && bytes.Equal(text, def.Default) {
			delete(fields, def.Name)
		}
	}
}
