package compat

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// StateTool is a tool that DevStream recorded.
type StateTool struct {
	ID schema.ID
	// DependsOn are the tools that it was made after.
	DependsOn []schema.ID
	// Options are a JSON object. DevStream recorded them with variables and references filled in, so `${{` in them is
	// text, and escaped as schema.EscapeReferences does.
	Options json.RawMessage
	// Resource is what the plugin returned, a JSON object with its outputs below "outputs"; nil if nothing was recorded.
	Resource json.RawMessage
	// Renamed tells that the plugin had another name in DevStream, or its options had.
	Renamed bool
}

// noState is the hint where a file is nothing that DevStream wrote.
const noState = "this is no state file of DevStream, or a damaged one"

// ReadState reads a state file of DevStream, of every version from 0.2 to 0.12, as its tools in the order of the file. The
// versions are told apart entry by entry: name and plugin {kind, version} up to 0.3.0; name and plugin, and in 0.4 dependson,
// up to 0.4; name, instanceid, dependson and resource up to 0.9; name, instanceID, dependsOn and resourceStatus since. A file without
// entries, which DevStream wrote as zero bytes, is no tools. Mistakes are schema.Errors that name the file.
//
// Plugins get the names that Read gives them, and options and resources follow, but for those that own says are the user's
// own; it may be nil for none. What no plugin here does the work of keeps its name.
func ReadState(file string, data []byte, own func(plugin string) bool) ([]StateTool, error) {
	n := notes{size: len(data)}
	data, mistake := checkText(file, data)
	if mistake != nil {
		mistake.Hint = noState
		return nil, schema.Errors{mistake}
	}
	docs := splitDocuments(file, data)
	if len(docs) == 0 {
		return nil, nil
	}
	if len(docs) > 1 {
		n.errs.Add(docs[1].start(), "", "a second YAML document begins here", "a state file has one")
	}
	root, mistake := parse(docs[0], docs[0].text)
	if mistake != nil {
		mistake.Hint = noState
		return nil, schema.Errors{mistake}
	}
	var tools []StateTool
	if root != nil {
		c := converter{notes: &n, file: file, line: docs[0].line}
		v := c.root(root)
		// DevStream wrote none. What they name is written out here, so that a small file could become a large state.
		if n.tooLarge || n.growth > 16*len(data) {
			n.errs = nil
			n.errs.Add(v.Pos, "", "aliases make this state many times longer than it is", "DevStream wrote none: this is no state file of DevStream, or somebody has edited it")
			return nil, n.errs.Err()
		}
		if v.Kind != schema.Map && v.Kind != schema.Null {
			n.errs.Add(v.Pos, "", "a state file must be a map of tools, not a "+kindName(v.Kind), "")
		}
		tools = n.stateTools(v.Fields, own)
	}
	if err := n.errs.Err(); err != nil {
		return nil, err
	}
	return tools, nil
}

func (n *notes) stateTools(entries []schema.Field, own func(plugin string) bool) []StateTool {
	drafts := make([]stateDraft, 0, len(entries))
	for _, e := range entries {
		if d, ok := n.stateTool(e); ok {
			drafts = append(drafts, d)
		}
	}
	drafts = n.renameState(drafts, own)
	tools := make([]StateTool, 0, len(drafts))
	seen := make(map[schema.ID]string, len(drafts))
	for _, d := range drafts {
		if first, ok := seen[d.ID]; ok {
			n.errs.Add(d.entry.Pos, d.entry.Name, fmt.Sprintf("this is %s, and so is %s", d.ID, first), "remove the entry that is out of date")
			continue
		}
		seen[d.ID] = d.entry.Name
		d.Options = appendJSON(nil, d.options)
		if d.resource.Kind == schema.Map {
			d.Resource = appendJSON(nil, d.resource)
		}
		tools = append(tools, d.StateTool)
	}
	return tools
}

// stateDraft is a tool that is not in JSON yet.
type stateDraft struct {
	StateTool
	entry             schema.Field
	options, resource schema.Value
}

// stateEntry is an entry as it was written.
type stateEntry struct {
	name, plugin, instance       schema.Value
	dependsOn, options, resource schema.Value
	// injected tells that the version put the instance into the options.
	injected bool
}

func (n *notes) stateTool(e schema.Field) (stateDraft, bool) {
	if e.Value.Kind != schema.Map {
		n.errs.Add(e.Value.Pos, e.Name, "must be a map, not a "+kindName(e.Value.Kind), noState)
		return stateDraft{}, false
	}
	var entry stateEntry
	for _, f := range e.Value.Fields {
		switch f.Name {
		case "name":
			entry.name = f.Value
		case "plugin":
			entry.plugin = f.Value
			for _, sub := range f.Value.Fields {
				if sub.Name == "kind" {
					entry.plugin = sub.Value
				}
			}
		case "instanceid":
			entry.instance = f.Value
		case "instanceID":
			entry.instance, entry.injected = f.Value, true
		case "dependson", "dependsOn":
			entry.dependsOn = f.Value
		case "options":
			entry.options = f.Value
		case "resource", "resourceStatus":
			entry.resource = f.Value
		}
	}
	before := len(n.errs)
	d := stateDraft{
		StateTool: StateTool{ID: n.stateID(e, entry), DependsOn: n.stateDependsOn(e, entry)},
		entry:     e, options: n.stateOptions(e, entry), resource: entry.resource,
	}
	n.mapping(entry.resource, e.Name+".resource")
	return d, len(n.errs) == before
}

func (e stateEntry) old() bool { return e.plugin.Kind != schema.Null }

func (n *notes) stateID(e schema.Field, entry stateEntry) schema.ID {
	plugin, instance := entry.name, entry.instance
	if entry.old() {
		plugin, instance = entry.plugin, entry.name
	}
	p, okP := n.text(plugin, e.Name+".plugin")
	i, okI := n.text(instance, e.Name+".instance")
	if !okP || !okI {
		return ""
	}
	id, err := schema.ParseID(string(schema.MakeID(p.Text, i.Text)))
	if err != nil {
		n.errs.Add(e.Pos, e.Name, "has no name that this version can read: "+err.Error(),
			"give it another name, here and in the configuration: keep a copy of this file")
	}
	return id
}

func (n *notes) stateDependsOn(e schema.Field, entry stateEntry) []schema.ID {
	path := e.Name + ".dependsOn"
	if entry.dependsOn.Kind != schema.List && entry.dependsOn.Kind != schema.Null {
		n.errs.Add(entry.dependsOn.Pos, path, "must be a list, not a "+kindName(entry.dependsOn.Kind), "")
	}
	var needs []schema.ID
	for _, item := range entry.dependsOn.Items {
		text, ok := n.text(item, path)
		if !ok || text.Text == "" {
			continue
		}
		if entry.old() {
			text.Text = turned(text.Text)
		}
		id, err := schema.ParseID(text.Text)
		if err != nil {
			n.errs.Add(text.Pos, path, err.Error(), "")
			continue
		}
		needs = append(needs, id)
	}
	return needs
}

// stateOptions gives the options as they stood in the configuration.
func (n *notes) stateOptions(e schema.Field, entry stateEntry) schema.Value {
	fields := n.mapping(entry.options, e.Name+".options")
	options := schema.Value{Kind: schema.Map, Fields: make([]schema.Field, 0, len(fields))}
	for _, f := range fields {
		if entry.injected && f.Name == "instanceID" {
			continue
		}
		f.Value = escaped(f.Value)
		options.Fields = append(options.Fields, f)
	}
	return options
}

// escaped makes literal text of every string in a value. The value itself stays as it is, an alias may share it. Where there is
// nothing to do, nothing is copied.
func escaped(v schema.Value) schema.Value {
	if !refers(v) {
		return v
	}
	v.Text = schema.EscapeReferences(v.Text)
	if len(v.Items) > 0 {
		items := make([]schema.Value, len(v.Items))
		for i, item := range v.Items {
			items[i] = escaped(item)
		}
		v.Items = items
	}
	if len(v.Fields) > 0 {
		fields := make([]schema.Field, len(v.Fields))
		for i, f := range v.Fields {
			fields[i] = schema.Field{Name: f.Name, Pos: f.Pos, Value: escaped(f.Value)}
		}
		v.Fields = fields
	}
	return v
}

// refers tells whether some text in a value looks like a reference.
func refers(v schema.Value) bool {
	return strings.Contains(v.Text, "${{") || slices.ContainsFunc(v.Items, refers) ||
		slices.ContainsFunc(v.Fields, func(f schema.Field) bool { return refers(f.Value) })
}
