package scm

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

const (
	// pageSize is the longest page that GitLab gives.
	pageSize = 100
	// maxPages ends a list that has no end.
	maxPages = 1000
)

// List is Files.List.
func (g *gitLab) List(ctx context.Context, path Path, branch string, paths []string) (Tree, error) {
	if err := checkGitLab(path); err != nil {
		return Tree{}, err
	}
	repo := gitLabRepo{g, path.String(), path}
	head, err := repo.head(ctx, branch)
	if err == nil && head == "" {
		// It says the same of a project that is not there.
		_, err = g.find(ctx, path)
	}
	if err != nil || head == "" {
		return Tree{}, err
	}
	entries, err := repo.entries(ctx, head, paths)
	if err != nil {
		return Tree{}, err
	}
	return treeOf(head, entries, paths), nil
}

// gitLabRepo is a project that is there, or is to be looked for.
type gitLabRepo struct {
	*gitLab
	// id is its number, or its path if it is only read.
	id   any
	path Path
}

// head is the commit that a branch is at, "" if there is no such branch.
func (r gitLabRepo) head(ctx context.Context, branch string) (string, error) {
	commit, err := r.last(ctx, branch)
	return commit.ID, err
}

// last is the commit that a branch is at, an empty one if there is no such branch.
func (r gitLabRepo) last(ctx context.Context, branch string) (gitlab.Commit, error) {
	if err := checkBranch(branch); err != nil {
		return gitlab.Commit{}, err
	}
	found, _, err := r.client.Branches.GetBranch(r.id, branch, gitlab.WithContext(ctx))
	switch {
	case gitLabSays(err, http.StatusNotFound):
		return gitlab.Commit{}, nil
	case err == nil && (found == nil || found.Commit == nil || found.Commit.ID == ""):
		err = errPartial
	}
	if err != nil {
		return gitlab.Commit{}, r.failed(fmt.Sprintf("look at branch %s of %s", branch, r.path), err)
	}
	return *found.Commit, nil
}

// entries are what there is in a commit at the paths of files, and above those that are not there. A small repository is
// listed with one request; of one that has more than a page only the folders are listed that the files are in.
func (r gitLabRepo) entries(ctx context.Context, commit string, files []string) (map[string]entry, error) {
	found := map[string]entry{}
	folders := map[string][]string{}
	for _, file := range files {
		if err := checkFile(file); err != nil {
			return nil, err
		}
		folders[path.Dir(file)] = append(folders[path.Dir(file)], file)
	}
	if len(folders) > 1 {
		whole, err := r.list(ctx, &gitlab.ListTreeOptions{Ref: &commit, Recursive: gitlab.Ptr(true)}, files, 1, found)
		if err != nil || whole {
			return found, err
		}
	}
	for folder, files := range folders {
		if err := r.folder(ctx, commit, folder, files, found); err != nil {
			return nil, err
		}
		there := func(file string) bool { _, ok := found[file]; return ok }
		// Without any of them there may be no folder: then something else may be in its place.
		for at := folder; at != "." && !there(at) && !slices.ContainsFunc(files, there); at = path.Dir(at) {
			if err := r.folder(ctx, commit, path.Dir(at), []string{at}, found); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// folder puts the entries of files, which are in one folder, into found.
func (r gitLabRepo) folder(ctx context.Context, commit, folder string, files []string, found map[string]entry) error {
	wish := &gitlab.ListTreeOptions{Ref: &commit}
	if folder != "." {
		wish.Path = &folder
	}
	whole, err := r.list(ctx, wish, files, maxPages, found)
	if err == nil && !whole {
		err = fmt.Errorf("look at the files of %s on %s: there are too many in one folder", r.path, r.host)
	}
	return err
}

// list puts the entries of files into found, as far as they are on the first pages, and tells whether that are all of them.
func (r gitLabRepo) list(ctx context.Context, wish *gitlab.ListTreeOptions, files []string, pages int, found map[string]entry) (whole bool, err error) {
	missing := len(files)
	wish.ListOptions = gitlab.ListOptions{PerPage: pageSize, Pagination: "keyset"}
	request := []gitlab.RequestOptionFunc{gitlab.WithContext(ctx)}
	for range pages {
		nodes, response, err := r.client.Repositories.ListTree(r.id, wish, request...)
		if gitLabSays(err, http.StatusNotFound) {
			if wish.Path != nil {
				return true, nil // no such folder
			}
			err = errPartial // the commit has just been seen
		}
		if err != nil {
			return false, r.failed("look at the files of "+r.path.String(), err)
		}
		for _, n := range nodes {
			switch {
			case n == nil || n.ID == "" || n.Path == "":
				return false, r.failed("look at the files of "+r.path.String(), errPartial)
			case slices.Contains(files, n.Path):
				missing--
			case !slices.ContainsFunc(files, func(file string) bool { return strings.HasPrefix(file, n.Path+"/") }):
				continue
			}
			found[n.Path] = entry{sha: n.ID, mode: n.Mode}
		}
		next, more := gitlab.WithNext(response)
		if !more || missing <= 0 {
			return true, nil
		}
		request = []gitlab.RequestOptionFunc{gitlab.WithContext(ctx), next}
	}
	return false, nil
}

// Read is Files.Read.
func (g *gitLab) Read(ctx context.Context, path Path, branch, file string) ([]byte, error) {
	for _, err := range []error{checkGitLab(path), checkBranch(branch), checkFile(file)} {
		if err != nil {
			return nil, err
		}
	}
	content, _, err := g.client.RepositoryFiles.GetRawFile(path.String(), file, &gitlab.GetRawFileOptions{Ref: &branch}, gitlab.WithContext(ctx))
	if err != nil {
		return nil, g.failed(fmt.Sprintf("read %s of branch %s of %s", file, branch, path), err)
	}
	return content, nil
}
