package compat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// tools reads the list of tools from the section that has it.
//
// DevStream 0.3 and 0.4 wrote {plugin, name} for what is {name, instanceID} since, and named a tool NAME.PLUGIN, the other
// way round. A list is of the old form if one of its tools has a plugin and no instanceID.
func (r *reader) tools(section schema.Value) []schema.SourceTool {
	var list schema.Value
	for _, f := range section.Fields {
		if f.Name == "tools" {
			list = f.Value
			if f.Pos.IsValid() {
				r.toolsAt = f.Pos
			}
		}
	}
	if list.Kind != schema.List {
		if list.Kind != schema.Null {
			r.errs.Add(list.Pos, "tools", "must be a list, not a "+kindName(list.Kind), "write `- name: …` for each tool")
		}
		return nil
	}
	t := toolList{notes: &r.notes, seen: make(map[schema.ID]schema.Pos, len(list.Items))}
	t.references = turner{seen: map[any]bool{}, turn: func(ref *schema.Reference) { ref.Tool = schema.ID(turned(string(ref.Tool))) }}
	t.old = slices.ContainsFunc(list.Items, func(v schema.Value) bool { return has(v, "plugin") && !has(v, "instanceID") })
	tools := make([]schema.SourceTool, 0, len(list.Items))
	for i, item := range list.Items {
		if tool, ok := t.tool(item, fmt.Sprintf("tools[%d]", i)); ok {
			tools = append(tools, tool)
		}
	}
	return tools
}

// emptyList tells of a list without tools, which is no mistake by itself.
func (r *reader) emptyList() {
	pos := r.toolsAt
	if !pos.IsValid() {
		pos = schema.Pos{File: r.path}
	}
	r.note(pos, "tools", "there are no tools: DevStream deleted all that it had made; `dtm apply` does that with --allow-empty only")
}

// toolList reads the tools of one list.
type toolList struct {
	*notes
	seen map[schema.ID]schema.Pos
	// references turns those of the old form round.
	references turner
}

func (t *toolList) tool(v schema.Value, path string) (schema.SourceTool, bool) {
	tool := schema.SourceTool{Pos: v.Pos}
	if v.Kind != schema.Map {
		t.errs.Add(v.Pos, path, "must be a map, not a "+kindName(v.Kind), "write "+t.form())
		return tool, false
	}
	plugin, instance := "name", "instanceID"
	if t.old {
		plugin, instance = "plugin", "name"
	}
	for _, f := range v.Fields {
		switch f.Name {
		case plugin:
			tool.Plugin = t.word(f, path)
		case instance:
			tool.Instance = t.word(f, path)
		case "dependsOn":
			before := len(t.errs)
			tool.DependsOn = t.dependsOn(f.Value, path+".dependsOn")
			t.harmless += len(t.errs) - before
		case "lifecycle":
			before := len(t.errs)
			t.mapping(f.Value, path+".lifecycle")
			t.harmless += len(t.errs) - before
			if f.Value.Kind == schema.Map {
				tool.Lifecycle = f.Value
			}
		case "options":
			tool.Options = f.Value
			t.mapping(f.Value, path+".options")
			if t.old {
				t.references.value(&tool.Options)
			}
		case "plugin", "instanceID":
			t.errs.Add(f.Pos, path+"."+f.Name, "does not belong to the form of this list", "write "+t.form()+" for every tool")
		default:
			t.unknown(f, path, plugin, instance, "dependsOn", "options", "lifecycle")
			if has(v, "options") && has(v, plugin) && has(v, instance) {
				t.harmless++
			}
		}
	}
	for _, key := range []string{plugin, instance} {
		// A key that is misspelt has been complained about.
		misspelt := func(f schema.Field) bool {
			return f.Name != plugin && f.Name != instance && suggest(f.Name, key) != ""
		}
		if !has(v, key) && !slices.ContainsFunc(v.Fields, misspelt) {
			t.errs.Add(v.Pos, path, "`"+key+"` is missing", "write "+t.form())
		}
	}
	if tool.Plugin.Text != "" && tool.Instance.Text != "" {
		id := schema.MakeID(tool.Plugin.Text, tool.Instance.Text)
		if first, ok := t.seen[id]; ok {
			msg := fmt.Sprintf("tool %s is written twice, first at %s", id, first)
			if t.lenient {
				msg += ": in DevStream one of the two won"
			}
			t.errs.Add(v.Pos, path, msg, "give one of them another "+instance)
			t.harmless++
			return tool, false
		}
		t.seen[id] = v.Pos
	}
	return tool, true
}

// form says how a tool of this list is written.
func (t *toolList) form() string {
	if t.old {
		return "`plugin` for the kind of tool and `name` for this one"
	}
	return "`name` for the plugin and `instanceID` for this tool of it"
}

// word is a string that must not be empty.
func (t *toolList) word(f schema.Field, path string) schema.Text {
	path += "." + f.Name
	if f.Name == "plugin" && f.Value.Kind == schema.Map {
		return t.kind(f.Value, path)
	}
	text, ok := t.text(f.Value, path)
	switch {
	case ok && text.Text == "":
		t.errs.Add(f.Value.Pos, path, "is empty", "")
	case ok && strings.Contains(text.Text, "${{"):
		t.errs.Add(f.Value.Pos, path, shown(text)+" is filled in when the tool is applied, and its name must be known before",
			"write the name itself, or a variable that has it")
	}
	return text
}

// kind reads the form {kind, version} of DevStream 0.2 and 0.3.0. The version was that of the plugin's own file; plugins
// are built in here.
func (t *toolList) kind(v schema.Value, path string) schema.Text {
	kind := schema.Text{Pos: v.Pos}
	for _, f := range v.Fields {
		switch f.Name {
		case "kind":
			kind = t.word(f, path)
		case "version":
			t.text(f.Value, path+".version")
		default:
			t.unknown(f, path, "kind", "version")
		}
	}
	if !has(v, "kind") {
		t.errs.Add(v.Pos, path, "`kind` is missing", "write the name of the plugin alone")
	}
	return kind
}

func (t *toolList) dependsOn(v schema.Value, path string) []schema.Text {
	if v.Kind != schema.List {
		if v.Kind != schema.Null {
			t.errs.Add(v.Pos, path, "must be a list, not a "+kindName(v.Kind), `write ["name.instanceID"]`)
		}
		return nil
	}
	var needs []schema.Text
	for i, item := range v.Items {
		text, ok := t.text(item, fmt.Sprintf("%s[%d]", path, i))
		text.Text = strings.TrimSpace(text.Text)
		if !ok || text.Text == "" {
			continue
		}
		if t.old {
			text.Text = turned(text.Text)
		}
		needs = append(needs, text)
	}
	return needs
}

// turned makes PLUGIN.NAME of NAME.PLUGIN. A name may have dots, a plugin has none.
func turned(id string) string {
	if i := strings.LastIndexByte(id, '.'); i >= 0 {
		return id[i+1:] + "." + id[:i]
	}
	return id
}
