package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/schema"
)

type importCmd struct {
	File      string `name:"config-file" short:"f" placeholder:"PATH" help:"The configuration: a YAML file, or a folder of them (default: config.yaml)."`
	VarFile   string `name:"var-file" placeholder:"PATH" help:"A YAML file of variables, for a configuration of DevStream 0.4 (default: variables.yaml, if it is there)."`
	Output    string `name:"output" short:"o" placeholder:"FOLDER" help:"Where to write the toolchain (default: beside the configuration)."`
	PluginDir string `name:"plugin-dir" short:"d" hidden:"" help:"Accepted and not needed: plugins have their place."`
}

// Help says what becomes of the YAML.
func (*importCmd) Help() string {
	return `Both want the same: that is checked before anything is written. Variables become fields, references those to outputs, and
comments are kept. The YAML stays as it is, and nothing is overwritten.

In another folder, relative paths in options start there; the state stays where it is.`
}

// toolchainFile is the file that an import writes.
const toolchainFile = "toolchain.cue"

// Run writes toolchain.cue and the schemas that it needs. The YAML stays as it is. Before anything is left in the folder, what
// is to be written is read and compared with the YAML: both want the same or the command fails. The toolchain comes last, and
// whole.
func (c *importCmd) Run(ctx context.Context, a *app) error {
	flags := &configFlags{File: c.File, VarFile: c.VarFile}
	path, dir, err := flags.find(ctx)
	if err != nil {
		return err
	}
	if path != dir && !compat.IsYAML(path) {
		return hinted{fmt.Errorf("%s is not YAML", path), "import makes CUE of DevStream's YAML; `dtm export` is the way back"}
	}
	folder := c.Output
	if folder == "" {
		folder = dir
	}
	if found, _ := filepath.Glob(filepath.Join(folder, "*.cue")); len(found) > 0 {
		return hasPackage(found[0])
	}
	if main := filepath.Join(dir, "config.yaml"); !compat.IsYAML(path) {
		// Beside an earlier import, whose CUE counts for every other command.
		if !fileExists(main) {
			return hinted{fmt.Errorf("%s is not YAML", dir), "name the YAML file with -f"}
		}
		path, flags.File = main, main
	}
	p, err := a.read(ctx, flags, 1)
	if err != nil {
		return err
	}
	src, err := compat.ReadWith(ctx, path, c.VarFile)
	if err != nil {
		return err
	}
	if err := p.keepState(src); err != nil {
		return err
	}
	moved, err := movedTo(src, folder)
	if err != nil {
		return err
	}
	text, err := p.toCUE(src)
	if err != nil {
		return err
	}
	want := *p.config
	want.State.StateFile = src.State.StateFile
	if err := p.compareWith(ctx, text, &want); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if _, err := p.loader.Vendor(folder); err != nil {
		return err
	}
	file := filepath.Join(folder, toolchainFile)
	if err := writeNew(file, text); err != nil {
		return err
	}
	a.showNotes(p.config)
	a.screen.Success("%s written: %d tools, as %s has them.", relative(file), len(p.config.Tools), theFiles(src.Files))
	if moved {
		a.screen.Warn("Paths in options are relative to the folder of the configuration, which is another one now.")
	}
	first := ""
	if moved && len(p.config.Plugins) > 0 {
		first = fmt.Sprintf("run `dtm init -f %s` for its plugins, ", folder)
	}
	a.screen.Info("Look at it, %sthen try `dtm plan -f %s`. The YAML is not needed any more.", first, folder)
	return nil
}

// theFiles names a few files, or says how many they are.
func theFiles(files []string) string {
	const few = 4
	if len(files) > few {
		return fmt.Sprintf("the YAML in %d files", len(files))
	}
	return strings.Join(files, ", ")
}

func hasPackage(file string) error {
	return hinted{fmt.Errorf("there is a CUE package already: %s", file), "name the YAML file with -f, and another folder with -o"}
}

// keepState lets the state be found that lies in the current folder: for CUE nobody looks there.
func (p *project) keepState(src *schema.Source) error {
	file := p.stateFile()
	if src.State.Backend != "local" || filepath.IsAbs(src.State.StateFile) || file == filepath.Join(src.Dir, src.State.StateFile) {
		return nil
	}
	rel, err := filepath.Rel(src.Dir, file)
	if err != nil {
		return err
	}
	src.State.StateFile = filepath.ToSlash(rel)
	return nil
}

// movedTo lets the state and the plugins of a source be found from another folder, and tells whether it is another one.
func movedTo(src *schema.Source, folder string) (bool, error) {
	abs, err := filepath.Abs(folder)
	if err != nil || abs == src.Dir {
		return false, err
	}
	move := func(path string) string {
		rel, err := filepath.Rel(abs, filepath.Join(src.Dir, path))
		if err != nil {
			return filepath.ToSlash(filepath.Join(src.Dir, path))
		}
		if rel = filepath.ToSlash(rel); strings.HasPrefix(path, ".") && !strings.HasPrefix(rel, ".") {
			rel = "./" + rel
		}
		return rel
	}
	if file := src.State.StateFile; src.State.Backend == "local" && !filepath.IsAbs(file) {
		src.State.StateFile = move(file)
	}
	for i := range src.Plugins.Fields {
		plugin := &src.Plugins.Fields[i].Value
		for j := range plugin.Fields {
			f := &plugin.Fields[j]
			isPath := f.Name == "source" && strings.HasPrefix(f.Value.Text, ".") ||
				f.Name == "key" && !strings.Contains(f.Value.Text, "-----BEGIN")
			if isPath && f.Value.Kind == schema.String && !filepath.IsAbs(f.Value.Text) {
				f.Value.Text = move(f.Value.Text)
			}
		}
	}
	return true, nil
}

// toCUE is a source as CUE, with the variables and comments of its files.
func (p *project) toCUE(src *schema.Source) ([]byte, error) {
	written, err := compat.Written(src)
	if err != nil {
		return nil, err
	}
	return p.loader.WriteCUE(src, written)
}

// compareWith checks that CUE which is to be written wants what it should.
func (p *project) compareWith(ctx context.Context, text []byte, want *schema.Config) (err error) {
	draft, err := os.MkdirTemp("", "dtm-import-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(draft)) }()
	if err := os.WriteFile(filepath.Join(draft, toolchainFile), text, 0o600); err != nil {
		return err
	}
	is, err := p.loader.Load(ctx, draft, nil)
	if err != nil {
		return fmt.Errorf("what was to be written is not valid: %w", err)
	}
	unlike, err := schema.Unlike(want, is)
	if err != nil {
		return err
	}
	var names []string
	for _, id := range unlike {
		names = append(names, string(id))
	}
	if !reflect.DeepEqual(want.State, is.State) {
		names = append(names, "the state")
	}
	if len(want.Plugins) != len(is.Plugins) {
		names = append(names, "the plugins")
	}
	if len(names) > 0 {
		return fmt.Errorf("what was to be written does not want the same of %s", strings.Join(names, ", "))
	}
	return nil
}

// writeNew writes a file that is not there: whole or not at all, and never over another.
func writeNew(path string, text []byte) (err error) {
	// A name with a dot, so that nobody takes what an interrupted import leaves for a part of the package.
	draft, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".draft-*")
	if err != nil {
		return err
	}
	defer func() {
		if rerr := os.Remove(draft.Name()); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}()
	_, err = draft.Write(text)
	err = errors.Join(err, draft.Chmod(0o644), draft.Sync(), draft.Close())
	if err != nil {
		return err
	}
	err = os.Link(draft.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		return hasPackage(path)
	}
	if err == nil {
		return nil
	}
	// Not every file system has links.
	if _, serr := os.Lstat(path); serr == nil {
		return hasPackage(path)
	}
	return os.Rename(draft.Name(), path)
}
