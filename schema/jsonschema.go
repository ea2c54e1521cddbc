package schema

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
)

// JSONSchema writes what a file of DevStream's YAML may say, in the form of 0.5 to 0.9, as JSON Schema of draft 2020-12:
// it is for editors, which check each part of a file, between lines of `---`, by itself. Descriptions are the comments of
// the CUE. A schema says less than CUE does: what it refuses is a mistake, and what it lets pass may still be one. Where
// `[[ name ]]` may stand a schema lets anything of that form pass.
func (l *Loader) JSONSchema(w io.Writer) error {
	d, err := l.newJSONSchemas(l.names)
	if err != nil {
		return err
	}
	tool, err := d.tool()
	if err != nil {
		return err
	}
	core, err := d.core()
	if err != nil {
		return err
	}
	core["tools"] = object{
		"description": "The tools that are wanted.", "type": []string{"array", "null"},
		"items": object{"$ref": "#/$defs/tool"},
	}
	d.defs["tool"] = tool
	return encodeSchema(w, object{
		"$schema": draft202012, "title": "A dtm toolchain in DevStream's YAML",
		"description": "One part of a file: the core settings, the tools, or the variables.",
		"$defs":       d.defs, "type": "object", "properties": core,
		// A part that has none of these keys is one of variables, which may have any names. `plugins` may be one.
		"if": object{"anyOf": []object{
			{"required": []string{"tools"}}, {"required": []string{"state"}},
			{"required": []string{"varFile"}}, {"required": []string{"toolFile"}},
		}},
		"then": object{
			"properties":    object{"plugins": d.sources},
			"propertyNames": object{"enum": []string{"tools", "state", "varFile", "toolFile", "plugins"}},
		},
	})
}

// PluginJSONSchema writes what the options of a plugin may say as JSON Schema of draft 2020-12, as [Loader.JSONSchema] does
// for a whole file.
func (l *Loader) PluginJSONSchema(w io.Writer, plugin string) error {
	if l.plugins[plugin] == nil {
		return fmt.Errorf("there is no plugin %q", plugin)
	}
	d, err := l.newJSONSchemas([]string{plugin})
	if err != nil {
		return err
	}
	root, err := d.options(plugin)
	if err != nil {
		return err
	}
	root["$schema"], root["title"], root["$defs"] = draft202012, "The options of "+plugin, d.defs
	if doc := l.Definition(plugin).Doc; doc != "" {
		root["description"] = doc
	}
	return encodeSchema(w, root)
}

const draft202012 = "https://json-schema.org/draft/2020-12/schema"

// object is a JSON object on its way out.
type object = map[string]any

func encodeSchema(w io.Writer, root object) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(root)
}

// jsonSchemas makes the parts of one document.
type jsonSchemas struct {
	loader  *Loader
	ctx     *cue.Context
	schemas cue.Value
	names   []string
	// defs are the $defs, sources what may be said of where plugins come from.
	defs    object
	sources object
	// generated is how many of the values CUE has made.
	generated int
}

func (l *Loader) newJSONSchemas(plugins []string) (*jsonSchemas, error) {
	d := &jsonSchemas{loader: l, ctx: cuecontext.New(), names: plugins, defs: object{"variable": variableSchema()}}
	var err error
	d.schemas, err = l.build(d.ctx, plugins)
	return d, err
}

// variableSchema is what an editor sees of `[[ name ]]`: a text that has it, or, without quotes, a list in a list.
func variableSchema() object {
	return object{"anyOf": []any{
		object{"type": "string", "pattern": `\[\[.*\]\]`},
		object{
			"type": "array", "minItems": 1, "maxItems": 1,
			"items": object{"type": "array", "minItems": 1, "maxItems": 1, "items": object{"type": "string"}},
		},
	}}
}

// options are the options of a plugin, with its defaults.
func (d *jsonSchemas) options(plugin string) (object, error) {
	v := d.schemas.LookupPath(cue.MakePath(cue.Def("#Plugins"), cue.Str(plugin), cue.Str("options")))
	s, err := d.value(v, true, 0)
	if err != nil {
		return nil, fmt.Errorf("schema of plugin %s: %w", plugin, err)
	}
	return s, nil
}

// tool is one tool of the list.
func (d *jsonSchemas) tool() (object, error) {
	lifecycle, err := d.value(d.schemas.LookupPath(cue.ParsePath("#Lifecycle")), true, 0)
	if err != nil {
		return nil, err
	}
	lifecycle["type"] = []string{"object", "null"}
	var which []object
	for _, name := range d.names {
		options, err := d.options(name)
		if err != nil {
			return nil, err
		}
		d.defs[name] = options
		def := d.loader.Definition(name)
		then := object{"properties": object{"options": object{"$ref": "#/$defs/" + name}}}
		if slices.ContainsFunc(def.Options, func(f FieldDefinition) bool { return f.Required }) {
			then["required"] = []string{"options"}
		} else {
			then["properties"] = object{"options": object{"anyOf": []object{{"$ref": "#/$defs/" + name}, {"type": "null"}}}}
		}
		which = append(which, object{
			"if":   object{"properties": object{"name": object{"const": name}}, "required": []string{"name"}},
			"then": then,
		})
	}
	tool := object{
		"type": "object", "required": []string{"name", "instanceID"}, "additionalProperties": false,
		"properties": object{
			"name":       object{"description": "The plugin.", "anyOf": []object{{"enum": d.names}, {"$ref": "#/$defs/variable"}}},
			"instanceID": object{"description": "The name of this tool among those of its plugin.", "type": []string{"string", "array"}},
			"dependsOn": object{
				"description": "The tools that must be done before this one, as \"name.instanceID\". References count by themselves.",
				"type":        []string{"array", "null"}, "items": object{"type": []string{"string", "null", "array"}},
			},
			"lifecycle": lifecycle,
			"options":   object{"description": "What is wanted of it.", "type": []string{"object", "null"}},
		},
	}
	if len(which) > 0 {
		tool["allOf"] = which
	}
	return tool, nil
}

// core is what may stand beside the tools.
func (d *jsonSchemas) core() (object, error) {
	state := d.schemas.LookupPath(cue.ParsePath("#State"))
	section, err := d.value(state, false, 0)
	if err != nil {
		return nil, err
	}
	properties, ok := section["properties"].(object)
	if !ok {
		return nil, fmt.Errorf("the schema of the state has no fields")
	}
	var stores []object
	for _, backend := range []string{"local", "s3"} {
		options, err := d.value(state.FillPath(cue.ParsePath("backend"), backend).LookupPath(cue.ParsePath("options")), false, 0)
		if err != nil {
			return nil, err
		}
		is := object{"properties": object{"backend": object{"const": backend}}}
		if backend != "local" {
			is["required"] = []string{"backend"}
		}
		stores = append(stores, object{"if": is, "then": object{"properties": object{"options": options}}})
	}
	properties["options"] = object{"type": []string{"object", "null"}}
	section["allOf"] = stores
	source, err := d.value(d.schemas.LookupPath(cue.ParsePath("#PluginSource")), false, 0)
	if err != nil {
		return nil, err
	}
	name, err := d.generate(d.schemas.LookupPath(cue.ParsePath("#PluginName")))
	if err != nil {
		return nil, err
	}
	d.sources = object{
		"description": "Where the plugins come from that are not built in, by name.",
		"type":        []string{"object", "null"}, "propertyNames": name, "additionalProperties": source,
	}
	return object{
		"state":    section,
		"varFile":  object{"description": "The file of the variables, relative to the folder of this one.", "type": "string"},
		"toolFile": object{"description": "The file of the tools, relative to the folder of this one.", "type": "string"},
	}, nil
}
