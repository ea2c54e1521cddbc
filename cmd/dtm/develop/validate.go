package develop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/rs/zerolog"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/external"
	"github.com/devstream-io/dtm/plugins/registry"
)

// Report is what [Validate] found out about a plugin.
type Report struct {
	// Plugin is its name, or that of its folder where it has none.
	Plugin string
	// Wrong is everything that is wrong. The plugin is valid if that is nothing. An error may have a Hint.
	Wrong []error
	// Notes say what was not checked, and why.
	Notes []string
}

func (r *Report) wrong(err error) {
	if err != nil {
		r.Wrong = append(r.Wrong, err)
	}
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// Tools are what [Validate] may use.
type Tools struct {
	// Version is this dtm's.
	Version string
	// Getenv reads the environment: the plugin gets those variables that its manifest names.
	Getenv func(string) string
	// LookPath finds programs.
	LookPath func(string) (string, error)
	// BuiltIn are the plugins that are built in.
	BuiltIn plugins.Set
	// Step is told what is done now, as in "checking 24 promises"; nil for nobody.
	Step func(text string)
}

func (t Tools) step(format string, args ...any) {
	if t.Step != nil {
		t.Step(fmt.Sprintf(format, args...))
	}
}

// Validate compiles the plugin in the folder dir, starts it, and checks its manifest, its schema and what it promises. Whatever
// is wrong is in the report, as far as it can be found out; an error is ctx's.
func Validate(ctx context.Context, dir string, t Tools) (*Report, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	r := &Report{Plugin: filepath.Base(dir)}
	manifest, err := registry.ReadManifest(dir)
	r.wrong(err)
	known := err == nil
	if known {
		r.Plugin = manifest.Name
		if _, ok := t.BuiltIn[manifest.Name]; ok {
			r.wrong(plugins.Hinted(fmt.Errorf("plugin.json: name: %s is built in", manifest.Name), "no toolchain can use a plugin of that name: choose another one"))
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "schema.cue"))
	if err != nil {
		r.wrong(fmt.Errorf("schema.cue: %w", withoutPath(err)))
		return r, ctx.Err()
	}
	t.step("checking schema.cue")
	loader, mistakes := checkSchema(ctx, r.Plugin, string(text), nil)
	r.Wrong = append(r.Wrong, mistakes...)
	if !known {
		return r, ctx.Err()
	}
	if err := compile(ctx, dir, manifest.Command, t, r); err != nil {
		r.wrong(err)
		return r, ctx.Err()
	}
	if err := manifest.Check(dir); err != nil {
		r.wrong(fmt.Errorf("plugin.json: %w", err))
		return r, ctx.Err()
	}
	if loader == nil {
		r.note("the promise was not checked: schema.cue comes first")
		return r, ctx.Err()
	}
	err = keepsThePromise(ctx, dir, external.Installed{
		Name: manifest.Name, Version: manifest.Version, Dir: dir, Command: manifest.Command, Env: manifest.Env,
		Schema: string(text), Precious: manifest.Precious,
	}, loader, t, r)
	r.wrong(err)
	return r, ctx.Err()
}

// process runs f with a plugin's process in the folder world, and ends it. What it logs goes to ctx's logger.
func process(ctx context.Context, world string, env map[string]string, i external.Installed, t Tools, f func(plugins.Kind) error) (err error) {
	getenv := func(name string) string {
		if value, ok := env[name]; ok {
			return value
		}
		return t.Getenv(name)
	}
	for name := range env {
		if !slices.Contains(i.Env, name) {
			return plugins.Hinted(fmt.Errorf("conformance.json: env: the plugin does not get %s", name), "name it under env in plugin.json")
		}
	}
	host := external.New(external.Options{
		Env:     plugins.Env{Dir: world, Cache: world + ".cache", Getenv: getenv},
		Version: t.Version, LookPath: t.LookPath, Log: *zerolog.Ctx(ctx),
	})
	defer func() { err = errors.Join(err, host.Close(context.WithoutCancel(ctx))) }()
	if err := host.Start(ctx, i); err != nil {
		return err
	}
	return f(host.Kind(i))
}

// withoutPath is an error about a file that is named already.
func withoutPath(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
