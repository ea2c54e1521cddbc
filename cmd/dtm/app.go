package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"github.com/devstream-io/dtm/cmd/dtm/ui"
	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/external"
	"github.com/devstream-io/dtm/plugins/registry"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// app is the process that a command runs in.
type app struct {
	// plugins makes the plugins that there are.
	plugins        func(plugins.Env) (plugins.Set, error)
	stdin          io.Reader
	stdout, stderr io.Writer
	// screen is standard error, for people.
	screen *ui.Screen
	// stdinTerminal and terminal tell whether standard input and standard error are terminals; live, whether a live view
	// can be drawn; colour, whether standard output shows colours.
	stdinTerminal, terminal, live, colour bool

	// hosts run the plugins that are programs of their own.
	hosts []*external.Host

	args  []string
	model *kong.Application
	// stop is closed at the first interrupt.
	stop chan struct{}
	// applying tells that a run has begun.
	applying atomic.Bool
}

// configFlags are the flags of every command that reads a configuration.
type configFlags struct {
	File      string   `name:"config-file" short:"f" placeholder:"PATH" help:"The configuration: a CUE file, a folder with a CUE package, a YAML file, or a folder of them."`
	Tags      []string `name:"tag" short:"t" placeholder:"KEY=VALUE" sep:"none" help:"Set a CUE tag, as in -t env=prod. May be repeated."`
	VarFile   string   `name:"var-file" placeholder:"PATH" help:"A YAML file of variables, for a configuration of DevStream 0.4 (default: variables.yaml, if it is there)."`
	PluginDir string   `name:"plugin-dir" short:"d" hidden:"" help:"Accepted and not needed: plugins are built in."`
}

// project is a configuration with all that belongs to it.
type project struct {
	config *schema.Config
	loader *schema.Loader
	engine *engine.Engine
	store  store.Store
	// unusable are the plugins that dtm.lock names and that are missing or damaged; nil if there are none.
	unusable *registry.UnusableError
	// found are those that can be used.
	found []registry.Found
}

// environment is what plugins may use.
func environment(dir string) plugins.Env {
	return plugins.Env{Dir: dir, Getenv: os.Getenv, HTTP: http.DefaultClient, Now: time.Now, Cache: cacheDir(os.UserCacheDir, os.TempDir())}
}

// newLoader makes the loader for the plugins of this dtm.
func newLoader(set plugins.Set) (*schema.Loader, error) {
	var schemas []schema.PluginSchema
	for _, name := range set.Names() {
		schemas = append(schemas, schema.PluginSchema{Name: name, CUE: set[name].Schema, Shared: set[name].Shared, Precious: set[name].Precious})
	}
	return schema.NewLoader(schemas)
}

// open reads and checks the configuration and wires everything up.
func (a *app) open(ctx context.Context, flags *configFlags, parallel int) (*project, error) {
	p, err := a.read(ctx, flags, parallel)
	if err != nil {
		return nil, err
	}
	return p, p.openStore(ctx)
}

// read is open without the store.
func (a *app) read(ctx context.Context, flags *configFlags, parallel int) (*project, error) {
	path, dir, err := flags.locate(ctx)
	if err != nil {
		return nil, err
	}
	p, err := a.wire(ctx, dir, parallel)
	if err != nil {
		return nil, err
	}
	p.engine.Emit = func(ev engine.Event) {
		if ev, ok := ev.(engine.Progress); ok {
			a.screen.Info("(%s) %s", ui.Tool(ev.ID), ev.Text)
		}
	}
	p.config, err = p.load(ctx, path, flags)
	var sources []schema.PluginSource
	if err == nil {
		sources = p.config.Plugins
	} else if found, serr := p.sources(ctx, path, flags); serr == nil {
		sources = found
	}
	if cause := p.checkSources(a, dir, sources); cause != nil {
		return nil, cause
	}
	if err != nil {
		return nil, cmp.Or(p.checkSchemas(), err)
	}
	zerolog.Ctx(ctx).Debug().Strs("files", p.config.Files).Int("tools", len(p.config.Tools)).Str("digest", p.config.Digest).Msg("configuration read")
	return p, nil
}

// wire makes a project without a configuration, with the plugins that are built in and those of dir.
func (a *app) wire(ctx context.Context, dir string, parallel int) (*project, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	set, err := a.plugins(environment(abs))
	if err != nil {
		return nil, err
	}
	found, unusable, err := a.addInstalled(ctx, abs, set)
	if err != nil {
		return nil, err
	}
	loader, err := newLoader(set)
	if err != nil {
		return nil, err
	}
	if parallel < 1 {
		return nil, fmt.Errorf("--parallel must be at least 1, not %d", parallel)
	}
	return &project{loader: loader, found: found, unusable: unusable, engine: &engine.Engine{
		Plugins: set, Definition: loader.Definition, LookupEnv: os.LookupEnv, Now: time.Now, Parallel: parallel,
	}}, nil
}

// load reads CUE or YAML. Nothing later knows which it was.
func (p *project) load(ctx context.Context, path string, flags *configFlags) (*schema.Config, error) {
	if !compat.IsYAML(path) {
		if flags.VarFile != "" {
			return nil, hinted{errors.New("--var-file names variables for DevStream's YAML, and the configuration is CUE"), "-t sets a tag of a CUE toolchain"}
		}
		return p.loader.Load(ctx, path, flags.Tags)
	}
	if len(flags.Tags) > 0 {
		return nil, errors.New("-t sets CUE tags, and the configuration is YAML")
	}
	src, err := compat.ReadWith(ctx, path, flags.VarFile)
	if src == nil {
		return nil, err
	}
	config, more := p.loader.Check(ctx, src)
	return config, schema.Join(err, more)
}

// confirm asks whether to go on. The end of the input means no.
func (a *app) confirm(ctx context.Context) (bool, error) {
	fmt.Fprintln(a.stdout, "Continue? [y/n]")
	in := bufio.NewReader(a.stdin)
	for {
		fmt.Fprint(a.stdout, "Enter a value (Default is n): ")
		answer, err := readLine(ctx, in)
		fmt.Fprintln(a.stdout)
		if ctx.Err() != nil {
			return false, errors.New("interrupted")
		}
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "y", "yes":
			return true, nil
		case "n", "no", "":
			return false, nil
		}
		if err != nil {
			return false, nil
		}
		fmt.Fprintln(a.stdout, "Failed to validate input string: input must be y or n")
	}
}

// readLine reads a line, or gives up when ctx is done: a read of a terminal cannot be interrupted.
func readLine(ctx context.Context, in *bufio.Reader) (string, error) {
	type result struct {
		line string
		err  error
	}
	read := make(chan result, 1)
	go func() {
		line, err := in.ReadString('\n')
		read <- result{line, err}
	}()
	select {
	case r := <-read:
		return r.line, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// print writes a whole document to standard output.
func (a *app) print(write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	_, err := a.stdout.Write(b.Bytes())
	return err
}
