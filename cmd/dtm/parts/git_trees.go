package parts

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// gitEntry is one line of a tree.
type gitEntry struct {
	// Mode is as git has it: "100644", "100755", "040000". Type is "blob", "tree" or "commit".
	Mode, Type, SHA string
	// Path starts at the root of the tree.
	Path string
}

// treeOf are the entries of one tree object, in git's order.
func (r *gitRepo) treeOf(sha string) ([]gitEntry, error) {
	o := r.object(sha)
	if o.kind != "tree" {
		return nil, fmt.Errorf("there is no tree %q", sha)
	}
	var entries []gitEntry
	for rest := o.content; len(rest) > 0; {
		head, after, ok := bytes.Cut(rest, []byte{0})
		mode, name, spaced := strings.Cut(string(head), " ")
		if !ok || !spaced || len(after) < 20 {
			return nil, fmt.Errorf("tree %s is broken", sha)
		}
		e := gitEntry{Mode: mode, Type: "blob", SHA: hex.EncodeToString(after[:20]), Path: name}
		switch mode {
		case "40000":
			e.Mode, e.Type = "040000", "tree"
		case "160000":
			e.Type = "commit"
		}
		entries, rest = append(entries, e), after[20:]
	}
	return entries, nil
}

// list is what a tree, or the tree of a commit, has: all the way down, folders before what is in them, sorted by path.
func (r *gitRepo) list(tree string) ([]gitEntry, error) {
	top, err := r.treeOf(r.resolve(tree + "^{tree}"))
	if err != nil {
		return nil, err
	}
	var all []gitEntry
	for _, e := range top {
		all = append(all, e)
		if e.Type != "tree" {
			continue
		}
		within, err := r.list(e.SHA)
		if err != nil {
			return nil, err
		}
		for _, inner := range within {
			inner.Path = e.Path + "/" + inner.Path
			all = append(all, inner)
		}
	}
	return all, nil
}

// within is the object at a path of a tree, "" if there is none.
func (r *gitRepo) within(tree, path string) string {
	name, rest, deeper := strings.Cut(path, "/")
	entries, err := r.treeOf(tree)
	i := slices.IndexFunc(entries, func(e gitEntry) bool { return e.Path == name })
	switch {
	case path == "" && err == nil:
		return tree
	case err != nil || i < 0:
		return ""
	case deeper:
		return r.within(entries[i].SHA, rest)
	}
	return entries[i].Mode + " " + entries[i].SHA
}

// tree makes a tree of another ("" for none), in which the entries are put, or removed where their SHA is "". What is in the
// way of one goes: a file where a folder is to be, and a folder where a file is to be.
func (r *gitRepo) tree(base string, entries []gitEntry) (string, error) {
	files := map[string]gitEntry{}
	if base != "" {
		there, err := r.list(base)
		if err != nil {
			return "", err
		}
		for _, e := range there {
			if e.Type != "tree" {
				files[e.Path] = e
			}
		}
	}
	for _, e := range entries {
		delete(files, e.Path)
		if e.SHA == "" {
			continue
		}
		for path := range files {
			if strings.HasPrefix(path, e.Path+"/") || strings.HasPrefix(e.Path, path+"/") {
				delete(files, path)
			}
		}
		files[e.Path] = e
	}
	return r.plant(files)
}

// plant writes the trees that files are in, by their paths.
func (r *gitRepo) plant(files map[string]gitEntry) (string, error) {
	folders := map[string]map[string]gitEntry{}
	var here []gitEntry
	for path, e := range files {
		name, rest, deeper := strings.Cut(path, "/")
		if !deeper {
			e.Path = name
			here = append(here, e)
			continue
		}
		if folders[name] == nil {
			folders[name] = map[string]gitEntry{}
		}
		folders[name][rest] = e
	}
	for name, within := range folders {
		sha, err := r.plant(within)
		if err != nil {
			return "", err
		}
		here = append(here, gitEntry{Mode: "40000", Type: "tree", SHA: sha, Path: name})
	}
	// Git sorts a folder as if its name ended with a slash.
	key := func(e gitEntry) string {
		if e.Mode == "40000" {
			return e.Path + "/"
		}
		return e.Path
	}
	slices.SortFunc(here, func(a, b gitEntry) int { return strings.Compare(key(a), key(b)) })
	var b bytes.Buffer
	for _, e := range here {
		raw, err := hex.DecodeString(e.SHA)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s %s\x00%s", e.Mode, e.Path, raw)
	}
	return r.keep("tree", b.Bytes()), nil
}
