package parts

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// hubGit is a repository as GitHub looks at it.
type hubGit struct{ *gitRepo }

// is tells whether there is an object of a kind: blob, tree or commit.
func (g hubGit) is(sha, kind string) bool { return g.object(sha).kind == kind }

// A hubEntry is one line of a tree, with how large a file is.
type hubEntry struct {
	gitEntry
	size int
}

// entries are those of a tree, all the way down or not.
func (g hubGit) entries(tree string, through bool) ([]hubEntry, error) {
	list, sha := g.list, tree
	if !through {
		list, sha = g.treeOf, g.resolve(tree+"^{tree}")
	}
	found, err := list(sha)
	if err != nil {
		return nil, err
	}
	all := make([]hubEntry, 0, len(found))
	for _, e := range found {
		size := 0
		if e.Type == "blob" {
			size = len(g.object(e.SHA).content)
		}
		all = append(all, hubEntry{e, size})
	}
	return all, nil
}

// A hubPerson is who made a commit. Date is as in RFC 3339.
type hubPerson struct{ Name, Email, Date string }

// A hubCommit is what a commit says.
type hubCommit struct {
	sha, tree         string
	parents           []string
	author, committer hubPerson
	message           string
}

// said is what one commit says.
func (g hubGit) said(sha string) (hubCommit, error) {
	said, ok := g.commitOf(sha)
	if !ok {
		return hubCommit{}, fmt.Errorf("there is no commit %q", sha)
	}
	return said, nil
}

// setRef points a reference at a commit, and makes it if need be.
func (g hubGit) setRef(ref, sha string) error { return g.swap(ref, g.ref(ref), sha) }

func (g hubGit) deleteRef(ref string) error {
	_, err := g.git(nil, nil, "update-ref", "-d", ref)
	return err
}

// merged is the tree of two commits brought together. It is "" if they contradict each other.
func (g hubGit) merged(base, head string) (string, error) {
	if g.ancestor(head, base) {
		return g.resolve(head + "^{tree}"), nil
	}
	out, err := g.git(nil, nil, "merge-tree", "--write-tree", "--allow-unrelated-histories", base, head)
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return "", nil
	}
	return strings.TrimSpace(string(out)), err
}

// changes are how many files differ between two commits, and how many lines were added and removed.
func (g hubGit) changes(base, head string) (files, added, removed int, err error) {
	contents := func(commit string) (map[string]string, error) {
		all, err := g.list(commit)
		found := map[string]string{}
		for _, e := range all {
			if e.Type == "blob" {
				found[e.Path] = e.SHA
			}
		}
		return found, err
	}
	before, err := contents(base)
	if err != nil {
		return 0, 0, 0, err
	}
	after, err := contents(head)
	if err != nil {
		return 0, 0, 0, err
	}
	lines := func(sha string) int { // git counts none in what is not text
		if text := g.object(sha).content; len(text) > 0 && bytes.IndexByte(text, 0) < 0 {
			return bytes.Count(text[:len(text)-1], []byte("\n")) + 1
		}
		return 0
	}
	for path, is := range after {
		was, there := before[path]
		switch {
		case was == is:
			continue
		case !there:
			added += lines(is)
		case lines(was) <= 1 && lines(is) <= 1:
			added, removed = added+lines(is), removed+lines(was)
		default:
			// What stays the same in the middle of it only git knows.
			return g.numstat(base, head)
		}
		files++
	}
	for path, was := range before {
		if _, there := after[path]; !there {
			files, removed = files+1, removed+lines(was)
		}
	}
	return files, added, removed, nil
}

func (g hubGit) numstat(base, head string) (files, added, removed int, err error) {
	out, err := g.git(nil, nil, "diff", "--numstat", "--no-renames", base, head)
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		a, _ := strconv.Atoi(words[0]) // "-" in what is not text
		r, _ := strconv.Atoi(words[1])
		files, added, removed = files+1, added+a, removed+r
	}
	return files, added, removed, err
}
