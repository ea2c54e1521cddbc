package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// inherit are the entries that a journal begins with which takes the place of a DevStream state.
func (p *project) inherit(place string, old []byte) ([]store.Entry, error) {
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
		if err := p.fillIn(&entry, t, wanted[t.ID]); err != nil {
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
func (p *project) fillIn(entry *store.Entry, t compat.StateTool, want *schema.Tool) (err error) {
	options := t.Options
	if want != nil {
		if options, err = inWordsOf(want.Options, options, t.Renamed); err != nil {
			return err
		}
	}
	if filled, err := p.loader.Complete(t.ID.Plugin(), options); err == nil {
		options = filled
	}
	def := p.loader.Definition(t.ID.Plugin())
	if want == nil {
		options, err = engine.Conceal(def, options)
	} else {
		options, entry.Digests, err = p.engine.Inherit(def, options, want.Options)
	}
	if err != nil {
		return err
	}
	inOptions, inResource := spokenOf(def), func([]string) bool { return false }
	if def == nil {
		inResource = nil
	}
	if entry.Options, err = compat.Veil(options, inOptions); err != nil {
		return err
	}
	entry.Resource, err = compat.Veil(t.Resource, inResource)
	return err
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
