package schema

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/cue/parser"
)

// PluginSource says where a plugin comes from that is not built in; toolchain.cue says what may stand there.
type PluginSource struct {
	// Name is the plugin's name.
	Name string
	// Source is a path, an https URL or an oci URL. Version and Key may be empty.
	Source, Version, Key string
	// Pos is where it was written.
	Pos Pos
}

// sourceFields are the fields of #PluginSources.
func sourceFields(schemas cue.Value) ([]FieldDefinition, error) {
	fields, err := fieldsOf(schemas.LookupPath(cue.ParsePath("#PluginSource")), 0)
	return []FieldDefinition{{Name: "*", Type: "{source: …}", Fields: fields, kind: cue.StructKind}}, err
}

// sourcesOf are the sources in a checked #PluginSources, sorted by name.
func sourcesOf(v cue.Value, place placer) ([]PluginSource, error) {
	if !v.Exists() {
		return nil, nil
	}
	fields, err := v.Fields()
	if err != nil {
		return nil, fmt.Errorf("plugins: %w", err)
	}
	var sources []PluginSource
	for fields.Next() {
		s := PluginSource{Name: fields.Selector().Unquoted()}
		if err := fields.Value().Decode(&s); err != nil {
			return nil, fmt.Errorf("plugins.%s: %w", s.Name, err)
		}
		s.Pos = place([]string{"plugins", s.Name})
		sources = append(sources, s)
	}
	slices.SortFunc(sources, func(a, b PluginSource) int { return strings.Compare(a.Name, b.Name) })
	return sources, nil
}

// checkSources checks what was written of where plugins come from.
func (l *Loader) checkSources(written *Value, place placer) ([]PluginSource, []finding, error) {
	if written.Kind == Null {
		return nil, nil, nil
	}
	cuectx := cuecontext.New()
	schemas, err := l.build(cuectx, nil)
	if err != nil {
		return nil, nil, err
	}
	v, found := fit(cuectx, written, schemas.LookupPath(cue.ParsePath("#PluginSources")), l.sources(), []string{"plugins"})
	if len(found) > 0 {
		return nil, found, nil
	}
	sources, err := sourcesOf(v, place)
	return sources, nil, err
}

// CheckSources is [Loader.LoadSources] for what was read from something other than CUE.
func (l *Loader) CheckSources(src *Source) ([]PluginSource, error) {
	place := src.placer()
	sources, found, err := l.checkSources(&src.Plugins, place)
	if err != nil {
		return nil, err
	}
	return sources, l.report(found, source{place: place})
}

// LoadSources reads of a CUE package only where its plugins come from, sorted by name: whoever fetches them does not have
// their schemas yet. What else the package says may be wrong. path and tags are as for [Loader.Load].
func (l *Loader) LoadSources(ctx context.Context, path string, tags []string) ([]PluginSource, error) {
	p, err := l.locate(path)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cfg := l.config(p.dir, p.root, p.stale, tags)
	vendor := filepath.Join(p.root, filepath.FromSlash(vendorDir))
	cfg.Overlay[filepath.Join(vendor, filepath.FromSlash(pluginsFile))] = load.FromString(anyTools)
	missing, err := l.strangers(p)
	if err != nil {
		return nil, err
	}
	for name, pkg := range missing {
		cfg.Overlay[filepath.Join(vendor, filepath.FromSlash(ModulePath), "plugins", name, "schema.cue")] = load.FromString("package " + pkg + anyPlugin)
	}
	v, err := l.toolchain(p, cfg)
	if err != nil {
		return nil, err
	}
	section := v.LookupPath(cue.ParsePath("plugins"))
	invalid := section.Validate(cue.Concrete(true))
	if invalid == nil {
		invalid = v.LookupPath(cue.MakePath(cue.Hid("_plugins", ModulePath+"/schema"))).Validate(cue.Concrete(true))
	}
	if invalid != nil {
		written := namesOf(section)
		p.named = names(&written, l.sources(), []string{"plugins"})
		return nil, p.explain(l, invalid)
	}
	return sourcesOf(section, p.place)
}

// anyTools is what the schema package says of plugins while nobody knows their schemas.
const anyTools = "package schema\n\n#Tools: {...}\n#Plugins: {...}\n"

// anyPlugin is the schema of a plugin that nobody knows yet, below its package clause.
const anyPlugin = "\n\n#Options: {...}\n#Outputs: {...}\n#Sample: {...}\n"

// strangers are the plugins whose packages the user's files import and that this loader does not have, with the names of
// the packages.
func (l *Loader) strangers(p *located) (map[string]string, error) {
	pattern := filepath.Join(p.dir, "*.cue")
	if p.arg != "." {
		pattern = filepath.Join(p.dir, p.arg)
	}
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	missing := map[string]string{}
	for _, file := range files {
		text, err := read(file)
		if err != nil {
			return nil, err
		}
		if !bytes.Contains(text, []byte(ModulePath+"/plugins/")) {
			continue
		}
		f, err := parser.ParseFile(file, text, parser.ImportsOnly)
		if err != nil {
			continue // loading says what is wrong
		}
		for spec := range f.ImportSpecs() {
			if name, pkg := l.stranger(spec); name != "" {
				missing[name] = pkg
			}
		}
	}
	return missing, nil
}

// stranger takes an import apart, as "devstream.io/dtm/plugins/greeting" or, where the package has another name than its
// folder, "devstream.io/dtm/plugins/my-greeting:greeting".
func (l *Loader) stranger(spec *ast.ImportSpec) (name, pkg string) {
	path, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return "", ""
	}
	rest, ok := strings.CutPrefix(path, ModulePath+"/plugins/")
	name, pkg, _ = strings.Cut(rest, ":")
	if !ok || CheckPluginName(name) != nil || l.plugins[name] != nil {
		return "", ""
	}
	return name, cmp.Or(pkg, name)
}
