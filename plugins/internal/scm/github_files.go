package scm

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/google/go-github/v45/github"

	"github.com/devstream-io/dtm/plugins"
)

// entry is a file of a tree.
type entry struct{ sha, mode string }

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
	tree := Tree{Head: head, Blobs: make(map[string]string, len(entries))}
	for file, entry := range entries {
		tree.Blobs[file] = entry.sha
	}
	return tree, nil
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
	case answered(err, http.StatusConflict):
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

// entries are those of files that there are in a tree, or in a commit's.
func (g *gitHub) entries(ctx context.Context, path Path, root string, files []string) (map[string]entry, error) {
	found := map[string]entry{}
	if len(files) == 0 {
		return found, nil
	}
	tree, err := g.tree(ctx, path, root, true)
	if err != nil {
		return nil, err
	}
	if tree.GetTruncated() {
		return g.walk(ctx, path, root, files)
	}
	all := blobsOf(tree)
	for _, file := range files {
		if e, ok := all[file]; ok {
			found[file] = e
		}
	}
	return found, nil
}

func blobsOf(tree *github.Tree) map[string]entry {
	blobs := make(map[string]entry, len(tree.Entries))
	for _, e := range tree.Entries {
		if e.GetType() == "blob" {
			blobs[e.GetPath()] = entry{e.GetSHA(), e.GetMode()}
		}
	}
	return blobs
}

// walk is entries for a tree that GitHub does not list as a whole: folder by folder, each asked for once.
func (g *gitHub) walk(ctx context.Context, in Path, root string, files []string) (map[string]entry, error) {
	folders := map[string]*github.Tree{}
	var open func(folder string) (*github.Tree, error)
	open = func(folder string) (*github.Tree, error) {
		if tree, ok := folders[folder]; ok {
			return tree, nil
		}
		sha := root
		if folder != "." {
			parent, err := open(path.Dir(folder))
			if err != nil {
				return nil, err
			}
			sha = folderOf(parent, path.Base(folder))
		}
		tree := &github.Tree{}
		if sha != "" {
			var err error
			if tree, err = g.tree(ctx, in, sha, false); err != nil {
				return nil, err
			}
			if tree.GetTruncated() {
				return nil, fmt.Errorf("look at the files of %s on %s: there are too many in one folder", in, g.host)
			}
		}
		folders[folder] = tree
		return tree, nil
	}
	found := map[string]entry{}
	for _, file := range files {
		tree, err := open(path.Dir(file))
		if err != nil {
			return nil, err
		}
		if e, ok := blobsOf(tree)[path.Base(file)]; ok {
			found[file] = e
		}
	}
	return found, nil
}

// folderOf is the SHA-1 of a folder's tree, "" if there is none.
func folderOf(tree *github.Tree, name string) string {
	for _, e := range tree.Entries {
		if e.GetType() == "tree" && e.GetPath() == name {
			return e.GetSHA()
		}
	}
	return ""
}

func (g *gitHub) tree(ctx context.Context, path Path, sha string, recursive bool) (*github.Tree, error) {
	tree, _, err := g.client.Git.GetTree(ctx, path.Owner, path.Name, sha, recursive)
	if err == nil && tree.GetSHA() == "" {
		err = errPartial
	}
	if err != nil {
		return nil, g.failed("look at the files of "+path.String(), err)
	}
	return tree, nil
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
