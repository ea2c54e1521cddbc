package scm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-github/v45/github"

	"github.com/devstream-io/dtm/plugins"
)

// Propose is Proposals.Propose. Where base has the change already there is nothing to propose: then it returns the pull
// request that was merged, or that base is merged, without a number.
func (g *gitHub) Propose(ctx context.Context, path Path, from, base string, change Change) (Proposal, error) {
	if err := checkProposal(from, base, change); err != nil {
		return Proposal{}, err
	}
	head, _, err := g.head(ctx, path, base)
	switch {
	case err != nil:
		return Proposal{}, err
	case head != change.Base:
		return Proposal{}, changed(path, base, head)
	case head == "":
		return Proposal{}, &also{plugins.Hinted(fmt.Errorf("branch %s of %s is not there", base, path), "make it first: there is nothing to merge into"), plugins.ErrNotFound}
	}
	on, err := g.commit(ctx, path, head)
	if err != nil {
		return Proposal{}, err
	}
	tree, err := g.grow(ctx, path, on.GetTree().GetSHA(), change)
	if err != nil {
		return Proposal{}, err
	}
	open, err := g.pull(ctx, path, from, base, "open")
	if err != nil {
		return Proposal{}, err
	}
	if tree == on.GetTree().GetSHA() {
		return g.proposedBefore(ctx, path, from, base, open, head)
	}
	commit, err := g.bring(ctx, path, from, on, tree, change.Message)
	if err != nil {
		return Proposal{}, err
	}
	if open, err = g.request(ctx, path, from, base, open, change.Message); err != nil {
		return Proposal{}, err
	}
	p := proposal(open)
	p.Commit = commit
	return p, nil
}

func checkProposal(from, base string, change Change) error {
	if from == base {
		return fmt.Errorf("branch %s cannot be merged into itself", base)
	}
	for _, branch := range []string{from, base} {
		if err := checkBranch(branch); err != nil {
			return err
		}
	}
	return checkChange(change)
}

// proposedBefore is what there is to say where base, at head, has the change.
func (g *gitHub) proposedBefore(ctx context.Context, path Path, from, base string, open *github.PullRequest, head string) (Proposal, error) {
	if open != nil {
		return proposal(open), nil
	}
	closed, err := g.pull(ctx, path, from, base, "closed")
	if err != nil {
		return Proposal{}, err
	}
	if closed != nil && closed.MergedAt != nil {
		return proposal(closed), nil
	}
	return Proposal{Commit: head, Merged: true}, nil
}

// bring makes a branch one commit on top of another, which it may be already.
func (g *gitHub) bring(ctx context.Context, path Path, branch string, on *github.Commit, tree, message string) (string, error) {
	head, _, err := g.head(ctx, path, branch)
	if err != nil {
		return "", err
	}
	if head != "" {
		at, err := g.commit(ctx, path, head)
		if err != nil {
			return "", err
		}
		same := at.GetTree().GetSHA() == tree && strings.TrimSpace(at.GetMessage()) == strings.TrimSpace(message)
		if same && len(at.Parents) == 1 && at.Parents[0].GetSHA() == on.GetSHA() {
			return head, nil
		}
	}
	made, err := g.record(ctx, path, message, tree, on.GetSHA())
	if err != nil {
		return "", err
	}
	return made, g.move(ctx, path, branch, head, made, true)
}

// request opens a pull request, or makes the one that is open say what it is to say.
func (g *gitHub) request(ctx context.Context, path Path, from, base string, open *github.PullRequest, message string) (*github.PullRequest, error) {
	title, body, _ := strings.Cut(strings.TrimSpace(message), "\n")
	body = strings.TrimSpace(body)
	if open == nil {
		made, _, err := g.client.PullRequests.Create(ctx, path.Owner, path.Name, &github.NewPullRequest{Title: &title, Head: &from, Base: &base, Body: &body})
		if answered(err, http.StatusUnprocessableEntity) {
			// Somebody else may have opened it meanwhile.
			there, failed := g.pull(ctx, path, from, base, "open")
			if failed == nil && there != nil {
				made, err = there, nil
			}
		}
		what := fmt.Sprintf("propose to merge %s into %s of %s", from, base, path)
		if answered(err, http.StatusNotFound) {
			return nil, g.unwritten(what, err, Change{})
		}
		return g.wholePull(what, made, err)
	}
	if open.GetTitle() == title && strings.TrimSpace(open.GetBody()) == body {
		return open, nil
	}
	edited, _, err := g.client.PullRequests.Edit(ctx, path.Owner, path.Name, open.GetNumber(), &github.PullRequest{Title: &title, Body: &body})
	return g.wholePull(fmt.Sprintf("change pull request %d of %s", open.GetNumber(), path), edited, err)
}

func (g *gitHub) wholePull(what string, pull *github.PullRequest, err error) (*github.PullRequest, error) {
	if err == nil && pull.GetNumber() == 0 {
		err = errPartial
	}
	if err != nil {
		return nil, g.failed(what, err)
	}
	return pull, nil
}

// pull is the newest pull request between two branches in a state, nil if there is none.
func (g *gitHub) pull(ctx context.Context, path Path, from, base, state string) (*github.PullRequest, error) {
	found, err := g.pullOf(ctx, path, path.Owner, from, base, state)
	if err != nil || found != nil {
		return found, err
	}
	// The branch is known by its owner's name, which may be another one today.
	today, err := g.find(ctx, path)
	if err != nil || strings.EqualFold(today.GetOwner().GetLogin(), path.Owner) {
		return nil, err
	}
	return g.pullOf(ctx, path, today.GetOwner().GetLogin(), from, base, state)
}

func (g *gitHub) pullOf(ctx context.Context, path Path, owner, from, base, state string) (*github.PullRequest, error) {
	o := &github.PullRequestListOptions{
		State: state, Head: owner + ":" + from, Base: base, Sort: "created", Direction: "desc",
		ListOptions: github.ListOptions{PerPage: 100},
	}
	for {
		pulls, response, err := g.client.PullRequests.List(ctx, path.Owner, path.Name, o)
		if err != nil {
			return nil, g.failed("look at the pull requests of "+path.String(), err)
		}
		// A filter that GitHub does not understand it leaves out.
		if i := slices.IndexFunc(pulls, func(p *github.PullRequest) bool {
			own := p.GetHead().GetRepo().GetID() == p.GetBase().GetRepo().GetID() // and not of a fork
			return own && p.GetHead().GetRef() == from && p.GetBase().GetRef() == base
		}); i >= 0 {
			return g.wholePull("look at the pull requests of "+path.String(), pulls[i], nil)
		}
		if response.NextPage == 0 {
			return nil, nil
		}
		o.Page = response.NextPage
	}
}

func proposal(p *github.PullRequest) Proposal {
	return Proposal{Number: p.GetNumber(), WebURL: p.GetHTMLURL(), Commit: p.GetHead().GetSHA(), Merged: p.MergedAt != nil || p.GetMerged()}
}

// Proposed is Proposals.Proposed.
func (g *gitHub) Proposed(ctx context.Context, path Path, from, base string) (Proposal, error) {
	for _, err := range []error{checkGitHub(path), checkBranch(from), checkBranch(base)} {
		if err != nil {
			return Proposal{}, err
		}
	}
	open, err := g.pull(ctx, path, from, base, "open")
	switch {
	case err != nil:
		return Proposal{}, err
	case open == nil:
		return Proposal{}, fmt.Errorf("a pull request of %s from %s to %s: %w", path, from, base, plugins.ErrNotFound)
	}
	return proposal(open), nil
}

// Withdraw is Proposals.Withdraw.
func (g *gitHub) Withdraw(ctx context.Context, path Path, from, base string) error {
	for _, err := range []error{checkGitHub(path), checkProposal(from, base, Change{})} {
		if err != nil {
			return err
		}
	}
	open, err := g.pull(ctx, path, from, base, "open")
	switch {
	case errors.Is(err, plugins.ErrNotFound):
		return nil
	case err != nil:
		return err
	case open != nil:
		_, _, err := g.client.PullRequests.Edit(ctx, path.Owner, path.Name, open.GetNumber(), &github.PullRequest{State: github.String("closed")})
		if err != nil {
			return g.failed(fmt.Sprintf("close pull request %d of %s", open.GetNumber(), path), err)
		}
	}
	return g.removeBranch(ctx, path, from)
}

// removeBranch removes a branch. That it is gone is no error.
func (g *gitHub) removeBranch(ctx context.Context, path Path, branch string) error {
	head, _, err := g.head(ctx, path, branch)
	if err != nil || head == "" {
		return err
	}
	return g.deleteBranch(ctx, path, branch)
}

func (g *gitHub) deleteBranch(ctx context.Context, path Path, branch string) error {
	_, err := g.client.Git.DeleteRef(ctx, path.Owner, path.Name, "heads/"+branch)
	if err == nil {
		return nil
	}
	told := g.failed(fmt.Sprintf("remove branch %s of %s", branch, path), err)
	if answered(err, http.StatusUnprocessableEntity, http.StatusNotFound) {
		// GitHub says so of one that is gone, too, and of one that the token may not remove.
		if head, _, err := g.head(ctx, path, branch); err == nil && head == "" {
			return nil
		}
	}
	return told
}
