package schema

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/cue/parser"
)

// MaxFileSize is the largest file that is read, in bytes. Ten thousand tools take about one mebibyte.
const MaxFileSize = 10 << 20

// Load evaluates a CUE file, or the CUE package in a folder, and checks it. tags are "key=value" or "key" for @tag
// attributes. Mistakes come back as [Errors], all at once; anything else is about the files themselves.
func (l *Loader) Load(ctx context.Context, path string, tags []string) (*Config, error) {
	p, err := l.locate(path)
	if err != nil {
		return nil, err
	}
	config, err := l.evaluate(ctx, p, tags)
	if !p.missed {
		return config, err
	}
	if p, err = l.locate(path); err != nil {
		return nil, err
	}
	p.plugins = l.names
	return l.evaluate(ctx, p, tags)
}

// evaluate evaluates and checks a package with the plugins that it was located with.
func (l *Loader) evaluate(ctx context.Context, p *located, tags []string) (*Config, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cfg := l.config(p.dir, p.root, p.stale, tags)
	cfg.Overlay[filepath.Join(p.root, vendorDir, pluginsFile)] = load.FromString(l.gluedTo(p.plugins))
	v, err := l.toolchain(p, cfg)
	if err != nil {
		return nil, err
	}
	invalid := v.Validate()
	if errs := p.incomplete(v); invalid != nil || len(errs) > 0 {
		p.compareNames(l, v)
		return nil, p.explain(l, invalid, errs...)
	}
	drafts, err := l.drafts(v.LookupPath(cue.ParsePath("tools")))
	if err != nil {
		return nil, err
	}
	config := &Config{Dir: p.dir, Files: p.files}
	if err := p.state(v, &config.State); err != nil {
		return nil, err
	}
	if config.Plugins, err = sourcesOf(v.LookupPath(cue.ParsePath("plugins")), p.place); err != nil {
		return nil, err
	}
	return config, l.finish(config, drafts, source{place: p.place})
}

// toolchain evaluates a package that must be a toolchain. What is wrong in it may still be found in the value.
func (l *Loader) toolchain(p *located, cfg *load.Config) (cue.Value, error) {
	if module := filepath.Join(p.root, "cue.mod", "module.cue"); !exists(module) {
		cfg.Overlay[module] = load.FromString(moduleFile(defaultModule))
	}
	insts := load.Instances([]string{p.arg}, cfg)
	p.inst = insts[0]
	if err := p.inst.Err; err != nil && strings.Contains(err.Error(), "exclude all CUE files") {
		return cue.Value{}, Errors{{Pos: Pos{File: p.given}, Msg: "no file here begins with a package clause", Hint: "write `package toolchain` on top"}}
	} else if err != nil {
		return cue.Value{}, p.explain(l, err)
	}
	for _, f := range p.inst.Files {
		p.files = append(p.files, p.display(f.Filename))
	}
	v := cuecontext.New().BuildInstance(p.inst)
	if err := v.Err(); err != nil && !v.Exists() {
		return v, p.explain(l, err)
	}
	return v, l.shaped(p, v)
}

// located is a CUE package on the disk.
type located struct {
	// given is the folder as the user named it, dir the same absolute, root the folder that has cue.mod.
	given, dir, root string
	// arg is what load.Instances is asked for.
	arg string
	// stale are vendored files that this dtm does not have.
	stale []string
	// plugins are those whose names stand in the files: the others need not be evaluated. missed tells that one of those
	// was meant after all, by a name that was put together or that stands in a package that is imported.
	plugins []string
	missed  bool

	files []string
	inst  *build.Instance
	// labels are where tools are written, once a place was asked for.
	labels toolLabels
	// named are mistakes in names, and instances the tools' own names, once there is an error to explain.
	named     []finding
	instances []string
}

func (l *Loader) locate(path string) (*located, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	p := &located{given: path, arg: "."}
	files := []string{path}
	if info.IsDir() {
		if files, err = filepath.Glob(filepath.Join(path, "*.cue")); err != nil {
			return nil, err
		}
	} else {
		p.given = filepath.Dir(path)
		p.arg = "./" + filepath.Base(path)
	}
	mentioned := map[string]bool{}
	for _, f := range files {
		text, err := read(f)
		if err != nil {
			return nil, err
		}
		for _, name := range l.names {
			mentioned[name] = mentioned[name] || bytes.Contains(text, []byte(name))
		}
	}
	p.plugins = slices.DeleteFunc(slices.Clone(l.names), func(name string) bool { return !mentioned[name] })
	if p.dir, err = filepath.Abs(p.given); err != nil {
		return nil, err
	}
	p.root = moduleRoot(p.dir)
	p.stale, err = l.stale(p.root)
	return p, err
}

// read reads a file that is not too large.
func read(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > MaxFileSize {
		return nil, Errors{{Pos: Pos{File: file}, Msg: fmt.Sprintf("the file has %d MiB, more than the %d MiB that are read", info.Size()>>20, MaxFileSize>>20)}}
	}
	return os.ReadFile(file)
}

// moduleRoot is the nearest folder with cue.mod, or dir itself.
func moduleRoot(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if info, err := os.Stat(filepath.Join(at, "cue.mod")); err == nil && info.IsDir() {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

// stale finds vendored files of our module that this loader does not have, so that the overlay can empty them.
func (l *Loader) stale(root string) ([]string, error) {
	vendor := filepath.Join(root, filepath.FromSlash(vendorDir))
	var stale []string
	err := filepath.WalkDir(filepath.Join(vendor, filepath.FromSlash(ModulePath)), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() || filepath.Ext(path) != ".cue" {
			return err
		}
		rel, err := filepath.Rel(vendor, path)
		if err != nil {
			return err
		}
		if _, ok := l.files[filepath.ToSlash(rel)]; !ok {
			stale = append(stale, path)
		}
		return nil
	})
	return stale, err
}

func packageOf(file string) string {
	if f, err := parser.ParseFile(file, nil, parser.PackageClauseOnly); err == nil && f.PackageName() != "" {
		return f.PackageName()
	}
	return "stale"
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// display names a file as the user would: relative to the folder as it was given.
func (p *located) display(file string) string {
	if !filepath.IsAbs(file) {
		return file
	}
	rel, err := filepath.Rel(p.dir, file)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return file
	}
	return filepath.Join(p.given, rel)
}

// shaped tells whether the package is a toolchain at all.
func (l *Loader) shaped(p *located, v cue.Value) error {
	pos := Pos{File: p.given}
	if len(p.files) > 0 {
		pos.File = p.files[0]
	}
	if !v.LookupPath(cue.MakePath(cue.Hid("_tools", ModulePath+"/schema"))).Exists() {
		return Errors{{Pos: pos, Msg: "this is not a toolchain", Hint: fmt.Sprintf("import %q and write `schema.#Toolchain` below", ModulePath+"/schema")}}
	}
	var errs Errors
	for _, f := range p.inst.Files {
		for _, d := range f.Decls {
			name, at := label(d)
			if near := Nearest(name, []string{"tools", "state", "plugins"}); near != "" && near != name {
				errs.Add(p.position(at), name, "field not allowed", didYouMean(near))
			}
		}
	}
	return errs.Err()
}

func label(d ast.Decl) (string, ast.Node) {
	f, ok := d.(*ast.Field)
	if !ok {
		return "", nil
	}
	name, _, err := ast.LabelName(f.Label)
	if err != nil {
		return "", nil
	}
	return name, f.Label
}

// incomplete are the errors about values that are not concrete, tool by tool, so that one tool's other mistakes do not
// hide another's.
func (p *located) incomplete(v cue.Value) []error {
	var errs []error
	for _, section := range []string{"state", "plugins"} {
		if v := v.LookupPath(cue.ParsePath(section)); v.Exists() {
			if err := v.Validate(cue.Concrete(true)); err != nil {
				errs = append(errs, err)
			}
		}
	}
	plugins, err := v.LookupPath(cue.ParsePath("tools")).Fields()
	if err != nil {
		return append(errs, err)
	}
	for plugins.Next() {
		instances, err := plugins.Value().Fields()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for instances.Next() {
			if err := instances.Value().Validate(cue.Concrete(true)); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errs
}

// compareNames finds what CUE does not report beside other mistakes.
func (p *located) compareNames(l *Loader, v cue.Value) {
	state := namesOf(v.LookupPath(cue.ParsePath("state")))
	p.named = append(p.named, names(&state, flat(l.state()), []string{"state"})...)
	sources := namesOf(v.LookupPath(cue.ParsePath("plugins")))
	p.named = append(p.named, names(&sources, l.sources(), []string{"plugins"})...)
	plugins, err := v.LookupPath(cue.ParsePath("tools")).Fields()
	if err != nil {
		return
	}
	for plugins.Next() {
		plugin := plugins.Selector().Unquoted()
		instances, err := plugins.Value().Fields()
		if err != nil || l.plugins[plugin] == nil {
			continue
		}
		for instances.Next() {
			instance := instances.Selector().Unquoted()
			p.instances = append(p.instances, instance)
			at := []string{"tools", plugin, instance}
			options := namesOf(instances.Value().LookupPath(cue.ParsePath("options")))
			p.named = append(p.named, names(&options, l.Definition(plugin).Options, append(at, "options"))...)
			lifecycle := namesOf(instances.Value().LookupPath(cue.ParsePath("lifecycle")))
			p.named = append(p.named, names(&lifecycle, l.lifecycle(), append(at[:3:3], "lifecycle"))...)
		}
	}
}

// namesOf is the skeleton of a value: its fields without what is in them.
func namesOf(v cue.Value) Value {
	out := Value{Kind: String}
	switch v.IncompleteKind() {
	case cue.ListKind:
		out.Kind = List
		if items, err := v.List(); err == nil {
			for items.Next() {
				out.Items = append(out.Items, namesOf(items.Value()))
			}
		}
	case cue.StructKind, cue.BottomKind:
		fields, err := v.Fields()
		if err != nil {
			break
		}
		out.Kind = Map
		for fields.Next() {
			if fields.Selector().LabelType() == cue.IndexLabel {
				// A list with a mistake in it.
				out.Kind = List
				out.Items = append(out.Items, namesOf(fields.Value()))
				continue
			}
			if f := fields.Value(); !f.IsConcrete() && f.IncompleteKind()&(cue.StructKind|cue.ListKind) == 0 {
				if _, ok := f.Default(); !ok {
					continue // in a struct with mistakes a required field is there though nobody wrote it
				}
			}
			out.Fields = append(out.Fields, Field{Name: fields.Selector().Unquoted(), Value: namesOf(fields.Value())})
		}
	}
	return out
}

func (p *located) state(v cue.Value, state *StateConfig) error {
	var s struct {
		Backend string
		Options StateConfig
	}
	section := v.LookupPath(cue.ParsePath("state"))
	if err := section.Decode(&s); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	*state = s.Options
	state.Backend = s.Backend
	return state.keeping(section)
}

// draft is a tool whose options are checked and whose references are not.
type draft struct {
	id        ID
	dependsOn []string
	options   json.RawMessage
	// lifecycle is nil if nothing was written.
	lifecycle *Lifecycle
}

// drafts are the tools in the order of the source.
func (l *Loader) drafts(tools cue.Value) ([]draft, error) {
	var drafts []draft
	lifecycle, dependsOn, options := cue.ParsePath("lifecycle"), cue.ParsePath("dependsOn"), cue.ParsePath("options")
	plugins, err := tools.Fields()
	if err != nil {
		return nil, err
	}
	for plugins.Next() {
		plugin := plugins.Selector().Unquoted()
		instances, err := plugins.Value().Fields()
		if err != nil {
			return nil, err
		}
		for instances.Next() {
			tool := instances.Value()
			d := draft{id: MakeID(plugin, instances.Selector().Unquoted())}
			if deps := tool.LookupPath(dependsOn); deps.Exists() {
				if err := deps.Decode(&d.dependsOn); err != nil {
					return nil, err
				}
			}
			if d.lifecycle, err = lifecycleOf(tool.LookupPath(lifecycle), l.DefaultLifecycle(plugin)); err != nil {
				return nil, fmt.Errorf("tools.%s: %w", d.id, err)
			}
			if d.options, err = tool.LookupPath(options).MarshalJSON(); err != nil {
				return nil, err
			}
			drafts = append(drafts, d)
		}
	}
	return drafts, nil
}
