package scaffold

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/devstream-io/dtm/plugins"
)

// Create makes the repository and its first commit. What an interrupted Create left is finished; any other repository of
// that name, another dtm's too, is taken over if that is asked for, and an error otherwise.
func (p plugin) Create(ctx context.Context, want Options) (Resource, error) {
	return p.bring(ctx, want, Options{}, Resource{})
}

// Read looks at the repository, and not at its files: what people make of them is no drift.
func (p plugin) Read(ctx context.Context, want Options, last Resource) (Resource, error) {
	host, err := p.service.Open(ctx, want.BaseURL)
	if err != nil {
		return Resource{}, err
	}
	repo, err := locate(ctx, host, want, last)
	if err != nil {
		return Resource{}, err
	}
	k, status := last.remembered(), last.Status
	if last.ID == 0 {
		if k, _, err = survey(ctx, host, repo, want.branch()); err != nil {
			return Resource{}, err
		}
		if at, err := want.path(); err == nil && k.Repository != repo.ID && repo.Description != beginning(at) {
			k.Adopted = true
		}
	}
	if status.Proposal != "" {
		if _, err := host.Proposed(ctx, repo.Path, proposalBranch, want.branch()); errors.Is(err, plugins.ErrNotFound) {
			status.Proposal = ""
		} else if err != nil {
			return Resource{}, err
		}
	}
	return want.resource(repo, k, status), nil
}

// Update brings the settings and the files that are still dtm's up to date. It makes the repository anew only if that is
// gone, and deletes nothing but files that the template does not have any more and nobody has touched.
func (p plugin) Update(ctx context.Context, want, have Options, last Resource) (Resource, error) {
	return p.bring(ctx, want, have, last)
}

// Delete does to the repository what options.onDelete says. Without a record one stays that the tool has neither begun nor made
// just as the options say: it may be somebody's.
func (p plugin) Delete(ctx context.Context, have Options, last Resource) error {
	if have.OnDelete == onDeleteKeep {
		return ctx.Err()
	}
	host, err := p.service.Open(ctx, have.BaseURL)
	if err != nil {
		return err
	}
	repo, err := locate(ctx, host, have, last)
	if errors.Is(err, plugins.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	at, err := have.path()
	if err != nil {
		return err
	}
	begun := repo.Description == beginning(at)
	if last.ID == 0 && !begun {
		if made, err := p.made(ctx, host, repo, have); err != nil {
			return err
		} else if !made {
			plugins.Report(ctx, fmt.Sprintf("%s was not made by this tool, as far as anybody can tell, and stays", repo.Path))
			return nil
		}
	}
	if have.OnDelete == onDeleteDelete || begun && repo.Empty {
		return host.Delete(ctx, repo.Path)
	}
	if have.ViaPullRequest && !repo.Archived {
		if err := host.Withdraw(ctx, repo.Path, proposalBranch, have.branch()); err != nil {
			return err
		}
	}
	return host.Archive(ctx, repo.Path)
}

// Preview tells which files would be put, changed and removed, and which are left alone.
func (p plugin) Preview(ctx context.Context, want, _ Options, last Resource) (plugins.Preview, error) {
	host, err := p.service.Open(ctx, want.BaseURL)
	if err != nil {
		return plugins.Preview{}, err
	}
	t, err := p.templates.load(ctx, want)
	if err != nil {
		return plugins.Preview{}, err
	}
	f, err := look(ctx, host, want, last, t)
	if err != nil {
		return plugins.Preview{}, err
	}
	if f.repo.Archived {
		told := &archivedError{f.repo, last.ID == f.repo.ID}
		return plugins.Preview{Notes: []string{told.Error() + ": " + told.Hint()}}, nil
	}
	preview := plugins.Preview{Parts: f.edits.parts()}
	if !f.edits.empty() {
		preview.Settled = []plugins.Fact{{Name: "template", Value: t.origin.String()}}
	}
	if !f.there {
		preview.Parts = append([]plugins.Part{{Action: plugins.PartCreate, Name: "repository " + f.repo.Path.String()}}, preview.Parts...)
	}
	if len(f.edits.left) > 0 {
		preview.Notes = append(preview.Notes, "left alone, for they are not as dtm wrote them: "+strings.Join(f.edits.left, ", "))
	}
	if f.proposes(want) {
		preview.Notes = append(preview.Notes, "the files are proposed, and not changed before somebody merges that")
	}
	return preview, nil
}
