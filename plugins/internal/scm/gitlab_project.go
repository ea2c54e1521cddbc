package scm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/devstream-io/dtm/plugins"
)

// Repository is Repositories.Repository.
func (g *gitLab) Repository(ctx context.Context, path Path) (Repository, error) {
	found, err := g.find(ctx, path)
	if err != nil {
		return Repository{}, err
	}
	return g.describe(found), nil
}

// find asks GitLab for a project, whatever it is called today. One that is only kept until it is deleted for good is none.
func (g *gitLab) find(ctx context.Context, path Path) (*gitlab.Project, error) {
	if err := checkGitLab(path); err != nil {
		return nil, err
	}
	what := "look at project " + path.String()
	found, _, err := g.client.Projects.GetProject(path.String(), nil, gitlab.WithContext(ctx))
	if err == nil {
		err = wholeProject(found)
	}
	if err != nil {
		return nil, g.failed(what, err)
	}
	if condemned(found) {
		return nil, &also{plugins.Hinted(
			fmt.Errorf("%s on %s: it is marked for deletion", what, g.host),
			"GitLab deletes it in some days; until then it can be restored there",
		), plugins.ErrNotFound}
	}
	return found, nil
}

func condemned(p *gitlab.Project) bool { return p != nil && p.MarkedForDeletionOn != nil }

func wholeProject(p *gitlab.Project) error {
	if p == nil || p.ID == 0 || p.Path == "" || p.Namespace == nil || p.Namespace.FullPath == "" {
		return errPartial
	}
	return nil
}

func (g *gitLab) describe(p *gitlab.Project) Repository {
	r := Repository{
		ID:       p.ID,
		Path:     Path{Owner: p.Namespace.FullPath, Name: p.Path},
		Settings: Settings{Description: p.Description, Visibility: Visibility(p.Visibility)},
		OrgOwned: p.Namespace.Kind == "group",
		Archived: p.Archived,
		Empty:    p.EmptyRepo,
		WebURL:   p.WebURL, CloneURL: p.HTTPURLToRepo, SSHURL: p.SSHURLToRepo,
	}
	if !p.EmptyRepo {
		r.DefaultBranch = p.DefaultBranch
	}
	return r
}

const (
	// firstLook and longestLook are how long to wait before GitLab is asked again whether it is done with something.
	firstLook   = 100 * time.Millisecond
	longestLook = 5 * time.Second
	// looks are then a little more than a minute in all.
	looks = 18
)

// Create is Repositories.Create. The name of a project that is being deleted is waited for.
func (g *gitLab) Create(ctx context.Context, path Path, with Settings) (Repository, error) {
	if err := checkGitLab(path); err != nil {
		return Repository{}, err
	}
	owner, err := g.namespace(ctx, path)
	if err != nil {
		return Repository{}, err
	}
	wish := &gitlab.CreateProjectOptions{Name: &path.Name, Path: &path.Name, NamespaceID: &owner.ID}
	if with.Description != "" {
		wish.Description = &with.Description
	}
	if with.Visibility != "" {
		wish.Visibility = gitlab.Ptr(gitlab.VisibilityValue(with.Visibility))
	}
	what := "create project " + path.String()
	for look, wait := 0, firstLook; ; look, wait = look+1, min(2*wait, longestLook) {
		made, _, err := g.client.Projects.CreateProject(wish, gitlab.WithContext(ctx))
		if err == nil {
			err = wholeProject(made)
		}
		switch {
		case gitLabTells(err, "still being deleted") && look < looks:
			plugins.Report(ctx, fmt.Sprintf("waiting for %s to delete the old project %s", g.host, path))
			if err := sleep(ctx, wait); err != nil {
				return Repository{}, err
			}
			continue
		case gitLabTells(err, "still being deleted"):
			return Repository{}, plugins.Retryable(g.failed(what, err), longestLook)
		case gitLabTells(err, "already been taken"):
			return Repository{}, &also{g.failed(what, err), ErrExists}
		case err != nil:
			return Repository{}, g.failed(what, err)
		}
		return g.describe(made), nil
	}
}

func (g *gitLab) namespace(ctx context.Context, path Path) (*gitlab.Namespace, error) {
	what := "look at the owner of " + path.String()
	owner, _, err := g.client.Namespaces.GetNamespace(path.Owner, gitlab.WithContext(ctx))
	switch {
	case gitLabSays(err, http.StatusNotFound):
		return nil, plugins.Hinted(g.failed(what, err), fmt.Sprintf("there must be a group %s that the user of the token is a member of, or the token must be of a user %[1]s", path.Owner))
	case err == nil && (owner == nil || owner.ID == 0):
		err = errPartial
	}
	if err != nil {
		return nil, g.failed(what, err)
	}
	return owner, nil
}

// Configure is Repositories.Configure.
func (g *gitLab) Configure(ctx context.Context, path Path, with Settings) (Repository, error) {
	found, err := g.find(ctx, path)
	if err != nil {
		return Repository{}, err
	}
	change, changes := &gitlab.EditProjectOptions{}, []string(nil)
	if with.Description != "" && with.Description != found.Description {
		change.Description, changes = &with.Description, append(changes, "description")
	}
	if with.Visibility != "" && with.Visibility != Visibility(found.Visibility) {
		change.Visibility, changes = gitlab.Ptr(gitlab.VisibilityValue(with.Visibility)), append(changes, "visibility")
	}
	if with.DefaultBranch != "" && (found.EmptyRepo || with.DefaultBranch != found.DefaultBranch) {
		head, err := gitLabRepo{g, found.ID, path}.head(ctx, with.DefaultBranch)
		if err != nil {
			return Repository{}, err
		}
		if head != "" {
			change.DefaultBranch, changes = &with.DefaultBranch, append(changes, "default branch")
		}
	}
	if len(changes) == 0 {
		return g.describe(found), nil
	}
	what := fmt.Sprintf("change %s of project %s", strings.Join(changes, " and "), path)
	changed, _, err := g.client.Projects.EditProject(found.ID, change, gitlab.WithContext(ctx))
	if err == nil {
		err = wholeProject(changed)
	}
	if err != nil {
		return Repository{}, g.failed(what, err)
	}
	return g.describe(changed), nil
}

// Archive is Repositories.Archive.
func (g *gitLab) Archive(ctx context.Context, path Path) error {
	found, err := g.find(ctx, path)
	if err != nil || found.Archived {
		return err
	}
	if _, _, err := g.client.Projects.ArchiveProject(found.ID, gitlab.WithContext(ctx)); err != nil {
		return g.failed("archive project "+path.String(), err)
	}
	return nil
}

// Delete is Repositories.Delete. GitLab says yes before it begins: Delete returns when the project is gone, or when it is
// marked for deletion, where an administrator has chosen that it can be restored for some days.
func (g *gitLab) Delete(ctx context.Context, path Path) error {
	found, err := g.find(ctx, path)
	if errors.Is(err, plugins.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	what := "delete project " + path.String()
	switch _, err := g.client.Projects.DeleteProject(found.ID, nil, gitlab.WithContext(ctx)); {
	case gitLabSays(err, http.StatusNotFound):
		return nil // somebody was faster
	case err != nil:
		return g.failed(what, err)
	}
	for look, wait := 0, firstLook; look <= looks; look, wait = look+1, min(2*wait, longestLook) {
		left, _, err := g.client.Projects.GetProject(found.ID, nil, gitlab.WithContext(ctx))
		switch {
		case gitLabSays(err, http.StatusNotFound):
			return nil
		case err != nil:
			return g.failed(what, err)
		case condemned(left):
			plugins.Report(ctx, fmt.Sprintf("%s keeps %s until %s, so that it can be restored", g.host, path, left.MarkedForDeletionOn))
			return nil
		}
		plugins.Report(ctx, fmt.Sprintf("waiting for %s to delete project %s", g.host, path))
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
	return plugins.Retryable(fmt.Errorf("%s: %s has accepted it, and it is still there", what, g.host), longestLook)
}
