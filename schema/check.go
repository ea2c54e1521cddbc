package schema

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"
	"golang.org/x/sync/errgroup"
)

// checkBatch is how many tools share a CUE context. A context never frees; a new one costs about 2 ms.
const checkBatch = 500

// Check checks what was read from something other than CUE. Mistakes come back as [Errors], all at once.
func (l *Loader) Check(ctx context.Context, src *Source) (*Config, error) {
	place := src.placer()
	from := source{place: place, origin: src.origin(), letPass: src.LetPass}
	var errs Errors
	todo := make([]*SourceTool, 0, len(src.Tools))
	seen := map[ID]Pos{}
	for i := range src.Tools {
		t := &src.Tools[i]
		id := MakeID(t.Plugin.Text, t.Instance.Text)
		path := "tools." + string(id)
		if l.plugins[t.Plugin.Text] == nil {
			e := &Error{Pos: t.Plugin.Pos, Path: path}
			l.explainName(e, []string{"tools", t.Plugin.Text})
			errs = append(errs, e)
			continue
		}
		if err := CheckInstanceName(t.Instance.Text); err != nil {
			errs.Add(t.Instance.Pos, path, from.told(BadInstance, err.Error()), t.Instance.From.hint(""))
			continue
		}
		if first, ok := seen[id]; ok {
			errs.Add(t.Pos, path, "the tool is there twice, first at "+first.String(), "give one of them another instance name")
			continue
		}
		seen[id] = t.Pos
		todo = append(todo, t)
	}
	// A context may not be shared by goroutines, but each batch has its own: the check is 40 % of a
	// plan that finds nothing to do, and on two cores the plan takes half the time (the collector's part included).
	results := make([]checked, len(todo))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < len(todo); from += checkBatch {
		to := min(from+checkBatch, len(todo))
		group.Go(func() error { return l.checkTools(ctx, todo[from:to], results[from:to]) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var found []finding
	drafts := make([]draft, 0, len(todo))
	for i := range results {
		found = append(found, results[i].found...)
		drafts = append(drafts, results[i].draft)
	}
	state := src.State
	if src.Keeping.Kind != Null {
		more, err := l.checkKeeping(&src.Keeping, &state)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	sources, more, err := l.checkSources(&src.Plugins, place)
	if err != nil {
		return nil, err
	}
	found = append(found, more...)
	if err := l.report(found, from); err != nil {
		errs = append(errs, err.(Errors)...)
	}
	if len(errs) > 0 {
		return nil, errs.Err()
	}
	config := &Config{Dir: src.Dir, Files: src.Files, State: state, Plugins: sources, Notes: src.Notes}
	return config, l.finish(config, drafts, from)
}

// checked is a tool as a draft, or what is wrong with it.
type checked struct {
	draft draft
	found []finding
}

// checkTools checks a batch of tools whose plugins are known, in a context of its own.
func (l *Loader) checkTools(ctx context.Context, tools []*SourceTool, results []checked) error {
	cuectx := cuecontext.New()
	var used []string
	for _, t := range tools {
		if !slices.Contains(used, t.Plugin.Text) {
			used = append(used, t.Plugin.Text)
		}
	}
	for _, name := range used {
		if _, err := l.plugins[name].definition(); err != nil {
			return err
		}
	}
	schemas, err := l.build(cuectx, used)
	if err != nil {
		return err
	}
	defs, lifecycleDef := optionDefs(schemas, used), schemas.LookupPath(cue.ParsePath("#Lifecycle"))
	for i, t := range tools {
		if err := ctx.Err(); err != nil {
			return err
		}
		d, plugin := &results[i].draft, t.Plugin.Text
		d.id = MakeID(plugin, t.Instance.Text)
		for _, dep := range t.DependsOn {
			d.dependsOn = append(d.dependsOn, dep.Text)
		}
		options := t.Options
		if options.Kind == Null {
			options = Value{Kind: Map, Pos: t.Pos}
		}
		fields := l.Definition(plugin).Options
		v, found := fit(cuectx, options.written(fields), defs[plugin], fields, []string{"tools", plugin, t.Instance.Text, "options"})
		if len(found) == 0 {
			if d.options, err = v.MarshalJSON(); err != nil {
				return fmt.Errorf("tools.%s: %w", d.id, err)
			}
		}
		results[i].found = found
		if t.Lifecycle.Kind == Null {
			continue
		}
		v, found = fit(cuectx, &t.Lifecycle, lifecycleDef, l.lifecycle(), []string{"tools", plugin, t.Instance.Text, "lifecycle"})
		if len(found) == 0 {
			if d.lifecycle, err = lifecycleOf(v, l.DefaultLifecycle(plugin)); err != nil {
				return fmt.Errorf("tools.%s: %w", d.id, err)
			}
		}
		results[i].found = append(results[i].found, found...)
	}
	return nil
}

// fit unifies what was written at a path with its definition, whose fields are given too, and finds what does not fit.
func fit(cuectx *cue.Context, written *Value, def cue.Value, fields []FieldDefinition, at []string) (cue.Value, []finding) {
	v := cuectx.BuildExpr(written.expr()).Unify(def)
	err := v.Validate(cue.Concrete(true))
	if err == nil {
		return v, nil
	}
	var found []finding
	for _, e := range append(errors.Errors(v.Validate()), errors.Errors(err)...) {
		found = append(found, finding{path: append(at[:len(at):len(at)], pathOf(e)...), msg: messageOf(e)})
	}
	return v, append(found, names(written, fields, at)...)
}

// names compares the names of the fields with the schema's: what is required and was not written, and what was written
// and is not allowed. CUE reports neither beside other mistakes in the same struct.
func names(v *Value, fields []FieldDefinition, path []string) []finding {
	var found []finding
	under := func(name string) []string { return append(path[:len(path):len(path)], name) }
	if v.Kind == List {
		for i := range v.Items {
			if def := Find(fields, []string{strconv.Itoa(i)}); def != nil {
				found = append(found, names(&v.Items[i], def.Fields, under(strconv.Itoa(i)))...)
			}
		}
		return found
	}
	if v.Kind != Map || len(fields) == 0 {
		return nil
	}
	for i := range fields {
		if fields[i].Required && !slices.ContainsFunc(v.Fields, func(f Field) bool { return f.Name == fields[i].Name }) {
			found = append(found, finding{path: under(fields[i].Name), msg: notPresent})
		}
	}
	for i := range v.Fields {
		f := &v.Fields[i]
		if def := Find(fields, []string{f.Name}); def != nil {
			found = append(found, names(&f.Value, def.Fields, under(f.Name))...)
		} else {
			found = append(found, finding{path: under(f.Name), msg: notAllowed})
		}
	}
	return found
}

// optionDefs are the definitions of some plugins' options.
func optionDefs(schemas cue.Value, plugins []string) map[string]cue.Value {
	defs := make(map[string]cue.Value, len(plugins))
	for _, name := range plugins {
		defs[name] = schemas.LookupPath(cue.MakePath(cue.Def("#Plugins"), cue.Str(name), cue.Str("options")))
	}
	return defs
}

// expr is the value as CUE. It carries no places: errors are placed by their paths.
func (v *Value) expr() ast.Expr {
	switch v.Kind {
	case Bool:
		return ast.NewBool(v.Text == "true")
	case Int:
		return number(token.INT, v.Text)
	case Float:
		return number(token.FLOAT, v.Text)
	case String:
		return ast.NewString(v.Text)
	case List:
		items := make([]ast.Expr, len(v.Items))
		for i := range v.Items {
			items[i] = v.Items[i].expr()
		}
		return ast.NewList(items...)
	case Map:
		fields := make([]ast.Decl, len(v.Fields))
		for i := range v.Fields {
			fields[i] = &ast.Field{Label: ast.NewString(v.Fields[i].Name), Value: v.Fields[i].Value.expr()}
		}
		return &ast.StructLit{Elts: fields}
	case Null:
	}
	return ast.NewNull()
}

func number(kind token.Token, text string) ast.Expr {
	if digits, ok := strings.CutPrefix(text, "-"); ok {
		return &ast.UnaryExpr{Op: token.SUB, X: ast.NewLit(kind, digits)}
	}
	return ast.NewLit(kind, text)
}

// Complete fills the defaults of the plugin's schema into options that were recorded elsewhere. Options that do not fit
// the schema are an error.
func (l *Loader) Complete(plugin string, options json.RawMessage) (json.RawMessage, error) {
	if l.plugins[plugin] == nil {
		return nil, fmt.Errorf("there is no plugin %q", plugin)
	}
	cuectx := cuecontext.New()
	schemas, err := l.build(cuectx, []string{plugin})
	if err != nil {
		return nil, err
	}
	if options, err = l.withoutLeftOut(plugin, options); err != nil {
		return nil, err
	}
	v := cuectx.CompileBytes(options).Unify(optionDefs(schemas, []string{plugin})[plugin])
	if err := v.Validate(cue.Concrete(true)); err != nil {
		return nil, errors.New(withoutCredentials(err.Error()))
	}
	data, err := v.MarshalJSON()
	if err != nil {
		return nil, errors.New(withoutCredentials(err.Error()))
	}
	canonical, _, err := scanOptions(data)
	return canonical, err
}
