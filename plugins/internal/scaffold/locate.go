package scaffold

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// otherError says that a name means another repository than it did.
type otherError struct{ repo scm.Repository }

func (e *otherError) Error() string {
	return fmt.Sprintf("repository %s is another one than it was: %v", e.repo.Path, plugins.ErrNotFound)
}
func (e *otherError) Unwrap() error { return plugins.ErrNotFound }

// locate finds the repository that is remembered, whatever its name is by now, and without a memory the one that is wanted.
func locate(ctx context.Context, host scm.Host, want Options, last Resource) (scm.Repository, error) {
	at, err := want.path()
	if err != nil {
		return scm.Repository{}, err
	}
	repo, err := host.Repository(ctx, at)
	if err != nil && !errors.Is(err, plugins.ErrNotFound) || last.ID == 0 || err == nil && repo.ID == last.ID {
		return repo, err
	}
	today := scm.Path{Owner: last.Outputs.Owner, Name: last.Outputs.Repo}
	if today.Owner != "" && lower(today) != lower(at) {
		switch moved, errMoved := host.Repository(ctx, today); {
		case errMoved == nil && moved.ID == last.ID:
			return moved, nil
		case errMoved != nil && !errors.Is(errMoved, plugins.ErrNotFound):
			return scm.Repository{}, errMoved
		}
	}
	if err == nil {
		err = &otherError{repo}
	}
	return scm.Repository{}, err
}

// survey is what a repository says of itself, and which of these files there are, and those that it says are dtm's. A branch
// that is not there yet will begin as the default one.
func survey(ctx context.Context, host scm.Host, repo scm.Repository, branch string, files ...[]string) (known, scm.Tree, error) {
	if repo.Empty {
		return known{}, scm.Tree{}, nil
	}
	at := branch
	list := func(paths []string) (scm.Tree, error) {
		slices.Sort(paths)
		return host.List(ctx, repo.Path, at, slices.Compact(paths))
	}
	all := append(slices.Concat(files...), manifestFile)
	tree, err := list(all)
	if err == nil && tree.Head == "" && repo.DefaultBranch != "" && repo.DefaultBranch != branch {
		at = repo.DefaultBranch
		tree, err = list(all)
	}
	if err != nil || tree.Blobs[manifestFile] == "" {
		return known{}, ofBranch(tree, at, branch), err
	}
	k, err := recall(ctx, host, repo, at)
	if err != nil {
		return known{}, scm.Tree{}, err
	}
	for path := range k.Files {
		if !slices.Contains(all, path) {
			tree, err = list(append(all, paths(k.Files)...))
			break
		}
	}
	return k, ofBranch(tree, at, branch), err
}

// ofBranch is a tree that was found on a branch as it will be on another one that begins there.
func ofBranch(tree scm.Tree, at, branch string) scm.Tree {
	if at != branch {
		tree.Head = ""
	}
	return tree
}

func paths[V any](files map[string]V) []string { return slices.Collect(maps.Keys(files)) }
