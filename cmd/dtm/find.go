package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/devstream-io/dtm/compat"
)

// errNoConfig says that there is nothing to read in dir, which is empty for the current folder.
type errNoConfig struct {
	dir string
	// yaml tells that there are YAML files here, of which none is called config.yaml.
	yaml bool
}

func (e errNoConfig) Error() string {
	if e.dir != "" {
		return "there is no configuration in " + e.dir + ": neither a CUE package nor YAML files"
	}
	return "there is no configuration here: neither a CUE package nor config.yaml"
}

func (e errNoConfig) Hint() string {
	if e.yaml {
		return "name the YAML file with -f, or read all that are here with `-f .`"
	}
	return "`dtm init` writes a starter toolchain; or name one with -f"
}

// find is the configuration that is meant, and its folder. The configuration is a folder where that has a CUE package, or
// the YAML files of one.
func (f *configFlags) find(ctx context.Context) (path, dir string, err error) {
	if f.File == "" {
		path, err = here(ctx)
		return path, ".", err
	}
	info, err := os.Stat(f.File)
	switch {
	case err != nil:
		return "", "", err
	case info.Mode().IsRegular() && (filepath.Ext(f.File) == ".cue" || compat.IsYAML(f.File)):
		return f.File, filepath.Dir(f.File), nil
	case info.Mode().IsRegular():
		return "", "", hinted{fmt.Errorf("%s is neither CUE nor YAML by its name", f.File), "end its name with .cue, .yaml or .yml"}
	case !info.IsDir():
		return "", "", hinted{fmt.Errorf("%s is neither a file nor a folder", f.File), "write what comes from there into a file, and name that"}
	case !hasCUE(f.File) && !compat.IsYAML(f.File):
		return "", "", errNoConfig{dir: f.File}
	}
	return f.File, f.File, nil
}

// here is the configuration of the current folder: its CUE package, or else config.yaml. DevStream read config.yaml alone,
// and from 0.10.3 on a folder only where it was named; so a config.yaml with only some of the tools would plan to delete the
// others, and is refused.
func here(ctx context.Context) (string, error) {
	const usual = "config.yaml"
	if hasCUE(".") {
		return ".", nil
	}
	if _, err := os.Stat(usual); errors.Is(err, fs.ErrNotExist) {
		return "", errNoConfig{yaml: compat.IsYAML(".")}
	}
	others, err := compat.Others(ctx, usual)
	if err != nil || len(others) == 0 {
		return usual, err
	}
	more := ""
	if n := len(others) - 1; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return "", hinted{fmt.Errorf("%s is not all there is here: %s%s has tools as well, and what one file leaves out would be deleted", usual, others[0], more),
		"say which is meant: `-f .` is all YAML files of this folder, `-f " + usual + "` this one alone"}
}

// hasCUE tells whether a folder has a CUE package.
func hasCUE(dir string) bool {
	found, err := filepath.Glob(filepath.Join(dir, "*.cue"))
	return err == nil && len(found) > 0
}

// locate is find with an absolute folder.
func (f *configFlags) locate(ctx context.Context) (path, dir string, err error) {
	if path, dir, err = f.find(ctx); err != nil {
		return "", "", err
	}
	dir, err = filepath.Abs(dir)
	return path, dir, err
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
