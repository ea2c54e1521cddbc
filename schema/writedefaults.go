package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"runtime"
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"golang.org/x/sync/errgroup"
)

// WithoutDefaults are the options of checked tools without what the schemas fill in by themselves, in the same order. They
// mean the same, or they come back as they are: what is filled in may depend on what is written.
func (l *Loader) WithoutDefaults(tools []Tool) ([]json.RawMessage, error) {
	short := make([]json.RawMessage, len(tools))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < len(tools); from += checkBatch {
		to := min(from+checkBatch, len(tools))
		group.Go(func() error { return l.shorten(tools[from:to], short[from:to]) })
	}
	return short, group.Wait()
}

// shorten does it for a batch of tools, in a context of its own.
func (l *Loader) shorten(tools []Tool, short []json.RawMessage) error {
	used := map[string]bool{}
	var plugins []string
	for i := range tools {
		plugin := tools[i].ID.Plugin()
		if l.plugins[plugin] == nil {
			return fmt.Errorf("there is no plugin %q", plugin)
		}
		if !used[plugin] {
			plugins = append(plugins, plugin)
		}
		used[plugin] = true
	}
	cuectx := cuecontext.New()
	schemas, err := l.build(cuectx, plugins)
	if err != nil {
		return err
	}
	defs := optionDefs(schemas, plugins)
	for i := range tools {
		t := &tools[i]
		if short[i], err = l.shortened(cuectx, t, defs[t.ID.Plugin()]); err != nil {
			return fmt.Errorf("tools.%s.options: %w", t.ID, err)
		}
	}
	return nil
}

// shortened are the options of a tool without defaults, if its schema fills them in again.
func (l *Loader) shortened(cuectx *cue.Context, t *Tool, def cue.Value) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(t.Options))
	dec.UseNumber()
	var fields map[string]any
	if err := dec.Decode(&fields); err != nil {
		return nil, err
	}
	dropDefaults(fields, l.Definition(t.ID.Plugin()).Options)
	short, err := marshal(fields)
	if err != nil {
		return nil, err
	}
	v := cuectx.CompileBytes(short).Unify(def)
	if v.Validate(cue.Concrete(true)) != nil {
		return t.Options, nil //nolint:nilerr // that it does not stand alone is the answer
	}
	data, err := v.MarshalJSON()
	if err != nil {
		return t.Options, nil
	}
	if full, _, err := scanOptions(data); err != nil || !bytes.Equal(full, t.Options) {
		return t.Options, nil
	}
	return inOrder(fields, l.Definition(t.ID.Plugin()).Options)
}

// inOrder is a value as JSON, the fields of structs in the order of the schema, and others sorted behind them.
func inOrder(value any, defs []FieldDefinition) (json.RawMessage, error) {
	fields, ok := value.(map[string]any)
	if !ok {
		return marshal(value)
	}
	names := slices.Sorted(maps.Keys(fields))
	rank := make(map[string]int, len(defs))
	for i := range defs {
		rank[defs[i].Name] = i - len(defs)
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank[a] - rank[b] })
	out := []byte{'{'}
	for i, name := range names {
		if i > 0 {
			out = append(out, ',')
		}
		key, err := marshal(name)
		if err != nil {
			return nil, err
		}
		value, err := inOrder(fields[name], below(defs, name))
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, key...), ':'), value...)
	}
	return append(out, '}'), nil
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
