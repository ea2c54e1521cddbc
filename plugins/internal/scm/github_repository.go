package scm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v45/github"

	"github.com/devstream-io/dtm/plugins"
)

// Repository is Repositories.Repository.
func (g *gitHub) Repository(ctx context.Context, path Path) (Repository, error) {
	found, err := g.find(ctx, path)
	if err != nil {
		return Repository{}, err
	}
	return g.describe(ctx, found)
}

// find asks GitHub for a repository, whatever it is called today.
func (g *gitHub) find(ctx context.Context, path Path) (*github.Repository, error) {
	if err := checkGitHub(path); err != nil {
		return nil, err
	}
	found, _, err := g.client.Repositories.Get(ctx, path.Owner, path.Name)
	if err == nil {
		err = wholeRepository(found)
	}
	if err != nil {
		return nil, g.failed("look at repository "+path.String(), err)
	}
	return found, nil
}

func wholeRepository(r *github.Repository) error {
	if r.GetID() == 0 || r.GetName() == "" || r.GetOwner().GetLogin() == "" {
		return errPartial
	}
	return nil
}

func gitHubPath(r *github.Repository) Path { return Path{r.GetOwner().GetLogin(), r.GetName()} }

// describe adds to what GitHub says of a repository whether it has a commit, which it does not say.
func (g *gitHub) describe(ctx context.Context, r *github.Repository) (Repository, error) {
	path, described := gitHubPath(r), described(r)
	_, _, err := g.client.Git.GetRef(ctx, path.Owner, path.Name, "heads/"+r.GetDefaultBranch())
	switch {
	case noCommit(err):
	case err == nil, answered(err, http.StatusNotFound):
		described.Empty, described.DefaultBranch = false, r.GetDefaultBranch()
	default:
		return Repository{}, g.failed("look at repository "+path.String(), err)
	}
	return described, nil
}

// described is a repository without any commit.
func described(r *github.Repository) Repository {
	return Repository{
		ID: r.GetID(), Path: gitHubPath(r),
		Settings: Settings{Description: r.GetDescription(), Visibility: visibilityOf(r)},
		OrgOwned: r.GetOwner().GetType() == "Organization",
		Archived: r.GetArchived(), Empty: true,
		WebURL: r.GetHTMLURL(), CloneURL: r.GetCloneURL(), SSHURL: r.GetSSHURL(),
	}
}

// visibilityOf is what an older Enterprise server only tells as private or not.
func visibilityOf(r *github.Repository) Visibility {
	switch {
	case r.GetVisibility() != "":
		return Visibility(r.GetVisibility())
	case r.GetPrivate():
		return Private
	}
	return Public
}

// Create is Repositories.Create.
func (g *gitHub) Create(ctx context.Context, path Path, with Settings) (Repository, error) {
	if err := checkGitHub(path); err != nil {
		return Repository{}, err
	}
	wish := &github.Repository{Name: &path.Name, AutoInit: github.Bool(false)}
	if with.Description != "" {
		wish.Description = &with.Description
	}
	org, err := g.organisation(ctx, path)
	switch {
	case err != nil:
		return Repository{}, err
	case with.Visibility == "":
	case org != "":
		wish.Visibility = github.String(string(with.Visibility))
	case with.Visibility == Internal:
		return Repository{}, plugins.Hinted(fmt.Errorf("repository %s cannot be internal: %s is a user", path, path.Owner), "only organisations of an enterprise have internal repositories")
	default:
		wish.Private = github.Bool(with.Visibility != Public)
	}
	what := "create repository " + path.String()
	made, _, err := g.client.Repositories.Create(ctx, org, wish)
	if err == nil {
		err = wholeRepository(made)
	}
	switch {
	case taken(err):
		return Repository{}, &also{g.failed(what, err), ErrExists}
	case err != nil:
		return Repository{}, g.unwritten(what, err, Change{})
	}
	return described(made), nil
}

// organisation is what to make a repository in, "" for the user that the token is of.
func (g *gitHub) organisation(ctx context.Context, path Path) (string, error) {
	what := "look at the owner of " + path.String()
	owner, _, err := g.client.Users.Get(ctx, path.Owner)
	switch {
	case answered(err, http.StatusNotFound):
		return "", plugins.Hinted(g.failed(what, err), "there must be a user or an organisation "+path.Owner)
	case err != nil:
		return "", g.failed(what, err)
	case owner.GetType() == "Organization":
		return owner.GetLogin(), nil
	}
	self, _, err := g.client.Users.Get(ctx, "")
	if err != nil {
		return "", g.failed("look at whose the token is", err)
	}
	if !strings.EqualFold(self.GetLogin(), path.Owner) {
		return "", plugins.Hinted(
			fmt.Errorf("create repository %s: %s is a user, and the token is of %s", path, path.Owner, self.GetLogin()),
			"a token makes repositories for its own user and for organisations",
		)
	}
	return "", nil
}

// taken tells whether a repository could not be made for there is one.
func taken(err error) bool {
	var answer *github.ErrorResponse
	if !errors.As(err, &answer) || answer.Response.StatusCode != http.StatusUnprocessableEntity {
		return false
	}
	for _, detail := range answer.Errors {
		if detail.Code == "already_exists" || strings.Contains(detail.Message, "already exists") {
			return true
		}
	}
	return false
}

// Configure is Repositories.Configure.
func (g *gitHub) Configure(ctx context.Context, path Path, with Settings) (Repository, error) {
	found, err := g.find(ctx, path)
	if err != nil {
		return Repository{}, err
	}
	path = gitHubPath(found)
	change, changes := &github.Repository{}, []string(nil)
	if with.Description != "" && with.Description != found.GetDescription() {
		change.Description, changes = &with.Description, append(changes, "description")
	}
	if with.Visibility != "" && with.Visibility != visibilityOf(found) {
		change.Visibility, changes = github.String(string(with.Visibility)), append(changes, "visibility")
	}
	if with.DefaultBranch != "" && with.DefaultBranch != found.GetDefaultBranch() {
		head, _, err := g.head(ctx, path, with.DefaultBranch)
		if err != nil {
			return Repository{}, err
		}
		if head != "" {
			change.DefaultBranch, changes = &with.DefaultBranch, append(changes, "default branch")
		}
	}
	if len(changes) == 0 {
		return g.describe(ctx, found)
	}
	what := fmt.Sprintf("change %s of repository %s", strings.Join(changes, " and "), path)
	changed, _, err := g.client.Repositories.Edit(ctx, path.Owner, path.Name, change)
	if err == nil {
		err = wholeRepository(changed)
	}
	if err != nil {
		return Repository{}, g.failed(what, err)
	}
	return g.describe(ctx, changed)
}

// Archive is Repositories.Archive.
func (g *gitHub) Archive(ctx context.Context, path Path) error {
	found, err := g.find(ctx, path)
	if err != nil || found.GetArchived() {
		return err
	}
	path = gitHubPath(found)
	if _, _, err := g.client.Repositories.Edit(ctx, path.Owner, path.Name, &github.Repository{Archived: github.Bool(true)}); err != nil {
		return g.failed("archive repository "+path.String(), err)
	}
	return nil
}

// Delete is Repositories.Delete.
func (g *gitHub) Delete(ctx context.Context, path Path) error {
	if err := checkGitHub(path); err != nil {
		return err
	}
	_, err := g.client.Repositories.Delete(ctx, path.Owner, path.Name)
	if err == nil || answered(err, http.StatusNotFound) {
		return nil
	}
	return g.failed("delete repository "+path.String(), err)
}
