// Package schema says what may be written in a configuration and what it becomes.
//
// A [Loader] takes a CUE package ([Loader.Load]) or what compat has read from YAML ([Loader.Check]), checks all of it at
// once against the plugins' schemas, and leaves a [Config]: plain Go values and JSON. Nothing outside this package holds
// a CUE value. It does not decide what to do about a tool, and it does not look for cycles.
//
// It goes the other way, too: what was read from YAML is written as a CUE toolchain ([Loader.WriteCUE]), checked options
// without what the schemas fill in again ([Loader.WithoutDefaults]), and the schemas themselves as JSON Schema
// ([Loader.JSONSchema]), which speaks of DevStream's YAML and so has to know its keys, as compat does.
//
// CUE is evaluated with the schemas of this very dtm, overlaid on the user's folder, whatever older copy `dtm init` may have
// left there. A user's package is evaluated as one value, on one goroutine, because tools may refer to one another's
// defaults (1.2 s for 10,000 tools); YAML cannot, so its tools are checked in batches, several at the same time, each in a
// context of its own, because a CUE context never frees (7.5 KB a tool).
package schema

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/cue/parser"
)

// Import paths and folders of the CUE packages.
const (
	// ModulePath is the CUE module of dtm. Below it are "schema", "plugins/<name>" and "shared/<name>".
	ModulePath = "devstream.io/dtm"
	// LanguageVersion is the CUE language that new modules are given.
	LanguageVersion = "v0.17.0"

	vendorDir = "cue.mod/pkg"
	// defaultModule is the name of a user's module that has none.
	defaultModule = "toolchain.local"
)

//go:embed *.cue
var definitions embed.FS

// PluginSchema is the schema of one plugin.
type PluginSchema struct {
	// Name is the plugin's name.
	Name string
	// CUE is the text of its schema.cue, with #Options, #Outputs and, for samples, #Sample.
	CUE string
	// Shared are the CUE packages that it imports besides those of CUE itself: texts, by the last part of their import
	// paths (see [SharedPath]). Plugins that share a package have the same text of it.
	Shared map[string]string
	// Precious tells that its tools hold what nobody can make again: where their lifecycles do not say otherwise, nothing
	// destroys them.
	Precious bool
}

// Loader checks configurations against the schemas of some plugins. It may be used by many goroutines.
//
// A plugin that no configuration uses costs the reading of its schema and no more: schemas are evaluated for the tools that
// there are, and a definition is made when somebody asks for it.
type Loader struct {
	names []string
	// files are the CUE packages, by path below cue.mod/pkg.
	files   map[string]string
	plugins map[string]*plugin
	// lifecycle, state and sources are what may be written there.
	lifecycle, state, sources func() []FieldDefinition
}

// plugin is what is known of a plugin before its schema is evaluated.
type plugin struct {
	glue glue
	// precious is [PluginSchema].Precious.
	precious bool
	// definition is made once. Of a schema with a mistake everything is a secret.
	definition func() (*Definition, error)
}

// pluginsFile is the file that the schema package has of its plugins.
const pluginsFile = ModulePath + "/schema/plugins.cue"

// NewLoader reads the plugins' schemas. An error is a mistake in a plugin; those that show only when a schema is evaluated
// are found by [Loader.Verify], and else when the plugin is used.
func NewLoader(plugins []PluginSchema) (*Loader, error) {
	l := &Loader{files: map[string]string{}, plugins: map[string]*plugin{}}
	l.lifecycle = sync.OnceValue(func() []FieldDefinition { return l.section(lifecycleFields) })
	l.state = sync.OnceValue(func() []FieldDefinition { return l.section(stateFields) })
	l.sources = sync.OnceValue(func() []FieldDefinition { return l.section(sourceFields) })
	if err := l.embedded(); err != nil {
		return nil, err
	}
	words := wording{}
	for _, p := range plugins {
		if err := CheckPluginName(p.Name); err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(p.Name+"/schema.cue", p.CUE, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("schema of plugin %s: %w", p.Name, err)
		}
		if err := complete(f); err != nil {
			return nil, fmt.Errorf("schema of plugin %s: %w", p.Name, err)
		}
		if err := l.share(p, words); err != nil {
			return nil, fmt.Errorf("schema of plugin %s: %w", p.Name, err)
		}
		words.learn(p.Name, f)
		l.names = append(l.names, p.Name)
		l.files[ModulePath+"/plugins/"+p.Name+"/schema.cue"] = p.CUE
		known := words.of(p)
		l.plugins[p.Name] = &plugin{
			glue:       newGlue(p.Name, f),
			precious:   p.Precious,
			definition: sync.OnceValues(func() (*Definition, error) { return l.define(p.Name, strings.TrimSpace(packageDoc(f)), known) }),
		}
	}
	slices.Sort(l.names)
	l.files[pluginsFile] = l.gluedTo(l.names)
	return l, nil
}

// complete tells what a plugin's schema must have and has not: what is missing would be told at the tools that use it.
func complete(f *ast.File) error {
	if f.PackageName() == "" {
		return errors.New("it has no package clause")
	}
	has := map[string]bool{}
	for _, d := range f.Decls {
		name, _ := label(d)
		has[name] = true
	}
	for _, name := range []string{"#Options", "#Outputs", "#Sample"} {
		if !has[name] {
			return fmt.Errorf("it has no %s", name)
		}
	}
	return nil
}

// Verify evaluates the schemas of all plugins and says what is wrong with the first that has a mistake.
func (l *Loader) Verify() error {
	for _, name := range l.names {
		if _, err := l.plugins[name].definition(); err != nil {
			return err
		}
	}
	_, err := l.build(cuecontext.New(), l.names)
	return err
}

// section are the fields of a part of the configuration, by a function that finds them in the schemas. That it fails would
// be a mistake in this package, and only what errors suggest would suffer.
func (l *Loader) section(fields func(schemas cue.Value) ([]FieldDefinition, error)) []FieldDefinition {
	schemas, err := l.build(cuecontext.New(), nil)
	if err != nil {
		return nil
	}
	found, err := fields(schemas)
	if err != nil {
		return nil
	}
	return found
}

// embedded takes in the CUE files of this package.
func (l *Loader) embedded() error {
	files, err := definitions.ReadDir(".")
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := definitions.ReadFile(f.Name())
		if err != nil {
			return err
		}
		l.files[ModulePath+"/schema/"+f.Name()] = string(text)
	}
	return nil
}

// glue is what the schema package says of one plugin: the line that imports it, a field of #Tools and one of #Plugins.
type glue struct{ imports, tools, plugins string }

func newGlue(name string, f *ast.File) glue {
	// An alias, or a tool's field of the same name would shadow the package.
	alias := "_" + strings.ReplaceAll(name, "-", "_")
	return glue{
		imports: fmt.Sprintf("\t%s %q\n", alias, ModulePath+"/plugins/"+name+":"+f.PackageName()),
		tools:   fmt.Sprintf(toolGlue, doc(f), name, alias),
		plugins: fmt.Sprintf("\t%q: {options: %[2]s.#Options, outputs: %[2]s.#Outputs, sample: %[2]s.#Sample}\n", name, alias),
	}
}

// toolGlue says how a tool of a plugin looks. #Options stands alone in its field: unified with a struct it would be
// open, and typos would pass.
const toolGlue = `%[1]s	%[2]q?: [I=#Instance]: {
		id: "%[2]s.\(I)"
		// The tools that must be done before this one, as "<plugin>.<instance>". References count by themselves.
		dependsOn?: [...#ID]
		// How the tool is to be treated, whatever its plugin.
		lifecycle?: #Lifecycle
		// What is wanted of it.
		options: %[3]s.#Options
		// What other tools may refer to. Known when the tool was applied.
		outputs: {for k, _ in %[3]s.#Outputs {(k): "${{ \(id).outputs.\(k) }}"}}
	}
`

// gluedTo is the file of the schema package that has these plugins.
func (l *Loader) gluedTo(names []string) string {
	var imports, tools, plugins strings.Builder
	for _, name := range names {
		g := l.plugins[name].glue
		imports.WriteString(g.imports)
		tools.WriteString(g.tools)
		plugins.WriteString(g.plugins)
	}
	text := "package schema\n\n"
	if len(names) > 0 {
		text += "import (\n" + imports.String() + ")\n\n"
	}
	return text + "// Tools are keyed by plugin and then by instance.\n#Tools: {\n" + tools.String() + "}\n" +
		"\n// Plugins are the definitions of the plugins, for programs.\n#Plugins: {\n" + plugins.String() + "}\n"
}

// doc is the package comment of a schema as the comment of a field.
func doc(f *ast.File) string {
	var b strings.Builder
	for line := range strings.Lines(packageDoc(f)) {
		b.WriteString(strings.TrimRight("\t// "+line, " \n") + "\n")
	}
	return b.String()
}

// packageDoc is the comment above the package clause.
func packageDoc(f *ast.File) string {
	var b strings.Builder
	groups := ast.Comments(f)
	for _, d := range f.Decls {
		if p, ok := d.(*ast.Package); ok {
			groups = append(groups, ast.Comments(p)...)
		}
	}
	for _, g := range groups {
		if g.Doc {
			b.WriteString(g.Text())
		}
	}
	return b.String()
}

// Plugins are the names of the plugins, sorted.
func (l *Loader) Plugins() []string { return slices.Clone(l.names) }

// Files are the CUE packages that a configuration imports, by slash-separated path below "cue.mod/pkg".
// The caller may change the map.
func (l *Loader) Files() map[string]string { return maps.Clone(l.files) }

// config makes the settings for loading CUE from dir, whose module's root is root. Everything that is imported comes
// from the loader; no registry is ever asked.
func (l *Loader) config(dir, root string, stale []string, tags []string) *load.Config {
	overlay := map[string]load.Source{}
	for _, path := range stale {
		overlay[path] = load.FromString("package " + packageOf(path) + "\n")
	}
	for path, text := range l.files {
		overlay[filepath.Join(root, vendorDir, path)] = load.FromString(text)
	}
	return &load.Config{Dir: dir, ModuleRoot: root, Overlay: overlay, Tags: tags, Env: []string{"CUE_REGISTRY=none"}}
}

// documentFiles are the CUE files that say what dtm writes. What may be written in a configuration needs none of them,
// and reading them takes as long as reading all the others: it would be done again for each batch of tools.
func documentFiles() []string { return []string{"event.cue", "plan.cue", "state.cue"} }

// build evaluates the schema package alone, without the documents and with some of the plugins only: each takes time.
func (l *Loader) build(ctx *cue.Context, plugins []string) (cue.Value, error) {
	return l.buildWithout(ctx, plugins, documentFiles())
}

// buildWithout evaluates the schema package alone, with some of the plugins and without these files of it.
func (l *Loader) buildWithout(ctx *cue.Context, plugins, files []string) (cue.Value, error) {
	const root = "/dtm-schemas"
	cfg := l.config(root, root, nil, nil)
	for _, name := range files {
		delete(cfg.Overlay, filepath.Join(root, vendorDir, ModulePath, "schema", name))
	}
	cfg.Overlay[filepath.Join(root, vendorDir, pluginsFile)] = load.FromString(l.gluedTo(plugins))
	cfg.Overlay[filepath.Join(root, "cue.mod/module.cue")] = load.FromString(moduleFile("dtm.invalid/schemas"))
	insts := load.Instances([]string{ModulePath + "/schema"}, cfg)
	if err := insts[0].Err; err != nil {
		return cue.Value{}, err
	}
	v := ctx.BuildInstance(insts[0])
	return v, v.Err()
}

func moduleFile(path string) string {
	return fmt.Sprintf("module: %q\nlanguage: version: %q\n", path, LanguageVersion)
}
