package compat

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Others are the other files of the configuration that the file at path is one of, in the order of their names: from 0.10.3
// on a folder was a configuration, with all its YAML files, and one of them alone has only some of its tools. There are none
// where the file is a configuration by itself: of a form before 0.10, or with nothing beside it that has tools.
//
// What cannot be read has nothing to say here; [Read] tells what is wrong with it. Once ctx is done its error is returned.
func Others(ctx context.Context, path string) ([]string, error) {
	// Parsing a long list twice would be felt, so it is done only where there may be others.
	if !hasNeighbours(path) && !mayBeLater(path) {
		return nil, ctx.Err()
	}
	own, broken := probe(path)
	later := isLater(own)
	if broken || len(own) == 0 || !later && !onlyTools(own) {
		return nil, ctx.Err()
	}
	// The separator has a link to a folder followed.
	folder := filepath.Dir(path) + string(filepath.Separator)
	var others []string
	seen := 0
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		seen++
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case seen > manyEntries:
			return fs.SkipAll
		case err != nil:
			return nil //nolint:nilerr // a folder that is closed to us holds nothing that could be missed
		case d.IsDir() && name != folder && (!later || strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir() || !isYAMLName(name) || filepath.Clean(name) == filepath.Clean(path):
			return nil
		}
		theirs, broken := probe(name)
		if !broken && hasTools(theirs) && (isLater(theirs) || later && ofTheSameForm(theirs)) {
			others = append(others, name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return others, nil
}

// manyEntries is how many files and folders are looked at for one of a form: any folder may have YAML of others somewhere in
// it, and a lot of it.
const manyEntries = 10_000

// hasNeighbours tells whether there are other YAML files in the folder of a file.
func hasNeighbours(path string) bool {
	entries, err := os.ReadDir(filepath.Dir(path))
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return isYAMLName(e.Name()) && e.Name() != filepath.Base(path)
	})
}

// mayBeLater tells whether a file has a key that only the form of 0.10 to 0.12 has, for all that its text says.
func mayBeLater(path string) bool {
	data, err := readFile(path)
	if err != nil {
		return false
	}
	for line := range bytes.Lines(data) {
		line = bytes.TrimLeft(line, "\ufeff{ \"'")
		for _, key := range laterKeys() {
			if key != "tools" && key != "plugins" && bytes.HasPrefix(line, []byte(key)) {
				return true
			}
		}
	}
	return false
}

// probe parses a file without a word about its mistakes. It is broken if there are some.
func probe(path string) (all []*section, broken bool) {
	data, err := readFile(path)
	if err != nil {
		return nil, true
	}
	text, mistake := checkText(path, data)
	if mistake != nil {
		return nil, true
	}
	docs := splitDocuments(path, text)
	var r reader
	for _, d := range docs[:min(len(docs), maxSections)] {
		if s := r.section(d); s != nil {
			all = append(all, s)
		}
	}
	return all, len(all) < len(docs)
}

// onlyTools tells whether documents have tools and nothing else, so that they may be of any form.
func onlyTools(all []*section) bool {
	for _, s := range all {
		if keys := s.keys(); len(keys) != 1 || keys[0].Value != "tools" {
			return false
		}
	}
	return !hasPlugin(all)
}

// ofTheSameForm tells whether documents have no key but those of 0.10 to 0.12.
func ofTheSameForm(all []*section) bool {
	for _, s := range all {
		for _, key := range s.keys() {
			if !slices.Contains(laterKeys(), key.Value) {
				return false
			}
		}
	}
	return !hasPlugin(all)
}

// hasTools tells whether documents have tools, or apps that become some.
func hasTools(all []*section) bool {
	for _, s := range all {
		for _, name := range []string{"tools", "apps"} {
			if n := s.below(name); n != nil && n.Kind == yaml.SequenceNode && len(n.Content) > 0 {
				return true
			}
		}
	}
	return false
}

// hasPlugin tells whether a tool is written as 0.2 to 0.4 did, with a `plugin`.
func hasPlugin(all []*section) bool {
	for _, s := range all {
		list := s.below("tools")
		if list == nil || list.Kind != yaml.SequenceNode {
			continue
		}
		for _, tool := range list.Content {
			names := map[string]bool{}
			for i := 0; tool.Kind == yaml.MappingNode && i < len(tool.Content); i += 2 {
				names[tool.Content[i].Value] = true
			}
			if names["plugin"] && !names["instanceID"] {
				return true
			}
		}
	}
	return false
}
