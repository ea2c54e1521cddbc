package scm

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

// Commit is Files.Commit.
//
// GitLab knows no "only if the branch is there". What comes closest is that of each file which is changed or removed it is
// told the last commit that is known, and refuses if there is another one; and that a new branch begins at a commit and not
// at a branch. So a commit of somebody else between the last look and this one stays, and no file of it is changed unseen.
func (g *gitLab) Commit(ctx context.Context, path Path, branch string, change Change) (string, error) {
	for _, err := range []error{checkChange(change), checkBranch(branch)} {
		if err != nil {
			return "", err
		}
	}
	project, err := g.find(ctx, path)
	if err != nil {
		return "", err
	}
	repo := gitLabRepo{g, project.ID, path}
	head, err := repo.head(ctx, branch)
	switch {
	case err != nil:
		return "", err
	case head != change.Base:
		return "", changed(path, branch, head)
	}
	from := head
	if head == "" && !project.EmptyRepo {
		if from, err = repo.head(ctx, project.DefaultBranch); err != nil {
			return "", err
		}
	}
	actions, err := repo.actions(ctx, from, change)
	if err != nil {
		return "", err
	}
	wish := &gitlab.CreateCommitOptions{Branch: &branch, CommitMessage: &change.Message, Actions: actions}
	switch {
	case len(actions) == 0 && head == "" && from != "":
		return repo.branchOff(ctx, branch, from)
	case len(actions) == 0:
		return head, nil
	case head == "" && from != "":
		wish.StartSHA = &from
	default:
		if err := repo.guard(ctx, from, actions); err != nil {
			return "", err
		}
	}
	made, err := repo.record(ctx, wish)
	if gitLabSays(err, http.StatusBadRequest, http.StatusConflict) {
		if now, failed := repo.head(ctx, branch); failed == nil && now != head {
			return "", changed(path, branch, now)
		}
	}
	return made, err
}

// record makes a commit.
func (r gitLabRepo) record(ctx context.Context, wish *gitlab.CreateCommitOptions) (string, error) {
	wish.Stats = gitlab.Ptr(false)
	made, _, err := r.client.Commits.CreateCommit(r.id, wish, gitlab.WithContext(ctx))
	if err == nil && (made == nil || made.ID == "") {
		err = errPartial
	}
	if err != nil {
		return "", r.failed(fmt.Sprintf("commit to branch %s of %s", *wish.Branch, r.path), err)
	}
	return made.ID, nil
}

// branchOff makes a branch that is not there yet, at a commit that is.
func (r gitLabRepo) branchOff(ctx context.Context, branch, from string) (string, error) {
	_, _, err := r.client.Branches.CreateBranch(r.id, &gitlab.CreateBranchOptions{Branch: &branch, Ref: &from}, gitlab.WithContext(ctx))
	if gitLabTells(err, "already exists") {
		return "", changed(r.path, branch, "")
	}
	if err != nil {
		return "", r.failed(fmt.Sprintf("make branch %s of %s", branch, r.path), err)
	}
	return from, nil
}

// actions are what GitLab has to do to a commit, "" for none, so that a change is made. What is so already is left out.
func (r gitLabRepo) actions(ctx context.Context, commit string, change Change) ([]*gitlab.CommitActionOptions, error) {
	have := map[string]entry{}
	if commit != "" {
		var err error
		if have, err = r.entries(ctx, commit, slices.Concat(slices.Collect(maps.Keys(change.Put)), change.Remove)); err != nil {
			return nil, err
		}
	}
	if err := blocked(r.path, have, change); err != nil {
		return nil, err
	}
	var actions []*gitlab.CommitActionOptions
	// What goes is first, so that a folder can take the name of a file.
	for _, file := range slices.Compact(slices.Sorted(slices.Values(change.Remove))) {
		if have[file].file() {
			actions = append(actions, action(gitlab.FileDelete, file))
		}
	}
	for _, file := range slices.Sorted(maps.Keys(change.Put)) {
		wish := change.Put[file]
		had, there := have[file]
		if !there || had.sha != wish.Blob() {
			kind := gitlab.FileCreate
			if there {
				kind = gitlab.FileUpdate
			}
			put := action(kind, file)
			put.Content, put.Encoding = gitlab.Ptr(base64.StdEncoding.EncodeToString(wish.Content)), gitlab.Ptr("base64")
			actions = append(actions, put)
		}
		if executable := had.mode == executableMode; executable != wish.Executable {
			mode := action(gitlab.FileChmod, file)
			mode.ExecuteFilemode = &wish.Executable
			actions = append(actions, mode)
		}
	}
	return actions, nil
}

func action(kind gitlab.FileActionValue, file string) *gitlab.CommitActionOptions {
	return &gitlab.CommitActionOptions{Action: &kind, FilePath: &file}
}

// guard adds to what changes or removes a file the last commit that did so before, as seen from a commit.
func (r gitLabRepo) guard(ctx context.Context, commit string, actions []*gitlab.CommitActionOptions) error {
	for _, a := range actions {
		if *a.Action != gitlab.FileUpdate && *a.Action != gitlab.FileDelete {
			continue
		}
		about, _, err := r.client.RepositoryFiles.GetFileMetaData(r.id, *a.FilePath, &gitlab.GetFileMetaDataOptions{Ref: &commit}, gitlab.WithContext(ctx))
		if err == nil && (about == nil || about.LastCommitID == "") {
			err = errPartial
		}
		if err != nil {
			return r.failed(fmt.Sprintf("look at %s of %s", *a.FilePath, r.path), err)
		}
		a.LastCommitID = &about.LastCommitID
	}
	return nil
}
