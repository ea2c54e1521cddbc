package schema

import (
	"maps"
	"slices"
)

// Of every part of a file it is told by its keys which form it has, as when it is read.
//
// Choices are made by `if` rather than by `anyOf`: an editor then speaks of what was meant, and not of all that it is not.

// file is one part of a file, in any form.
func (d *jsonSchemas) file() (object, error) {
	core, err := d.parts()
	if err != nil {
		return nil, err
	}
	later, err := d.laterParts(core)
	if err != nil {
		return nil, err
	}
	return object{
		"title":       "A dtm toolchain in DevStream's YAML",
		"description": "One part of a file: the core settings, the tools, or the variables; or a whole file of DevStream 0.10 to 0.12.",
		"type":        []string{"object", "null"},
		"if":          isLater(),
		"then":        closed(later),
		"else": object{
			"if":   isCore(),
			"then": closed(core),
			// Variables, which may have any names.
			"else": object{"type": []string{"object", "null"}},
		},
	}, nil
}

// has is true of an object that has one of these keys.
func has(keys ...string) object {
	var choice []object
	for _, key := range keys {
		choice = append(choice, object{"required": []string{key}})
	}
	return object{"type": "object", "anyOf": choice}
}

func closed(properties object) object {
	return object{"properties": properties, "additionalProperties": false}
}

// isLater is true of a part of a file of DevStream 0.10 to 0.12 that no file before could have.
func isLater() object {
	with := func(key string, is object) object {
		return object{"required": []string{key}, "properties": object{key: is}}
	}
	return object{
		"type": "object",
		"not":  has("state", "varFile", "toolFile"),
		"anyOf": []object{
			{"required": []string{"config"}, "propertyNames": object{"enum": []string{"config", "vars", "tools", "apps", "pipelineTemplates", "plugins"}}},
			with("config", has("state")),
			{"required": []string{"vars", "tools"}, "properties": object{"vars": object{"type": "object"}}},
			with("apps", object{"type": "array"}),
			with("pipelineTemplates", object{"type": "array"}),
		},
	}
}

// isCore is true of a part that has tools, or core settings. Variables may have a name like `plugins`, too.
func isCore() object {
	return object{"anyOf": []object{
		has("tools", "state", "varFile", "toolFile"),
		{
			"type": "object", "required": []string{"plugins"},
			"properties": object{"plugins": object{"type": "object", "not": object{"additionalProperties": object{"not": has("source")}}}},
		},
	}}
}

// textKinds are what is taken as a text.
func textKinds() []string { return []string{"string", "number", "boolean"} }

// scalar is what is taken as a text.
func scalar(description string) object {
	s := object{"type": append(textKinds(), "null")}
	if description != "" {
		s["description"] = description
	}
	return s
}

// variableScalar is what is taken as a text, after its variables are filled in.
func variableScalar(description string) object {
	s := fillable(scalar(""), true)
	if description != "" {
		s["description"] = description
	}
	return s
}

// parts are the keys of the forms up to 0.9.
func (d *jsonSchemas) parts() (object, error) {
	if err := d.tools(); err != nil {
		return nil, err
	}
	if err := d.state(); err != nil {
		return nil, err
	}
	source, err := d.definition("#PluginSource", false)
	if err != nil {
		return nil, err
	}
	d.defs["source"] = source
	name, err := d.definition("#PluginName", false)
	if err != nil {
		return nil, err
	}
	delete(name, "description")
	return object{
		"tools":    object{"description": "The tools that are wanted.", "type": []string{"array", "null"}, "items": ref("tool")},
		"state":    ref("state"),
		"varFile":  scalar("The file of the variables, relative to the folder of this one. Empty for none."),
		"toolFile": scalar("The file of the tools, relative to the folder of this one. Empty if they stand in this one."),
		"plugins": object{
			"description": "Where the plugins come from that are not built in, by name. `dtm init` fetches them.",
			"type":        []string{"object", "null"}, "propertyNames": name, "additionalProperties": ref("source"),
		},
		"pluginDir": object{
			"description": "Without effect: DevStream 0.9 looked for plugins there.",
			"deprecated":  true, "type": []string{"string", "null"},
		},
	}, nil
}

// tools adds the definitions of a tool in both of its forms: {name, instanceID} and, up to 0.4, {plugin, name}.
func (d *jsonSchemas) tools() error {
	lifecycle, err := d.definition("#Lifecycle", true)
	if err != nil {
		return err
	}
	lifecycle["type"] = []string{"object", "null"}
	d.defs["lifecycle"] = lifecycle
	instance, err := d.definition("#Instance", true)
	if err != nil {
		return err
	}
	instance["description"] = "The name of this tool among those of its plugin: lower-case letters, digits, \"-\" and \".\"."
	if choice, ok := instance["anyOf"].([]object); ok {
		choice[0]["type"] = textKinds() // a number is its own name
	}
	d.defs["instance"] = instance

	older := d.older()
	names := slices.Clone(d.names)
	for _, name := range slices.Sorted(maps.Keys(older)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	d.defs["plugin"] = worded("The plugin.", fillable(object{"enum": names}, true))
	var current, before []object
	for _, name := range names {
		then, err := d.toolOf(name, older[name])
		if err != nil {
			return err
		}
		is := object{"const": name}
		current = append(current, object{"if": object{"required": []string{"name"}, "properties": object{"name": is}}, "then": then})
		kind := object{"type": "object", "required": []string{"kind"}, "properties": object{"kind": is}}
		before = append(before, object{
			"if":   object{"required": []string{"plugin"}, "properties": object{"plugin": object{"anyOf": []object{is, kind}}}},
			"then": then,
		})
	}
	common := object{
		"dependsOn": object{
			"description": "The tools that must be done before this one, each as \"name.instanceID\". References count by themselves.",
			"type":        []string{"array", "null"}, "items": ref("dependency"),
		},
		"lifecycle": ref("lifecycle"),
		"options":   object{"description": "What is wanted of it.", "type": []string{"object", "null"}},
	}
	d.defs["dependency"] = fillable(object{"type": []string{"string", "null"}, "pattern": `^\s*$|\.`}, true)
	now, old := maps.Clone(common), maps.Clone(common)
	now["name"], now["instanceID"] = ref("plugin"), ref("instance")
	old["name"] = ref("instance")
	old["plugin"] = object{
		"description": "The plugin.",
		"if":          object{"type": "object"},
		"then": object{
			"type": "object", "required": []string{"kind"}, "additionalProperties": false,
			"properties": object{"kind": ref("plugin"), "version": variableScalar("Without effect: plugins are built in.")},
		},
		"else": ref("plugin"),
	}
	d.defs["tool"] = object{
		"description": "A tool.",
		"type":        "object",
		"if":          object{"required": []string{"plugin"}, "not": object{"required": []string{"instanceID"}}},
		"then": object{
			"required": []string{"plugin", "name"}, "properties": old, "additionalProperties": false, "allOf": before,
		},
		"else": object{
			"required": []string{"name", "instanceID"}, "properties": now, "additionalProperties": false, "allOf": current,
		},
	}
	return nil
}

// toolOf is what a plugin says of its tools.
func (d *jsonSchemas) toolOf(name string, older *olderOptions) (object, error) {
	var options object
	needed := false
	if d.loader.plugins[name] != nil {
		def := "plugin." + name
		o, err := d.options(name)
		if err != nil {
			return nil, err
		}
		if _, needed = o["required"]; o["type"] == "object" && !needed {
			o["type"] = []string{"object", "null"}
		}
		if doc := d.loader.Definition(name).Doc; doc != "" {
			o["description"] = doc
		}
		d.defs[def], options = o, ref(def)
	}
	switch {
	case options == nil:
		options = older.schema
	case older != nil && older.when != nil:
		options = object{"if": older.when, "then": older.schema, "else": options}
	}
	then := object{"properties": object{"options": options}}
	if needed {
		then["required"] = []string{"options"}
	}
	return then, nil
}
