package compat

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/schema"
)

// piece is what stands below one key at the top of a file of 0.10 to 0.12.
type piece struct {
	*section
	key, value *yaml.Node
}

// laterParts are the pieces of a configuration of 0.10 to 0.12, which may be in several files, in the order written.
type laterParts struct {
	config, vars, tools, apps, templates, plugins []piece
}

func laterKeys() []string {
	return []string{"config", "vars", "tools", "apps", "pipelineTemplates", "plugins"}
}

// isLater tells whether documents are of the form of 0.10 to 0.12. A section of variables of the forms before it may have
// a variable that is called as one of its keys.
func isLater(all []*section) bool {
	return !slices.ContainsFunc(all, (*section).hasEarlierKey) && slices.ContainsFunc(all, (*section).isLater)
}

func (s *section) isLater() bool {
	config, vars := s.below("config"), s.below("vars")
	unknown := func(key *yaml.Node) bool { return !slices.Contains(laterKeys(), key.Value) }
	switch {
	case s.key("config") != nil && !slices.ContainsFunc(s.keys(), unknown):
		return true
	case config != nil && config.Kind == yaml.MappingNode && (&section{root: config}).key("state") != nil:
		return true
	case vars != nil && vars.Kind == yaml.MappingNode && s.key("tools") != nil:
		return true
	}
	for _, name := range []string{"apps", "pipelineTemplates"} {
		if n := s.below(name); n != nil && n.Kind == yaml.SequenceNode {
			return true
		}
	}
	return false
}

// later reads a configuration of 0.10 to 0.12.
func (r *reader) later(all []*section, broken bool) (coreConfig, []schema.SourceTool) {
	parts := r.laterParts(all)
	core := r.laterCore(parts)
	vars := r.laterVariables(parts.vars)
	if broken {
		vars.broken = true
	}
	if parts.tools == nil && parts.apps == nil && !broken {
		r.errs.Add(all[0].start(), "", "there are no `tools` and no `apps`", "write `tools:` and below it a list of tools")
		return core, nil
	}
	list := schema.Value{Kind: schema.List}
	for _, p := range parts.tools {
		list.Items = append(list.Items, r.list(p, vars)...)
	}
	tools := r.tools(schema.Value{Kind: schema.Map, Fields: []schema.Field{{Name: "tools", Value: list}}})
	apps := appReader{reader: r, vars: vars, templates: r.pipelineTemplates(parts.templates, vars), before: ids(tools)}
	for _, p := range parts.apps {
		for _, v := range r.list(p, vars) {
			apps.read(v)
		}
	}
	return core, r.withoutTwins(append(tools, apps.tools...))
}

func ids(tools []schema.SourceTool) []schema.Text {
	all := make([]schema.Text, len(tools))
	for i, t := range tools {
		all[i] = schema.Text{Text: string(schema.MakeID(t.Plugin.Text, t.Instance.Text)), Pos: t.Pos}
	}
	return all
}

// withoutTwins adds a mistake for every tool that is there twice, and leaves it out.
func (r *reader) withoutTwins(tools []schema.SourceTool) []schema.SourceTool {
	first := make(map[schema.ID]schema.Pos, len(tools))
	return slices.DeleteFunc(tools, func(t schema.SourceTool) bool {
		id := schema.MakeID(t.Plugin.Text, t.Instance.Text)
		pos, twice := first[id]
		switch {
		case t.Plugin.Text == "" || t.Instance.Text == "":
			return false
		case twice:
			r.errs.Add(t.Pos, "", fmt.Sprintf("tool %s is written twice, first at %s", id, pos),
				"an app has each of its plugins once; give the app or the tool another name")
		default:
			first[id] = t.Pos
		}
		return twice
	})
}

// laterParts sorts the keys at the tops of all documents. All but config may be there several times.
func (r *reader) laterParts(all []*section) laterParts {
	var parts laterParts
	into := map[string]*[]piece{
		"config": &parts.config, "vars": &parts.vars, "tools": &parts.tools, "apps": &parts.apps,
		"pipelineTemplates": &parts.templates, "plugins": &parts.plugins,
	}
	for _, s := range all {
		for i := 0; i < len(s.root.Content); i += 2 {
			p := piece{section: s, key: s.root.Content[i], value: s.root.Content[i+1]}
			list := into[p.key.Value]
			once := p.key.Value == "config" || p.key.Value == "plugins"
			switch {
			case list == nil:
				hint := suggestOrList(p.key.Value, laterKeys())
				r.errs.Add(s.at(p.key), p.key.Value, "unknown key: this form has others, and a folder is read with all its YAML files", hint)
			case once && len(*list) > 0:
				r.errs.Add(s.at(p.key), p.key.Value, fmt.Sprintf("is written twice, first at %s", (*list)[0].at((*list)[0].key)), "keep one of the two")
			default:
				*list = append(*list, p)
			}
		}
	}
	return parts
}

// laterCore reads where the state is, and where plugins come from.
func (r *reader) laterCore(parts laterParts) coreConfig {
	core := defaultCore()
	for _, p := range parts.config {
		v := p.convert(r, &variables{fixed: "the section config takes no variables: DevStream left them as text"})
		for _, f := range r.mapping(v, "config") {
			if f.Name == "state" {
				core.state, core.keeping = r.state(f.Value, core.state)
				continue
			}
			r.unknown(f, "config", "state")
		}
	}
	for _, p := range parts.plugins {
		core.plugins = p.convert(r, &variables{fixed: "the section plugins takes no variables"})
	}
	return core
}

// convert turns a piece into values, once.
func (p piece) convert(r *reader, vars *variables) schema.Value {
	c := p.converter(r, vars)
	v, _ := c.value(p.value)
	return v
}

func (p piece) converter(r *reader, vars *variables) *converter {
	return &converter{
		notes: &r.notes, file: p.file, line: p.line, template: &p.template, vars: vars, path: []step{{name: p.key.Value}},
	}
}

// list gives the items of a piece that is a list, none for null.
func (r *reader) list(p piece, vars *variables) []schema.Value {
	v := p.convert(r, vars)
	if v.Kind != schema.List && v.Kind != schema.Null {
		r.errs.Add(v.Pos, p.key.Value, "must be a list, not a "+kindName(v.Kind), "write `- name: …` for each of them")
	}
	return v.Items
}
