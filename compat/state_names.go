package compat

import (
	"slices"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// renameState gives recorded tools the plugins that the tools of a configuration get, with the options that they get, so
// that what is unchanged is the same in both. One that no plugin here does the work of stays as it is.
func (n *notes) renameState(drafts []stateDraft, own func(plugin string) bool) []stateDraft {
	names := map[schema.ID]schema.ID{}
	out := make([]stateDraft, 0, len(drafts))
	for _, d := range drafts {
		if own != nil && own(d.ID.Plugin()) {
			out = append(out, d)
			continue
		}
		// What a configuration must not have, as a secret in clear, a state may: it is left out in both.
		r := reader{notes: notes{raw: n.raw, missing: n.missing}}
		more := r.renameTool(schema.SourceTool{
			Pos: d.entry.Pos, Options: d.options,
			Plugin: schema.Text{Text: d.ID.Plugin(), Pos: d.entry.Pos}, Instance: schema.Text{Text: d.ID.Instance(), Pos: d.entry.Pos},
		})
		if len(more) == 0 {
			out = append(out, d)
			continue
		}
		old := d.ID
		for i, t := range more {
			id := schema.MakeID(t.Plugin.Text, t.Instance.Text)
			if i == 0 {
				names[old] = id
			}
			renamed := d
			renamed.ID, renamed.options = id, t.Options
			renamed.Renamed = id != old || string(appendJSON(nil, t.Options)) != string(appendJSON(nil, d.options))
			renamed.DependsOn = slices.Clone(d.DependsOn)
			if i > 0 {
				// It is filled with what the first one has made.
				renamed.DependsOn = append(renamed.DependsOn, old)
				renamed.options = filledFrom(d.resource, t.Options)
			}
			renamed.resource = renamedResource(id.Plugin(), d.resource)
			out = append(out, renamed)
		}
	}
	for i := range out {
		for j, id := range out[i].DependsOn {
			if to, ok := names[id]; ok {
				out[i].DependsOn[j] = to
			}
		}
	}
	return out
}

// filledFrom are options with the references in them filled from what was recorded: a state has values.
func filledFrom(resource, options schema.Value) schema.Value {
	outputs := get(resource, "outputs")
	filled := copied(options)
	for i, f := range filled.Fields {
		parts, err := schema.SplitReferences(f.Value.Text)
		if f.Value.Kind != schema.String || err != nil || len(parts) != 1 || parts[0].Ref == nil || len(parts[0].Ref.Key) == 0 {
			continue
		}
		filled.Fields[i].Value = stringAt(schema.EscapeReferences(text(outputs, parts[0].Ref.Key[0])), f.Value.Pos)
	}
	return filled
}

// renamedResource is a resource of 0.8 to 0.12 in the shape that it had in 0.7, which is what plugins take over.
func renamedResource(plugin string, resource schema.Value) schema.Value {
	if plugin != "gitlab-ce-docker" || get(resource, "Volumes").Kind != schema.List {
		return resource
	}
	rest, volumes, _ := taken(resource, "Volumes")
	rest, ports, _ := taken(rest, "PortPublishes")
	folders := make([]string, len(volumes.Items))
	for i, v := range volumes.Items {
		folders[i] = v.Text
	}
	rest = with(rest, "volumes", stringAt(strings.Join(folders, ","), volumes.Pos))
	names := map[string]string{"22": "SSHPort", "80": "HTTPPort", "443": "HTTPSPort"}
	for _, p := range ports.Items {
		if name := names[text(p, "containerport")]; name != "" {
			rest = with(rest, name, stringAt(text(p, "hostport"), p.Pos))
		}
	}
	return rest
}
