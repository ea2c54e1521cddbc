package schema

import (
	"encoding/json"
	"fmt"
	"io"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
)

// JSONSchema writes what a file of DevStream's YAML may say, in any of its forms, as JSON Schema of draft 2020-12: it is for
// editors, which check each part of a file, between lines of `---`, by itself. Descriptions are the comments of the CUE.
//
// A schema says less than CUE does, and never more: what it refuses is a mistake, and what it lets pass may still be one,
// as where one option depends on another. Where `[[ name ]]` or `${{ … }}` may stand it lets anything of that form pass.
// Two calls write the same bytes.
func (l *Loader) JSONSchema(w io.Writer) error {
	d, err := l.newJSONSchemas(l.names)
	if err != nil {
		return err
	}
	root, err := d.file()
	if err != nil {
		return err
	}
	root["$schema"], root["$id"], root["$defs"] = draft202012, schemaID+"schema/toolchain.schema.json", d.defs
	return encodeSchema(w, root)
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
	root["$schema"], root["$id"] = draft202012, schemaID+"plugins/"+plugin+"/options.schema.json"
	root["title"], root["$defs"] = "The options of "+plugin, d.defs
	if doc := l.Definition(plugin).Doc; doc != "" {
		root["description"] = doc
	}
	return encodeSchema(w, root)
}

const (
	draft202012 = "https://json-schema.org/draft/2020-12/schema"
	// schemaID is what the names of all schemas begin with, as the import paths of the CUE do. Nothing is there to be fetched.
	schemaID = "https://" + ModulePath + "/"
)

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
	schemas cue.Value
	names   []string
	// defs are the $defs.
	defs object
}

func (l *Loader) newJSONSchemas(plugins []string) (*jsonSchemas, error) {
	files, err := loosen(l.files)
	if err != nil {
		return nil, err
	}
	d := &jsonSchemas{loader: l, names: plugins, defs: object{"variable": variableSchema()}}
	d.schemas, err = (&Loader{names: l.names, files: files, plugins: l.plugins}).build(cuecontext.New(), plugins)
	return d, err
}

// variableSchema is what an editor sees of `[[ name ]]` and of `${{ … }}`: a text that has it, or, without quotes, a list in
// a list. Null is nothing written.
func variableSchema() object {
	return object{"anyOf": []object{
		{"type": "string", "pattern": `\[\[\s*[^\s\]].*\]\]|\$\{\{`},
		{
			"type": "array", "minItems": 1, "maxItems": 1,
			"items": object{"type": "array", "minItems": 1, "maxItems": 1, "items": object{"type": "string"}},
		},
		{"type": "null"},
	}}
}

func ref(name string) object { return object{"$ref": "#/$defs/" + name} }

// definition is the JSON schema of a definition of the schema package, which stands in the document as name.
func (d *jsonSchemas) definition(path string, fill bool) (object, error) {
	s, err := d.value(d.schemas.LookupPath(cue.ParsePath(path)), fill, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// options are the options of a plugin, with its defaults.
func (d *jsonSchemas) options(plugin string) (object, error) {
	v := d.schemas.LookupPath(cue.MakePath(cue.Def("#Plugins"), cue.Str(plugin), cue.Str("options")))
	s, err := d.value(v, true, 0)
	if err != nil {
		return nil, fmt.Errorf("schema of plugin %s: %w", plugin, err)
	}
	delete(s, "description")
	return s, nil
}
