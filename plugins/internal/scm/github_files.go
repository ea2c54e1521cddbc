package scm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/google/go-github/v45/github"

	"github.com/devstream-io/dtm/plugins"
)

// List is Files.List.
func (g *gitHub) List(ctx context.Context, path Path, branch string, paths []string) (Tree, error) {
	head, _, err := g.head(ctx, path, branch)
	if err != nil || head == "" {
		return Tree{}, err
	}
	entries, err := g.entries(ctx, path, head, paths)
	if err != nil {
		return Tree{}, err
	}
	return treeOf(head, entries, paths), nil
}

// head is the commit that a branch is at, "" if there is no such branch. empty tells whether the repository has no commit.
func (g *gitHub) head(ctx context.Context, path Path, branch string) (head string, empty bool, err error) {
	if err := checkGitHub(path); err != nil {
		return "", false, err
	}
	if err := checkBranch(branch); err != nil {
		return "", false, err
	}
	ref, _, err := g.client.Git.GetRef(ctx, path.Owner, path.Name, "heads/"+branch)
	switch {
	case noCommit(err):
		return "", true, nil
	case answered(err, http.StatusNotFound):
		// It says the same of a repository that is not there.
		_, err := g.find(ctx, path)
		return "", false, err
	case err == nil && ref.GetObject().GetSHA() == "":
		err = errPartial
	}
	if err != nil {
		return "", false, g.failed(fmt.Sprintf("look at branch %s of %s", branch, path), err)
	}
	return ref.GetObject().GetSHA(), false, nil
}

// noCommit tells whether GitHub answered that a repository is empty. It has other conflicts, too, which pass.
func noCommit(err error) bool {
	var answer *github.ErrorResponse
	return answered(err, http.StatusConflict) && errors.As(err, &answer) && strings.Contains(strings.ToLower(answer.Message), "empty")
}

// entries are what there is in a tree, or in a commit's, at the paths of files and, if it is no folder, above them.
func (g *gitHub) entries(ctx context.Context, in Path, root string, files []string) (map[string]entry, error) {
	found := map[string]entry{}
	if len(files) == 0 {
		return found, nil
	}
	tree, err := g.tree(ctx, in, root, true)
	if err != nil {
		return nil, err
	}
	if tree.GetTruncated() {
		return g.walk(ctx, in, root, files)
	}
	all := entriesOf(tree)
	for _, file := range files {
		for at := file; at != "."; at = path.Dir(at) {
			if e, there := all[at]; there {
				found[at] = e
			}
		}
	}
	return found, nil
}

func entriesOf(tree *github.Tree) map[string]entry {
	all := make(map[string]entry, len(tree.Entries))
	for _, e := range tree.Entries {
		all[e.GetPath()] = entry{e.GetSHA(), e.GetMode()}
	}
	return all
}

// walk is entries for a tree that GitHub does not list as a whole: folder by folder, each asked for once.
func (g *gitHub) walk(ctx context.Context, in Path, root string, files []string) (map[string]entry, error) {
	folders := map[string]map[string]entry{}
	found := map[string]entry{}
	var open func(folder string) (map[string]entry, error)
	open = func(folder string) (map[string]entry, error) {
		if has, ok := folders[folder]; ok {
			return has, nil
		}
		sha := root
		if folder != "." {
			parent, err := open(path.Dir(folder))
			if err != nil {
				return nil, err
			}
			e, there := parent[path.Base(folder)]
			if there {
				found[folder] = e
			}
			if sha = e.sha; e.mode != folderMode {
				sha = ""
			}
		}
		var has map[string]entry
		if sha != "" {
			tree, err := g.tree(ctx, in, sha, false)
			if err != nil {
				return nil, err
			}
			if tree.GetTruncated() {
				return nil, fmt.Errorf("look at the files of %s on %s: there are too many in one folder", in, g.host)
			}
			has = entriesOf(tree)
		}
		folders[folder] = has
		return has, nil
	}
	for _, file := range files {
		has, err := open(path.Dir(file))
		if err != nil {
			return nil, err
		}
		if e, there := has[path.Base(file)]; there {
			found[file] = e
		}
	}
	return found, nil
}

func (g *gitHub) tree(ctx context.Context, path Path, sha string, recursive bool) (*github.Tree, error) {
	tree, _, err := g.client.Git.GetTree(ctx, path.Owner, path.Name, sha, recursive)
	if err == nil && tree.GetSHA() == "" {
		err = errPartial
	}
	if err != nil {
		return nil, g.vanished("look at the files of "+path.String(), err)
	}
	return tree, nil
}

// vanished is failed for what has just been seen: that it is not there does not mean that there is no repository.
func (g *gitHub) vanished(what string, err error) error {
	told := g.failed(what, err)
	if answered(err, http.StatusNotFound) {
		return plugins.Retryable(errors.New(told.Error()), 0)
	}
	return told
}

// Read is Files.Read.
func (g *gitHub) Read(ctx context.Context, path Path, branch, file string) ([]byte, error) {
	for _, err := range []error{checkGitHub(path), checkBranch(branch), checkFile(file)} {
		if err != nil {
			return nil, err
		}
	}
	what := fmt.Sprintf("read %s of branch %s of %s", file, branch, path)
	address := fmt.Sprintf("repos/%s/%s/contents/%s?ref=%s", path.Owner, path.Name, escape(file), url.QueryEscape(branch))
	var content bytes.Buffer
	response, err := g.do(ctx, http.MethodGet, address, "application/vnd.github.v3.raw", nil, &content)
	if err != nil {
		return nil, g.failed(what, err)
	}
	if kind := response.Header.Get("Content-Type"); strings.HasPrefix(kind, "application/json") {
		return nil, &also{fmt.Errorf("%s on %s: it is a folder", what, g.host), plugins.ErrNotFound}
	}
	return content.Bytes(), nil
}
