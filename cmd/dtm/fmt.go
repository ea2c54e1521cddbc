package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/devstream-io/dtm/schema"
)

type fmtCmd struct {
	Files []string `arg:"" optional:"" help:"CUE files, or folders of them (default: this one)."`
	Check bool     `help:"Change nothing; name the files that are not as they should be, and fail if there are any."`
}

// Run formats CUE as `cue fmt` does. YAML is left alone.
func (c *fmtCmd) Run(a *app) error {
	files, err := c.find(a)
	if err != nil {
		return err
	}
	untidy := false
	for _, file := range files {
		changed, err := c.format(file)
		if err != nil {
			return err
		}
		if !changed {
			continue
		}
		untidy = true
		if _, err := fmt.Fprintln(a.stdout, file); err != nil {
			return err
		}
	}
	if c.Check && untidy {
		return errQuiet
	}
	return nil
}

// find are the CUE files that are meant.
func (c *fmtCmd) find(a *app) ([]string, error) {
	names := c.Files
	if len(names) == 0 {
		names = []string{"."}
	}
	var files []string
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		switch ext := strings.ToLower(filepath.Ext(name)); {
		case info.IsDir():
			found, err := filepath.Glob(filepath.Join(name, "*.cue"))
			if err != nil {
				return nil, err
			}
			if len(found) == 0 {
				a.screen.Info("There is no CUE in %s.", name)
			}
			files = append(files, found...)
		case ext == ".cue":
			files = append(files, name)
		case ext == ".yaml" || ext == ".yml":
			a.screen.Info("%s is YAML, which is left as it is. `dtm import` makes CUE of it.", name)
		default:
			return nil, errors.New(name + " is not CUE")
		}
	}
	return files, nil
}

// format tells whether a file was not as it should be, and mends that unless it is only asked.
func (c *fmtCmd) format(file string) (changed bool, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return false, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	tidy, err := schema.FormatCUE(file, text)
	if err != nil || bytes.Equal(tidy, text) {
		return false, err
	}
	if c.Check {
		return true, nil
	}
	return true, renameio.WriteFile(file, tidy, info.Mode().Perm())
}
