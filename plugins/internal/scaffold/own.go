package scaffold

import (
	"context"
	"errors"
	"fmt"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// finished tells whether a repository is just what a run for these options leaves, as one did that ended before it could be
// recorded: files, settings and all, so that there is nothing to do. What was written for other options, by another dtm for
// all that is known, is somebody's. files are those that t makes for o, written and tree what survey found.
func (o Options) finished(repo scm.Repository, written known, tree scm.Tree, files map[string]scm.File, t template) bool {
	if repo.ID == 0 || written.Repository != repo.ID || written.Adopted || written.Template != t.origin || tree.Head == "" || len(files) != len(written.Files) {
		return false
	}
	for path, f := range files {
		if blob := f.Blob(); written.Files[path] != blob || tree.Blobs[path] != blob {
			return false
		}
	}
	with := o.settings(Options{}, repo, false)
	return (with.Description == "" || with.Description == repo.Description) &&
		(with.Visibility == "" || with.Visibility == repo.Visibility) && with.DefaultBranch == repo.DefaultBranch
}

// made is finished for a repository of which nothing is remembered, and whose files nobody has looked at. One whose template
// is not there any more cannot be told from somebody's.
func (p plugin) made(ctx context.Context, host scm.Host, repo scm.Repository, have Options) (bool, error) {
	t, err := p.templates.load(ctx, have)
	if _, passes := plugins.RetryAfter(err); passes || ctx.Err() != nil {
		return false, errors.Join(ctx.Err(), err)
	} else if err != nil {
		return false, nil
	}
	files, err := t.render(have, repo)
	if err != nil {
		return false, nil
	}
	written, tree, err := survey(ctx, host, repo, have.branch(), paths(files))
	if err != nil {
		return false, err
	}
	return have.finished(repo, written, tree, files, t), nil
}

// foreign says that a repository is there that is not the tool's.
func foreign(repo scm.Repository, written known) error {
	if written.Repository == repo.ID {
		return plugins.Hinted(
			fmt.Errorf("repository %s is there, and dtm has made it for another configuration, or for other options: %w", repo.Path, scm.ErrExists),
			"`adopt: true` takes it over, and changes only what is still as dtm wrote it; or choose another name",
		)
	}
	return plugins.Hinted(
		fmt.Errorf("repository %s is there, and dtm has not made it: %w", repo.Path, scm.ErrExists),
		"`adopt: true` takes it over, and overwrites nothing in it; or choose another name",
	)
}

// archivedError says that nothing can be written to a repository.
type archivedError struct {
	repo scm.Repository
	// recorded tells that it is the tool's by the record.
	recorded bool
}

func (e *archivedError) Error() string {
	return fmt.Sprintf("repository %s is archived, and nothing can be written to it", e.repo.Path)
}

// Hint says what the user can do about it.
func (e *archivedError) Hint() string {
	if e.recorded {
		return "take it out of the archive at its service, or let dtm forget the tool with `dtm forget`"
	}
	return "take it out of the archive at its service, or choose another name"
}
