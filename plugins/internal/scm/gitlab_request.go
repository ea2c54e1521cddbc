package scm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/devstream-io/dtm/plugins"
)

// Propose is Proposals.Propose. The branch is made, or made anew, with the commit: nobody sees it without. Where base has the
// change already there is nothing to propose: then it returns the merge request that was merged, or that base is merged,
// without a number.
func (g *gitLab) Propose(ctx context.Context, path Path, from, base string, change Change) (Proposal, error) {
	if err := checkProposal(from, base, change); err != nil {
		return Proposal{}, err
	}
	project, err := g.find(ctx, path)
	if err != nil {
		return Proposal{}, err
	}
	repo := gitLabRepo{g, project.ID, path}
	head, err := repo.head(ctx, base)
	switch {
	case err != nil:
		return Proposal{}, err
	case head != change.Base:
		return Proposal{}, changed(path, base, head)
	case head == "":
		return Proposal{}, &also{plugins.Hinted(fmt.Errorf("branch %s of %s is not there", base, path), "make it first: there is nothing to merge into"), plugins.ErrNotFound}
	}
	actions, err := repo.actions(ctx, head, change)
	if err != nil {
		return Proposal{}, err
	}
	open, err := repo.request(ctx, from, base, "opened")
	if err != nil {
		return Proposal{}, err
	}
	if len(actions) == 0 {
		return repo.proposedBefore(ctx, from, base, open, head)
	}
	commit, err := repo.bring(ctx, from, head, change, actions)
	if err != nil {
		return Proposal{}, err
	}
	if open, err = repo.ask(ctx, from, base, open, change.Message); err != nil {
		return Proposal{}, err
	}
	p := proposalOf(open)
	p.Commit = commit // it may take a moment until the request shows it
	return p, nil
}

// proposedBefore is what there is to say where base, at head, has the change.
func (r gitLabRepo) proposedBefore(ctx context.Context, from, base string, open *gitlab.BasicMergeRequest, head string) (Proposal, error) {
	if open != nil {
		return proposalOf(open), nil
	}
	merged, err := r.request(ctx, from, base, "merged")
	if err != nil {
		return Proposal{}, err
	}
	if merged != nil {
		return proposalOf(merged), nil
	}
	return Proposal{Commit: head, Merged: true}, nil
}

// bring makes a branch one commit on top of another, base, which it may be already.
func (r gitLabRepo) bring(ctx context.Context, branch, base string, change Change, actions []*gitlab.CommitActionOptions) (string, error) {
	have, err := r.last(ctx, branch)
	if err != nil {
		return "", err
	}
	if slices.Equal(have.ParentIDs, []string{base}) && strings.TrimSpace(have.Message) == strings.TrimSpace(change.Message) {
		missing, err := r.actions(ctx, have.ID, change)
		if err != nil || len(missing) == 0 {
			return have.ID, err
		}
	}
	return r.record(ctx, &gitlab.CreateCommitOptions{
		Branch: &branch, StartSHA: &base, Force: gitlab.Ptr(true), CommitMessage: &change.Message, Actions: actions,
	})
}

// ask opens a merge request, or makes the one that is open say what it is to say.
func (r gitLabRepo) ask(ctx context.Context, from, base string, open *gitlab.BasicMergeRequest, message string) (*gitlab.BasicMergeRequest, error) {
	title, text, _ := strings.Cut(strings.TrimSpace(message), "\n")
	text = strings.TrimSpace(text)
	what := fmt.Sprintf("propose to merge %s into %s of %s", from, base, r.path)
	if open == nil {
		made, _, err := r.client.MergeRequests.CreateMergeRequest(r.id, &gitlab.CreateMergeRequestOptions{
			Title: &title, Description: &text, SourceBranch: &from, TargetBranch: &base, RemoveSourceBranch: gitlab.Ptr(true),
		}, gitlab.WithContext(ctx))
		if gitLabSays(err, http.StatusConflict) {
			// Somebody else may have opened it meanwhile.
			there, failed := r.request(ctx, from, base, "opened")
			if failed == nil && there != nil {
				return there, nil
			}
		}
		return r.wholeRequest(what, made, err)
	}
	if open.Title == title && strings.TrimSpace(open.Description) == text {
		return open, nil
	}
	edited, _, err := r.client.MergeRequests.UpdateMergeRequest(r.id, open.IID, &gitlab.UpdateMergeRequestOptions{Title: &title, Description: &text}, gitlab.WithContext(ctx))
	return r.wholeRequest(what, edited, err)
}

func (g *gitLab) wholeRequest(what string, r *gitlab.MergeRequest, err error) (*gitlab.BasicMergeRequest, error) {
	if err == nil && (r == nil || r.IID == 0) {
		err = errPartial
	}
	if err != nil {
		return nil, g.failed(what, err)
	}
	return &r.BasicMergeRequest, nil
}

func proposalOf(r *gitlab.BasicMergeRequest) Proposal {
	return Proposal{Number: int(r.IID), WebURL: r.WebURL, Commit: r.SHA, Merged: r.State == "merged"}
}

// request is the newest request to merge from into base in a state, nil if there is none.
func (r gitLabRepo) request(ctx context.Context, from, base, state string) (*gitlab.BasicMergeRequest, error) {
	what := fmt.Sprintf("look for a request to merge %s into %s of %s", from, base, r.path)
	options := []gitlab.RequestOptionFunc{gitlab.WithContext(ctx)}
	for range maxPages {
		// The client's own function for it panics if there is a null in the list.
		ask, err := r.client.NewRequest(http.MethodGet, "projects/"+gitlab.PathEscape(fmt.Sprint(r.id))+"/merge_requests", &gitlab.ListProjectMergeRequestsOptions{
			ListOptions: gitlab.ListOptions{PerPage: pageSize}, State: &state, SourceBranch: &from, TargetBranch: &base,
		}, options)
		if err != nil {
			return nil, r.failed(what, err)
		}
		var found []*gitlab.BasicMergeRequest
		response, err := r.client.Do(ask, &found)
		if err != nil {
			return nil, r.failed(what, err)
		}
		for _, m := range found {
			if m == nil || m.IID == 0 {
				return nil, r.failed(what, errPartial)
			}
			// Forks may have a branch of that name, too, and there may be many of them.
			if m.SourceProjectID == m.TargetProjectID && m.SourceBranch == from && m.TargetBranch == base {
				return m, nil
			}
		}
		next, more := gitlab.WithNext(response)
		if !more {
			break
		}
		options = []gitlab.RequestOptionFunc{gitlab.WithContext(ctx), next}
	}
	return nil, nil
}

// Proposed is Proposals.Proposed.
func (g *gitLab) Proposed(ctx context.Context, path Path, from, base string) (Proposal, error) {
	if err := checkGitLab(path); err != nil {
		return Proposal{}, err
	}
	open, err := gitLabRepo{g, path.String(), path}.request(ctx, from, base, "opened")
	if err != nil {
		return Proposal{}, err
	}
	if open == nil {
		return Proposal{}, &also{fmt.Errorf("there is no open request to merge %s into %s of %s", from, base, path), plugins.ErrNotFound}
	}
	return proposalOf(open), nil
}

// Withdraw is Proposals.Withdraw.
func (g *gitLab) Withdraw(ctx context.Context, path Path, from, base string) error {
	if err := checkProposal(from, base, Change{}); err != nil {
		return err
	}
	project, err := g.find(ctx, path)
	if errors.Is(err, plugins.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	open, err := gitLabRepo{g, project.ID, path}.request(ctx, from, base, "opened")
	if err != nil {
		return err
	}
	if open != nil {
		_, _, err := g.client.MergeRequests.UpdateMergeRequest(project.ID, open.IID, &gitlab.UpdateMergeRequestOptions{StateEvent: gitlab.Ptr("close")}, gitlab.WithContext(ctx))
		if err != nil {
			return g.failed(fmt.Sprintf("close the request to merge %s into %s of %s", from, base, path), err)
		}
	}
	if _, err := g.client.Branches.DeleteBranch(project.ID, from, gitlab.WithContext(ctx)); err != nil && !gitLabSays(err, http.StatusNotFound) {
		return g.failed(fmt.Sprintf("remove branch %s of %s", from, path), err)
	}
	return nil
}
