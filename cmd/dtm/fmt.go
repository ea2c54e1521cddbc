package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/devstream-io/dtm/schema"
)

type fmtCmd struct {
	Files []string `arg:"" optional:"" help:"CUE files, folders of them (default: this one), FOLDER/... with all that is below, or - for standard input."`
	Check bool     `help:"Change nothing; name the files that are not as they should be, and fail if there are any."`
}

// Run formats CUE as `cue fmt` does, names what it changes, and leaves YAML alone. What one file has wrong keeps no other from
// being formatted.
func (c *fmtCmd) Run(a *app) error {
	files, err := c.find(a)
	if err != nil {
		return err
	}
	untidy := false
	var mistakes error
	for _, file := range files {
		changed, err := c.format(a, file)
		if err != nil {
			mistakes = schema.Join(mistakes, err)
			continue
		}
		if !changed {
			continue
		}
		untidy = true
		if _, err := fmt.Fprintln(a.stdout, file); err != nil {
			return err
		}
	}
	if mistakes == nil && c.Check && untidy {
		return errQuiet
	}
	return mistakes
}

// stdin is what standard input is called on the command line.
const stdin = "-"

// find are the CUE files that are meant, each once. A name that means none is a mistake before any file is changed.
func (c *fmtCmd) find(a *app) ([]string, error) {
	names := c.Files
	if len(names) == 0 {
		names = []string{"."}
	}
	var files []string
	seen := map[string]bool{}
	for _, name := range names {
		found, err := cueFiles(a, name)
		if err != nil {
			return nil, err
		}
		for _, file := range found {
			if clean := filepath.Clean(file); !seen[clean] {
				seen[clean] = true
				files = append(files, clean)
			}
		}
	}
	return files, nil
}

// cueFiles are the CUE files that one word means. Those whose names begin with `_` or `.` are no part of a package.
func cueFiles(a *app, name string) ([]string, error) {
	if name == stdin {
		return []string{name}, nil
	}
	if root, ok := strings.CutSuffix(filepath.ToSlash(name), "/..."); ok || name == "..." {
		if !ok {
			root = "."
		}
		return cueFilesBelow(root)
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	switch ext := strings.ToLower(filepath.Ext(name)); {
	case info.IsDir():
		entries, err := os.ReadDir(name)
		if err != nil {
			return nil, err
		}
		var files []string
		hasYAML := false
		for _, e := range entries {
			ext := filepath.Ext(e.Name())
			if ext == ".cue" && !isHidden(e.Name()) {
				files = append(files, filepath.Join(name, e.Name()))
			}
			hasYAML = hasYAML || isYAML(ext)
		}
		if len(files) == 0 && hasYAML {
			return nil, hinted{fmt.Errorf("there is no CUE in %s, only YAML", name), "`dtm import` makes CUE of it"}
		}
		if len(files) == 0 {
			a.screen.Info("There is no CUE in %s.", name)
		}
		return files, nil
	case ext == ".cue":
		return []string{name}, nil
	case isYAML(ext):
		return nil, hinted{fmt.Errorf("%s is YAML, which is left as it is", name), "`dtm import -f " + name + "` makes CUE of it"}
	}
	return nil, hinted{errors.New(name + " is not CUE"), "the names of CUE files end in .cue"}
}

func isYAML(ext string) bool { return ext == ".yaml" || ext == ".yml" }

func isHidden(name string) bool { return strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") }

// cueFilesBelow are the CUE files of a folder and of those in it, but for what `dtm init` wrote, and what is hidden.
func cueFilesBelow(root string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (d.Name() == "cue.mod" || isHidden(d.Name())):
			return filepath.SkipDir
		case !d.IsDir() && filepath.Ext(path) == ".cue" && !isHidden(d.Name()):
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

// format tells whether a file was not as it should be, and mends that unless it is only asked. Standard input goes to standard
// output.
func (c *fmtCmd) format(a *app, file string) (changed bool, err error) {
	if file == stdin {
		text, err := io.ReadAll(a.stdin)
		if err != nil {
			return false, err
		}
		tidy, err := schema.FormatCUE(file, text)
		if err != nil || c.Check {
			return !bytes.Equal(tidy, text), err
		}
		_, err = a.stdout.Write(tidy)
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
	return true, replaceText(file, tidy)
}

// replaceText gives a file another text, all of it or none. A link stays one, and what it leads to is changed. A file that
// nobody may write to stays as it is, though its folder would let it be replaced.
func replaceText(file string, text []byte) error {
	target, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	const anyoneWrites = 0o222
	if info.Mode().Perm()&anyoneWrites == 0 {
		return hinted{fmt.Errorf("%s is read-only, and is left as it is", file), "`chmod u+w` lets it be changed"}
	}
	return renameio.WriteFile(target, text, info.Mode().Perm(), renameio.WithTempDir(filepath.Dir(target)), renameio.IgnoreUmask())
}
