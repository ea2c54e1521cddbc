package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/devstream-io/dtm/cmd/dtm/develop"
	"github.com/devstream-io/dtm/cmd/dtm/ui"
)

type developCmd struct {
	Create   createPluginCmd   `cmd:"" name:"create-plugin" help:"Write a plugin that works, to begin with."`
	Validate validatePluginCmd `cmd:"" name:"validate-plugin" help:"Say what is wrong with a plugin (exit code 1 if anything is)."`
	Pack     packPluginCmd     `cmd:"" help:"Make the archive of a plugin."`
	Push     pushPluginCmd     `cmd:"" help:"Publish archives of a plugin in an OCI registry."`
}

type createPluginCmd struct {
	unusedFlags
	Name string `short:"n" placeholder:"NAME" help:"The plugin's name: lower-case letters, digits, and dashes inside."`
	Lang string `default:"go" placeholder:"LANG" help:"What it is written in: go (default) or python."`
	SDK  string `name:"sdk" type:"path" placeholder:"PATH" help:"Build it in Go against this checkout of dtm instead of a release."`
	Tidy bool   `default:"true" negatable:"" help:"Run go mod tidy for a plugin in Go (default)."`
}

// Run writes a plugin into a folder of its name, or in a checkout of dtm among those that are built in.
func (c *createPluginCmd) Run(ctx context.Context, a *app) error {
	builtIn, err := a.plugins(environment("/"))
	if err != nil {
		return err
	}
	made, err := develop.Create(ctx, develop.Wish{
		Dir: ".", Name: c.Name, Lang: c.Lang, Version: version, SDK: c.SDK, Tidy: c.Tidy, BuiltIn: builtIn,
	})
	if made == nil {
		return err
	}
	a.screen.Success("The plugin %s is written, %s: %s", c.Name, ui.Plural(len(made.Files), "file", "files"), made.Dir)
	if made.BuiltIn {
		a.screen.Info("Add to plugins/all/all.go the import and the entry of the list:")
		for _, line := range made.Lines {
			a.screen.Info("  %s", line)
		}
		a.screen.Info("Then see whether it is right: go run ./cmd/dtm develop validate-plugin --name %s", c.Name)
		return err
	}
	if made.SDK != "" {
		a.screen.Warn("dtm %s is no release: go.mod takes it from %s, which must stay there.", version, made.SDK)
	}
	if err != nil {
		return err
	}
	if made.Untidy {
		a.screen.Info("Run `go mod tidy` in %s before it is built.", made.Dir)
	}
	a.screen.Info("See whether it is right: dtm develop validate-plugin %s", made.Dir)
	a.screen.Info("Use it in a toolchain: plugins: %s: source: \"./%s\"", develop.Label(c.Name), filepath.ToSlash(made.Dir))
	return nil
}

type validatePluginCmd struct {
	askedFlags
	Dir  string `arg:"" optional:"" default:"." help:"The plugin's folder (default: this one)."`
	File string `name:"config-file" short:"f" placeholder:"DIR" help:"The same, as a flag."`
	Name string `short:"n" placeholder:"NAME" help:"The plugin of that name here; in a checkout of dtm, the built-in one."`
	All  bool   `short:"a" help:"All plugins here; in a checkout of dtm, all that are built in."`
}

// Run says everything that is wrong with plugins.
func (c *validatePluginCmd) Run(ctx context.Context, a *app) error {
	dir := c.Dir
	if c.File != "" {
		dir = c.File
	}
	targets, err := develop.Find(dir, c.Name, c.All)
	if err != nil {
		return err
	}
	builtIn, err := a.plugins(environment("/"))
	if err != nil {
		return err
	}
	failed := 0
	for _, target := range targets {
		a.screen.Info("Validating plugin %s ...", target.Name)
		r, err := target.Validate(ctx, develop.Tools{
			Version: version, Getenv: os.Getenv, LookPath: exec.LookPath, BuiltIn: builtIn,
			Step: func(text string) { a.screen.Info("  %s", text) },
		})
		if err != nil {
			return err
		}
		for _, note := range r.Notes {
			a.screen.Info("  %s", note)
		}
		for _, wrong := range r.Wrong {
			a.screen.Error(r.Plugin, wrong)
		}
		if len(r.Wrong) == 0 {
			a.screen.Success("Plugin %s passed validation.", r.Plugin)
			continue
		}
		failed++
		a.screen.Fail("Plugin %s did not pass validation: %s.", r.Plugin, ui.Plural(len(r.Wrong), "mistake", "mistakes"))
	}
	if failed > 0 {
		return errQuiet
	}
	return nil
}
