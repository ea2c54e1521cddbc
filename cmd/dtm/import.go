package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/schema"
)

type importCmd struct {
	File      string `name:"config-file" short:"f" placeholder:"PATH" help:"The configuration: a YAML file, or a folder with config.yaml (default: this one)."`
	Output    string `name:"output" short:"o" placeholder:"FOLDER" help:"Where to write the toolchain (default: beside the configuration)."`
	PluginDir string `name:"plugin-dir" short:"d" hidden:"" help:"Accepted and not needed: plugins have their place."`
}

// Run writes toolchain.cue and the schemas that it needs. The YAML stays as it is. Before anything is left in the folder, what
// was written is read and compared with the YAML: both want the same or the command fails.
func (c *importCmd) Run(ctx context.Context, a *app) error {
	path, dir, err := c.find()
	if err != nil {
		return err
	}
	p, err := a.wire(ctx, dir, 1)
	if err != nil {
		return err
	}
	src, err := compat.Read(ctx, path)
	if src == nil {
		return err
	}
	was, more := p.loader.Check(ctx, src)
	if err := schema.Join(err, more); err != nil {
		return err
	}
	folder := c.Output
	if folder == "" {
		folder = dir
	}
	if err := movedTo(src, folder); err != nil {
		return err
	}
	text, err := p.toCUE(src)
	if err != nil {
		return err
	}
	file := filepath.Join(folder, "toolchain.cue")
	if err := p.place(ctx, file, text, was); err != nil {
		return err
	}
	a.screen.Success("%s written: %d tools, as %s has them.", relative(file), len(was.Tools), strings.Join(src.Files, ", "))
	if folder != dir {
		a.screen.Warn("Paths in options are relative to the folder of the configuration, which is another one now.")
	}
	if src.State.ConfigMap != nil {
		a.screen.Warn("DevStream's state is in a ConfigMap, which a toolchain in CUE cannot name: `dtm apply -f %s` takes it over first.", path)
	}
	a.screen.Info("Look at it, then try `dtm plan -f %s`. The YAML is not needed any more.", folder)
	return nil
}

// find is the YAML that is meant, and its folder.
func (c *importCmd) find() (path, dir string, err error) {
	path = c.File
	if path == "" {
		path = "."
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", "", err
	}
	if info.IsDir() {
		dir, path = path, filepath.Join(path, "config.yaml")
		if !fileExists(path) {
			return "", "", hinted{fmt.Errorf("there is no config.yaml in %s", dir), "name the YAML file with -f"}
		}
		return path, dir, nil
	}
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".yaml" && ext != ".yml" {
		return "", "", hinted{fmt.Errorf("%s is not YAML", path), "import makes CUE of DevStream's YAML; `dtm export` is the way back"}
	}
	return path, filepath.Dir(path), nil
}

// movedTo lets the state of a source be found from another folder.
func movedTo(src *schema.Source, folder string) error {
	abs, err := filepath.Abs(folder)
	if err != nil || abs == src.Dir || src.State.Backend != "local" || filepath.IsAbs(src.State.StateFile) {
		return err
	}
	rel, err := filepath.Rel(abs, filepath.Join(src.Dir, src.State.StateFile))
	if err != nil {
		return fmt.Errorf("say where the state is from %s: %w", folder, err)
	}
	src.State.StateFile = filepath.ToSlash(rel)
	return nil
}

// toCUE is a source as CUE, with the variables and comments of its files.
func (p *project) toCUE(src *schema.Source) ([]byte, error) {
	written, err := compat.Written(src)
	if err != nil {
		return nil, err
	}
	return p.loader.WriteCUE(src, written)
}

// place writes a toolchain that is new in its folder, and takes it back if it does not want what it should.
func (p *project) place(ctx context.Context, file string, text []byte, want *schema.Config) (err error) {
	folder := filepath.Dir(file)
	if found, _ := filepath.Glob(filepath.Join(folder, "*.cue")); len(found) > 0 {
		return hinted{fmt.Errorf("there is a CUE package already: %s", found[0]), "name another folder with -o"}
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := renameio.WriteFile(file, text, 0o644); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file))
		}
	}()
	is, err := p.loader.Load(ctx, folder, nil)
	if err != nil {
		return fmt.Errorf("what was written is not valid: %w", err)
	}
	unlike, err := schema.Unlike(want, is)
	if err != nil {
		return err
	}
	if len(unlike) > 0 {
		var names []string
		for _, id := range unlike {
			names = append(names, string(id))
		}
		return fmt.Errorf("what was written does not want the same of %s", strings.Join(slices.Compact(names), ", "))
	}
	_, err = p.loader.Vendor(folder)
	return err
}
