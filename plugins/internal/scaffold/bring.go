package scaffold

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// proposalBranch is where changes are that wait for people.
const proposalBranch = "dtm/scaffold"

// Others write to a branch as well: a commit that came too late is made again, at most so many times. Each time somebody
// else's has got through. A name that is taken and cannot be found is looked for less often.
const (
	maxTries  = 20
	maxSearch = 3
)

// errAgain says that what there is has to be looked at anew.
var errAgain = errors.New("it is there after all")

// bring makes the repository and its files what they are wanted to be.
func (p plugin) bring(ctx context.Context, want, have Options, last Resource) (Resource, error) {
	host, err := p.service.Open(ctx, want.BaseURL)
	if err != nil {
		return Resource{}, err
	}
	// A template with a mistake in it must not leave an empty repository behind.
	t, err := p.templates.load(ctx, want)
	if err != nil {
		return Resource{}, err
	}
	for n := 1; ; n++ {
		r, err := once(ctx, host, want, have, last, t)
		switch {
		case errors.Is(err, errAgain) && n < maxSearch:
		case errors.Is(err, scm.ErrChanged) && n < maxTries:
		default:
			return r, err
		}
	}
}

// once looks at what there is and does what is missing.
func once(ctx context.Context, host scm.Host, want, have Options, last Resource, t template) (Resource, error) {
	f, err := look(ctx, host, want, last, t)
	if err != nil {
		return Resource{}, err
	}
	if !f.there {
		if f, err = begin(ctx, host, want, t); err != nil {
			return Resource{}, err
		}
	}
	if f.repo.Archived {
		return Resource{}, &archivedError{f.repo, last.ID == f.repo.ID}
	}
	k, status, err := f.write(ctx, host, want, last, t)
	if err != nil {
		return Resource{}, err
	}
	with := want.settings(have, f.repo, k.Adopted)
	repo, err := host.Configure(ctx, f.repo.Path, with)
	if err != nil {
		return Resource{}, err
	}
	return want.resource(repo, k, status), nil
}

// begin makes an empty repository that says of itself that it is not finished.
func begin(ctx context.Context, host scm.Host, want Options, t template) (found, error) {
	at, err := want.path()
	if err != nil {
		return found{}, err
	}
	plugins.Report(ctx, "making repository "+at.String())
	repo, err := host.Create(ctx, at, scm.Settings{
		// A service that is not told makes it as its owner once chose, which may be for everybody.
		Description: beginning(at), Visibility: cmp.Or(scm.Visibility(want.Visibility), scm.Private), DefaultBranch: want.branch(),
	})
	if errors.Is(err, scm.ErrExists) {
		return found{}, plugins.Hinted(
			fmt.Errorf("repository %s: %w: %w", at, errAgain, err),
			"if nobody is making it at the same time, it is one that the token may not see: choose another name, or another token",
		)
	} else if err != nil {
		return found{}, err
	}
	f := found{there: true, repo: repo, known: known{Repository: repo.ID}}
	files, err := t.render(want, repo)
	if err != nil {
		return found{}, err
	}
	f.edits = reconcile(files, nil)
	return f, nil
}

// found is what there is before anything is done, and what would have to be done to the files.
type found struct {
	// there tells whether there is a repository, which then is dtm's to change. Without one, repo has the wanted name.
	there bool
	repo  scm.Repository
	known known
	tree  scm.Tree
	edits edits
	// strange tells that its files are not of a template, as far as anybody knows, as those of a repository that DevStream has
	// made. Then none are added, unless that is asked for.
	strange bool
}

// proposes tells whether the edits wait for people. The first commit of a branch does not: there is nothing to merge it to.
func (f found) proposes(want Options) bool {
	return want.ViaPullRequest && f.tree.Head != "" && !f.edits.empty()
}

// look finds the repository and what is remembered of it. Without a record one is the tool's that an interrupted run has only
// begun, or has finished just so; that there is another one is an error. One that is archived is nobody's to write to.
func look(ctx context.Context, host scm.Host, want Options, last Resource, t template) (found, error) {
	at, err := want.path()
	if err != nil {
		return found{}, err
	}
	f := found{there: true}
	f.repo, err = locate(ctx, host, want, last)
	var other *otherError
	switch {
	case errors.As(err, &other):
		// The one that is remembered is gone, and somebody has made another one under its name.
		f.repo, last = other.repo, Resource{}
	case errors.Is(err, plugins.ErrNotFound):
		f.there, f.repo, last = false, scm.Repository{Path: at, Empty: true}, Resource{}
	case err != nil:
		return found{}, err
	}
	files, err := t.render(want, f.repo)
	if err != nil {
		return found{}, err
	}
	var written known
	if written, f.tree, err = survey(ctx, host, f.repo, want.branch(), paths(files), paths(last.Files)); err != nil {
		return found{}, err
	}
	switch {
	case !f.there:
	case last.ID == f.repo.ID:
		f.known = last.remembered()
	case f.repo.Description == beginning(at), f.repo.Archived, want.finished(f.repo, written, f.tree, files, t):
		f.known = written
	case !want.Adopt:
		return found{}, foreign(f.repo, written)
	default:
		f.known = written
		f.known.Adopted = true
	}
	f.known.Repository = f.repo.ID
	f.edits = reconcile(files, f.tree.Blobs, f.known.Files, written.Files)
	if f.strange = f.known.Adopted && f.known.Template.Source == "" && !want.Adopt; f.strange {
		f.edits.put = nil
	}
	return f, nil
}

// write makes the edits, in one commit or one proposal, and returns what is to be remembered.
func (f found) write(ctx context.Context, host scm.Host, want Options, last Resource, t template) (known, Status, error) {
	k, status := f.known, Status{LeftAlone: f.edits.left}
	k.Template, k.Files = t.origin, f.edits.after
	if f.strange {
		k.Template, k.Files = Origin{}, f.edits.kept
	}
	if f.edits.empty() {
		if last.Status.Proposal != "" {
			// What it proposes is there, or is not wanted any more.
			if err := host.Withdraw(ctx, f.repo.Path, proposalBranch, want.branch()); err != nil {
				return known{}, Status{}, err
			}
		}
		return k, status, nil
	}
	manifest, err := k.manifest()
	if err != nil {
		return known{}, Status{}, err
	}
	change := scm.Change{
		Base: f.tree.Head, Message: f.message(t), Put: map[string]scm.File{manifestFile: manifest}, Remove: f.edits.remove,
	}
	for path, file := range f.edits.put {
		change.Put[path] = file
	}
	count := amount(len(f.edits.put) + len(f.edits.remove))
	if !f.proposes(want) {
		plugins.Report(ctx, fmt.Sprintf("writing %s to %s", count, want.branch()))
		_, err := host.Commit(ctx, f.repo.Path, want.branch(), change)
		return k, status, withoutCI(want, err)
	}
	plugins.Report(ctx, fmt.Sprintf("proposing %s for %s", count, want.branch()))
	proposal, err := host.Propose(ctx, f.repo.Path, proposalBranch, want.branch(), change)
	if err != nil {
		return known{}, Status{}, withoutCI(want, err)
	}
	status.Proposal = proposal.WebURL
	// Until it is merged, what is there is what counts.
	k.Files = f.edits.kept
	return k, status, nil
}

// withoutCI tells who has a token that may write all but workflows what else there is to do.
func withoutCI(want Options, err error) error {
	var hinted interface{ Hint() string }
	if want.Template == "" && errors.As(err, &hinted) && strings.Contains(hinted.Hint(), ".github/workflows") {
		return plugins.Hinted(err, hinted.Hint()+"; `ci: none` leaves the workflow out")
	}
	return err
}

// amount is a number of files for people.
func amount(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

func (f found) message(t template) string {
	subject := "Scaffold the service"
	if len(f.known.Files) > 0 {
		subject = "Bring the scaffold up to date"
	}
	return subject + "\n\nMade by dtm from the template " + t.origin.String() + ".\n"
}
