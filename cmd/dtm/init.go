package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

//go:embed starter.cue
var starterCUE []byte

type initCmd struct {
	Dir       string `arg:"" optional:"" default:"." help:"The folder (default: this one)."`
	File      string `name:"config-file" short:"f" placeholder:"PATH" help:"A configuration; its folder is meant."`
	PluginDir string `name:"plugin-dir" short:"d" hidden:"" help:"Accepted and not needed: plugins are built in."`
}

// Run writes the schemas under cue.mod/pkg, so that `cue vet`, `cue export` and editors work offline, and a starter into a
// folder that has nothing yet. What is there already is left alone, but for the schemas themselves.
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
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	p, err := a.wire(dir, 1)
	if err != nil {
		return err
	}
	empty, err := isEmpty(dir)
	if err != nil {
		return err
	}
	written, err := p.loader.Vendor(dir)
	if err != nil {
		return err
	}
	module := moduleOf(dir)
	if written == 0 {
		a.screen.Info("The schemas are up to date: %s", module)
	} else {
		a.screen.Success("%d schema files written: %s", written, module)
	}
	a.screen.Info("Plugins are built in; there is nothing to download.")
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
	return true, nil
}
