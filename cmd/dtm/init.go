package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/devstream-io/dtm/cmd/dtm/ui"
	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/plugins/registry"
	"github.com/devstream-io/dtm/schema"
)

//go:embed starter.cue
var starterCUE []byte

type initCmd struct {
	Dir       string   `arg:"" optional:"" default:"." help:"The folder (default: this one)."`
	File      string   `name:"config-file" short:"f" placeholder:"PATH" help:"A configuration; its folder is meant."`
	Tags      []string `name:"tag" short:"t" placeholder:"KEY=VALUE" sep:"none" help:"Set a CUE tag, as in -t env=prod. May be repeated."`
	VarFile   string   `name:"var-file" placeholder:"PATH" help:"A YAML file of variables, for a configuration of DevStream 0.4."`
	Upgrade   bool     `help:"Fetch the newest plugins that the configuration allows, and change dtm.lock."`
	Bundle    string   `placeholder:"DIR" help:"Take plugins from a folder that \"dtm bundle create\" made, and not from the network."`
	PluginDir string   `name:"plugin-dir" short:"d" hidden:"" help:"Accepted and not needed: plugins have their place."`
	downloadFlags
	askedFlags
}

// Run fetches the plugins that are not built in, and writes the schemas under cue.mod/pkg, so that `cue vet`, `cue export`
// and editors work offline, and a starter into a folder that has nothing yet. What is there already is left alone, but for
// the schemas themselves.
func (c *initCmd) Run(ctx context.Context, a *app) error {
	dir := c.Dir
	if c.File != "" {
		info, err := os.Stat(c.File)
		if err != nil {
			return err
		}
		if dir = c.File; !info.IsDir() {
			dir = filepath.Dir(c.File)
		}
	}
	if !c.DownloadOnly {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	empty, err := isEmpty(dir)
	if err != nil {
		return err
	}
	in := installation{dir: dir, flags: configFlags{Tags: c.Tags, VarFile: c.VarFile}, bundle: c.Bundle, upgrade: c.Upgrade}
	if !empty {
		flags := configFlags{File: cmp.Or(c.File, dir)}
		if flags.File == "." {
			flags.File = ""
		}
		path, _, err := flags.find(ctx)
		if err != nil && !errors.As(err, &errNoConfig{}) {
			return err
		}
		in.path = path
	}
	if c.DownloadOnly {
		return a.download(ctx, in, &c.downloadFlags)
	}
	if err := a.install(ctx, in); err != nil {
		return err
	}
	if empty {
		starter := filepath.Join(dir, "toolchain.cue")
		if err := renameio.WriteFile(starter, starterCUE, 0o644); err != nil {
			return err
		}
		a.screen.Success("A starter toolchain written: %s", starter)
		flag := ""
		if dir != "." {
			flag = " -f " + dir
		}
		a.screen.Info("Look at it, then try `dtm plan%[1]s` and `dtm apply%[1]s`.", flag)
	}
	return ctx.Err()
}

// installation is what is to be installed, and from where.
type installation struct {
	// path is the configuration, empty if there is none; dir is its folder.
	path, dir string
	flags     configFlags
	bundle    string
	upgrade   bool
	// platform is the one to install for, as in "linux/arm64"; empty for this machine's. only are the plugins that are meant;
	// empty for all.
	platform string
	only     []string
}

// install fetches the plugins and writes the schemas.
func (a *app) install(ctx context.Context, in installation) error {
	dir, err := filepath.Abs(in.dir)
	if err != nil {
		return err
	}
	if err := a.fetch(ctx, in); err != nil {
		return err
	}
	p, err := a.wire(ctx, dir, 1)
	if err != nil {
		return err
	}
	if err := p.checkSchemas(); err != nil {
		return err
	}
	written, err := p.loader.Vendor(dir)
	if err != nil {
		return err
	}
	module := moduleOf(in.dir)
	if written == 0 {
		a.screen.Info("The schemas are up to date: %s", module)
	} else {
		a.screen.Success("%d schema files written: %s", written, module)
	}
	return nil
}

// fetch installs the plugins that the configuration names.
func (a *app) fetch(ctx context.Context, in installation) error {
	dir, err := filepath.Abs(in.dir)
	if err != nil {
		return err
	}
	var sources []schema.PluginSource
	if in.path != "" {
		p, err := a.builtInOnly()
		if err != nil {
			return err
		}
		if sources, err = p.sources(ctx, in.path, &in.flags); err != nil {
			return err
		}
	}
	if len(in.only) > 0 {
		sources = slices.DeleteFunc(sources, func(s schema.PluginSource) bool { return !slices.Contains(in.only, s.Name) })
	}
	lock, err := registry.ReadLock(dir)
	if err != nil {
		return err
	}
	if len(sources) == 0 && (len(lock.Plugins) == 0 || len(in.only) > 0) {
		a.screen.Info("Plugins are built in; there is nothing to download.")
		return nil
	}
	options, done := a.downloads(dir)
	options.Upgrade, options.Bundle = in.upgrade, in.bundle
	options.Platform = cmp.Or(in.platform, options.Platform)
	result, err := registry.Init(ctx, options, wishes(sources))
	done()
	if err != nil && ctx.Err() != nil {
		return hinted{errors.New("interrupted"), "what was installed before is as it was; run it again"}
	}
	if err != nil {
		return err
	}
	for i, d := range result.Plugins {
		switch d.Outcome {
		case registry.Local:
			a.screen.Info("%s is taken from %s as it is: nothing is verified.", d.Name, sources[i].Source)
		case registry.Fetched:
			a.screen.Success("%s %s installed: %s", d.Name, d.Version, sources[i].Source)
		case registry.Upgraded:
			a.screen.Success("%s %s installed, was %s: %s", d.Name, d.Version, d.From, sources[i].Source)
		case registry.Unchanged:
		}
		if len(d.Env) > 0 {
			a.screen.Info("%s sees of your environment: %s", d.Name, strings.Join(d.Env, ", "))
		}
		for _, note := range d.Notes {
			a.screen.Warn("%s: %s.", d.Name, note)
		}
	}
	switch {
	case len(in.only) > 0:
	case len(result.Extra) > 0 && result.Forgotten:
		a.screen.Info("No longer in %s: %s", registry.LockName, strings.Join(result.Extra, ", "))
	case len(result.Extra) > 0:
		a.screen.Info("Not in the configuration any more, and still in %s: %s. `dtm init --upgrade` takes them out.", registry.LockName, strings.Join(result.Extra, ", "))
	}
	if !result.Changed() {
		a.screen.Info("The plugins are up to date: %s", relative(filepath.Join(dir, registry.LockName)))
	}
	return nil
}

// builtInOnly is a project that knows no plugin but those that are built in.
func (a *app) builtInOnly() (*project, error) {
	set, err := a.plugins(environment("/"))
	if err != nil {
		return nil, err
	}
	loader, err := newLoader(set)
	return &project{loader: loader}, err
}

// downloads are the options for what may fetch. Whoever calls done ends the drawing.
func (a *app) downloads(dir string) (options registry.Options, done func()) {
	options = a.registryOptions(dir)
	d := ui.NewDownloads(a.stderr, a.live)
	options.Progress = func(p registry.Progress) { d.Update(p.Name, p.Done, p.Total) }
	return options, d.Close
}

// moduleOf is the cue.mod that a folder belongs to: its own, or that of the nearest folder above it.
func moduleOf(dir string) string {
	for at := dir; ; at = filepath.Join(at, "..") {
		if module := filepath.Join(at, "cue.mod"); fileExists(module) {
			return relative(module)
		}
		if abs, err := filepath.Abs(at); err != nil || abs == filepath.Dir(abs) {
			return filepath.Join(dir, "cue.mod")
		}
	}
}

// isEmpty tells whether a folder has no configuration of any kind.
func isEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, fmt.Errorf("looking for a configuration: %w", err)
	}
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".cue", ".yaml", ".yml":
			return false, nil
		}
	}
	return !compat.IsYAML(dir), nil // the files of DevStream may lie in folders below
}
