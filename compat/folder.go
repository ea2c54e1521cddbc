package compat

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// IsYAML tells whether the configuration at path is one for Read: a YAML file by its name, or a folder that has no CUE at its
// top, and YAML files there, or in its folders a YAML file of the form of 0.10 to 0.12 that says so.
func IsYAML(path string) bool {
	if isYAMLName(path) {
		return true
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return false
	}
	yaml := false
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".cue" {
			return false
		}
		yaml = yaml || !e.IsDir() && isYAMLName(e.Name())
	}
	return yaml || isLaterBelow(path)
}

// isLaterBelow looks for a file that is of the later form, and says so, below a folder that has none itself.
func isLaterBelow(folder string) bool {
	found, seen := false, 0
	// A symbolic link is followed where it is the folder itself.
	folder += string(filepath.Separator)
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		seen++
		switch {
		case seen > manyEntries:
			return fs.SkipAll
		case err != nil:
			return nil //nolint:nilerr // what is closed to us says nothing
		case d.IsDir() && path != folder && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir() || !isYAMLName(path):
			return nil
		}
		// One with mistakes is not passed over: they are told when it is read.
		all, _ := probe(path)
		if found = isLater(all) && ofTheSameForm(all); found {
			return fs.SkipAll
		}
		return nil
	})
	return found
}

func isYAMLName(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	return ext == ".yaml" || ext == ".yml"
}

// readFolder reads a folder of 0.10 to 0.12 with all the YAML files in it, those of its folders too, in the order of their
// names. A folder with a config.yaml of a form before that is this file alone, and those that it names. DevStream put the
// files together as they were: one that did not end its last line was glued to the next one.
func (r *reader) readFolder() (*schema.Source, error) {
	if src, isMain, err := r.readMain(); isMain {
		return src, err
	}
	var all []*section
	broken := false
	// A symbolic link is followed where it is the folder itself.
	err := filepath.WalkDir(r.path+string(filepath.Separator), func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = r.ctx.Err()
		}
		// DevStream knew the two endings in small letters.
		if ext := filepath.Ext(path); err != nil || d.IsDir() || ext != ".yaml" && ext != ".yml" {
			return err
		}
		data, err := r.open(path)
		if err != nil {
			r.errs.Add(schema.Pos{File: path}, "", err.Error(), "")
			broken = true
			return nil
		}
		data, ok := r.checked(path, data)
		if !ok {
			broken = true
			return nil
		}
		more, bad := r.parseAll(splitDocuments(path, data))
		all, broken = append(all, more...), broken || bad
		return nil
	})
	switch {
	case r.ctx.Err() != nil:
		return nil, r.ctx.Err()
	case err != nil:
		r.errs.Add(schema.Pos{File: r.path}, "", withoutName(err).Error(), "")
	case len(all) == 0 && !broken:
		r.errs.Add(schema.Pos{File: r.path}, "", "there is no YAML in this folder", "name a file, or a folder with YAML files")
	}
	if len(all) == 0 {
		return nil, r.errs.Err()
	}
	for _, s := range all {
		for _, key := range earlierKeys() {
			if n := s.key(key); n != nil {
				r.errs.Add(s.at(n), key, "a folder is read as DevStream 0.10 and later did, which knows no such key", "name the main file instead of the folder")
				return nil, r.errs.Err()
			}
		}
	}
	if r.varFileArg != "" {
		r.refuseVarFile()
	}
	return r.done(r.later(all, broken))
}

// readMain reads the folder's config.yaml alone if it is of a form before 0.10, whose other files are named by it.
func (r *reader) readMain() (src *schema.Source, isMain bool, err error) {
	path := filepath.Join(r.path, "config.yaml")
	if !r.exists(path) {
		return nil, false, nil
	}
	if all, broken := probe(path); broken || len(all) == 0 || isLater(all) {
		return nil, false, nil
	}
	// A list of tools alone may be one file of 0.10 and later among others.
	if others, err := Others(r.ctx, path); err == nil && len(others) > 0 {
		return nil, false, nil
	}
	data, err := r.open(path)
	if err != nil {
		return nil, false, nil //nolint:nilerr // the folder is read then, and says so
	}
	r.path = path
	src, err = r.read(data)
	return src, true, err
}
