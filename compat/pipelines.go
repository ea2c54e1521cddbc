package compat

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/schema"
)

// pipelineTemplate is one element of `pipelineTemplates`. Its tree is converted anew for each use, with other variables.
type pipelineTemplate struct {
	piece
	item *yaml.Node
	name string
	kind schema.Text
	// anchored are what aliases may name: they may stand in other templates.
	anchored map[*yaml.Node]bool
}

// pipeline is an element of `ci` or `cd`: its plugin, and the options with those of its template under them.
type pipeline struct {
	kind    schema.Text
	options schema.Value
}

func pipelineKinds() []string {
	return []string{"jenkins-pipeline", "github-actions", "gitlab-ci", "argocdapp"}
}

// pipelineTemplates finds the templates by their names. What is below their options is not looked at before it is used.
func (r *reader) pipelineTemplates(pieces []piece, vars *variables) map[string]*pipelineTemplate {
	known := map[string]*pipelineTemplate{}
	for _, p := range pieces {
		if p.value.Kind != yaml.SequenceNode {
			if p.value.Tag != "!!null" {
				r.errs.Add(p.at(p.value), p.key.Value, "must be a list", "write `- name: …` for each template")
			}
			continue
		}
		anchored := map[*yaml.Node]bool{}
		gatherAnchors(p.value, anchored)
		for i, item := range p.value.Content {
			if item.Kind == yaml.AliasNode {
				item = item.Alias
			}
			c := p.converter(r, vars)
			c.path = append(c.path, step{index: i})
			t := &pipelineTemplate{piece: p, item: item, anchored: anchored}
			// What cannot be merged is told where the template is used.
			content, _ := mergedContent(item)
			for j := 0; j < len(content); j += 2 {
				key, value := content[j], content[j+1]
				switch key.Value {
				case "name":
					t.name = p.template.original(value.Value)
				case "type":
					t.kind = schema.Text{Text: value.Value, Pos: p.at(value)}
				case "options":
				default:
					c.mistake(key, fmt.Sprintf("unknown key `%s`", key.Value), suggestOrList(key.Value, []string{"name", "type", "options"}))
				}
			}
			switch {
			case item.Kind != yaml.MappingNode || t.name == "":
				c.mistake(item, "must be a map with a `name`", "write `- name: …`")
			case known[t.name] != nil:
				c.mistake(item, fmt.Sprintf("pipelineTemplate %s is written twice, first at %s", t.name, p.at(known[t.name].item)), "")
			case !slices.Contains(pipelineKinds(), t.kind.Text):
				c.mistake(item, fmt.Sprintf("the type of pipelineTemplate %s is %q", t.name, p.template.original(t.kind.Text)),
					cmp.Or(suggest(t.kind.Text, pipelineKinds()...), "it is one of "+strings.Join(pipelineKinds(), ", ")))
			default:
				known[t.name] = t
			}
		}
	}
	return known
}

// gatherAnchors adds the nodes with anchors in a tree.
func gatherAnchors(n *yaml.Node, to map[*yaml.Node]bool) {
	if n.Anchor != "" {
		to[n] = true
	}
	for _, child := range n.Content {
		gatherAnchors(child, to)
	}
}

// element reads one element of `ci` or `cd`.
func (r *appReader) element(a *app, v schema.Value, path string) (pipeline, bool) {
	p := pipeline{kind: schema.Text{Pos: v.Pos}, options: schema.Value{Kind: schema.Map, Pos: v.Pos}}
	if v.Kind != schema.Map {
		r.errs.Add(v.Pos, path, "must be a map, not a "+kindName(v.Kind), "write `- type: …`")
		return p, false
	}
	before := len(r.errs)
	var name schema.Text
	vars := schema.Value{Kind: schema.Map}
	for _, f := range v.Fields {
		switch f.Name {
		case "type":
			p.kind, _ = r.text(f.Value, path+".type")
		case "templateName":
			name, _ = r.text(f.Value, path+".templateName")
		case "options":
			r.mapping(f.Value, path+".options")
			if f.Value.Kind == schema.Map {
				p.options = f.Value
			}
		case "vars":
			r.mapping(f.Value, path+".vars")
			vars = f.Value
		default:
			r.unknown(f, path, "type", "templateName", "options", "vars")
		}
	}
	isTemplate := p.kind.Text == "template"
	t := r.templates[name.Text]
	switch {
	case len(r.errs) > before:
		return p, false
	case !isTemplate && !slices.Contains(pipelineKinds(), p.kind.Text):
		r.errs.Add(p.kind.Pos, path+".type", shown(p.kind)+" is no plugin for pipelines",
			cmp.Or(suggest(p.kind.Text, append(pipelineKinds(), "template")...), "it is `template` or one of "+strings.Join(pipelineKinds(), ", ")))
		return p, false
	case !isTemplate:
		return p, true
	case name.Text == "":
		r.errs.Add(v.Pos, path, "`templateName` is missing", "name one of pipelineTemplates")
		return p, false
	case t == nil:
		known := slices.Sorted(maps.Keys(r.templates))
		hint := "there are none: write `pipelineTemplates:` and below it a list"
		if len(known) > 0 {
			hint = suggestOrList(name.Text, known)
		}
		r.errs.Add(name.Pos, path+".templateName", "there is no pipelineTemplate "+shown(name), hint)
		return p, false
	}
	p.kind = t.kind
	p.options = merge(get(r.filled(a, t, vars), "options"), p.options)
	if p.options.Kind != schema.Map {
		p.options = schema.Value{Kind: schema.Map, Pos: v.Pos}
	}
	return p, len(r.errs) == before
}

// filled is a template with the variables of one use: those of the element win over the app's spec, and that over `vars`.
func (r *appReader) filled(a *app, t *pipelineTemplate, vars schema.Value) schema.Value {
	spec := &variables{fields: a.spec.Fields, raw: r.raw, outer: r.vars}
	c := t.converter(r.reader, &variables{fields: vars.Fields, raw: r.raw, outer: spec})
	c.keep, c.kept = true, t.anchored
	c.path = []step{{name: "pipelineTemplates." + t.name + " (for the app " + a.name.Text + ")"}}
	v, _ := c.value(t.item)
	c.grow(t.item, c.size)
	return v
}
