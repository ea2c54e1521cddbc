package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// inherit are the entries that a journal begins with which takes the place of a DevStream state. key is the journal's.
func (p *project) inherit(place string, old, key []byte) ([]store.Entry, error) {
	tools, err := compat.ReadState(place, old, func(plugin string) bool {
		return slices.ContainsFunc(p.config.Plugins, func(s schema.PluginSource) bool { return s.Name == plugin })
	})
	if err != nil {
		return nil, err
	}
	wanted := make(map[schema.ID]*schema.Tool, len(p.config.Tools))
	for i := range p.config.Tools {
		wanted[p.config.Tools[i].ID] = &p.config.Tools[i]
	}
	now := time.Now()
	run := now.UTC().Format("20060102-150405-") + "takeover"
	entries := []store.Entry{{Kind: store.Started, Run: run, Time: now, Command: "take over " + place, Author: "dtm", Version: version}}
	for _, t := range tools {
		entry := store.Entry{Kind: store.TakenOver, Run: run, Time: now, Tool: t.ID, DependsOn: neededBy(t, wanted[t.ID])}
		if err := p.fillIn(&entry, t, wanted[t.ID], key); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", place, t.ID, err)
		}
		// What must not be destroyed must not be so either before the first apply.
		if lifecycle := p.loader.DefaultLifecycle(t.ID.Plugin()); !lifecycle.Equal(schema.DefaultLifecycle()) {
			entry.Lifecycle = &lifecycle
		}
		entries = append(entries, entry)
	}
	return append(entries, store.Entry{Kind: store.Finished, Run: run, Time: now, Result: store.Succeeded}), nil
}

// fillIn fills in options and resource, without a secret in them.
func (p *project) fillIn(entry *store.Entry, t compat.StateTool, want *schema.Tool, key []byte) (err error) {
	options, def := t.Options, p.loader.Definition(t.ID.Plugin())
	var wanted json.RawMessage
	if want != nil {
		wanted = want.Options
		if options, err = inWordsOf(wanted, options, variablesOf(def, t.Renamed)); err != nil {
			return err
		}
	}
	if filled, err := p.loader.Complete(t.ID.Plugin(), options); err == nil {
		options = filled
	}
	is, err := p.engine.Inherit(def, options, t.Resource, wanted, key)
	if err != nil {
		return err
	}
	entry.Digests = is.Digests
	inOptions, inResource := spokenOf(def), func([]string) bool { return false }
	if def == nil {
		inResource = nil
	}
	if entry.Options, err = compat.Veil(is.Options, inOptions); err != nil {
		return err
	}
	entry.Resource, err = compat.Veil(is.Resource, inResource)
	return err
}

// variablesOf tells which options of a plugin name a variable, as tokenEnv does; none of a tool that had the same names.
func variablesOf(def *schema.Definition, renamed bool) func(path []string) bool {
	return func(path []string) bool {
		if def == nil || !renamed {
			return false
		}
		f := schema.Find(def.Options, path)
		return f != nil && f.Name == path[len(path)-1] && strings.HasSuffix(f.Name, "Env")
	}
}

// spokenOf tells which options a schema speaks of, and so says which of them are secret; nil where there is no schema. What
// is in an option of any shape is as that option is.
func spokenOf(def *schema.Definition) func(path []string) bool {
	if def == nil {
		return nil
	}
	return func(path []string) bool {
		for i := range path {
			f := schema.Find(def.Options, path[:i+1])
			if f == nil || len(f.Fields) == 0 {
				return f != nil
			}
		}
		return len(path) > 0
	}
}
