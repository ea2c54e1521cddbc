package scm

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/google/go-github/v45/github"

	"github.com/devstream-io/dtm/plugins"
)

const (
	// inlineLimit is how long a text may be to be sent inside of a tree.
	inlineLimit = 1 << 20
	// treeLimit is how long all of them may be: the answer to what is longer is an error that does not say why.
	treeLimit = 8 << 20
)

// Commit is Files.Commit.
func (g *gitHub) Commit(ctx context.Context, path Path, branch string, change Change) (string, error) {
	if err := checkChange(change); err != nil {
		return "", err
	}
	head, empty, err := g.head(ctx, path, branch)
	switch {
	case err != nil:
		return "", err
	case head != change.Base:
		return "", changed(path, branch, head)
	case empty:
		return g.begin(ctx, path, branch, change)
	case head == "":
		return g.branchOff(ctx, path, branch, change)
	}
	base, err := g.commit(ctx, path, head)
	if err != nil {
		return "", err
	}
	if seeds(base, branch) {
		return g.replace(ctx, path, branch, base, change)
	}
	return g.put(ctx, path, branch, base, change)
}

// put makes a commit on top of base, which a branch is at.
func (g *gitHub) put(ctx context.Context, path Path, branch string, base *github.Commit, change Change) (string, error) {
	tree, err := g.grow(ctx, path, base.GetTree().GetSHA(), change)
	if err != nil || tree == base.GetTree().GetSHA() {
		return base.GetSHA(), err
	}
	made, err := g.record(ctx, path, change.Message, tree, base.GetSHA())
	if err != nil {
		return "", err
	}
	return made, g.move(ctx, path, branch, base.GetSHA(), made, false)
}

// branchOff makes a branch that is not there yet, with a commit on top of the default branch.
func (g *gitHub) branchOff(ctx context.Context, path Path, branch string, change Change) (string, error) {
	found, err := g.find(ctx, path)
	if err != nil {
		return "", err
	}
	from, _, err := g.head(ctx, path, found.GetDefaultBranch())
	if err != nil {
		return "", err
	}
	if from == "" {
		// A commit without a parent would be a history of its own, and never go away.
		return "", g.noDefault(path, found.GetDefaultBranch())
	}
	base, err := g.commit(ctx, path, from)
	if err != nil {
		return "", err
	}
	if seeds(base, branch) {
		return g.beginAt(ctx, path, branch, base, change)
	}
	made := from
	tree, err := g.grow(ctx, path, base.GetTree().GetSHA(), change)
	if err == nil && tree != base.GetTree().GetSHA() {
		made, err = g.record(ctx, path, change.Message, tree, from)
	}
	if err != nil {
		return "", err
	}
	return made, g.move(ctx, path, branch, "", made, false)
}

func (g *gitHub) noDefault(path Path, branch string) error {
	return plugins.Retryable(plugins.Hinted(
		fmt.Errorf("look at repository %s on %s: it has commits, and its default branch %s is not there", path, g.host, branch),
		"make a branch that is there the default one",
	), 0)
}

// grow is the tree that a change makes of another one, "" for none. It is the same one if nothing changes.
func (g *gitHub) grow(ctx context.Context, path Path, base string, change Change) (string, error) {
	have := map[string]entry{}
	if base != "" {
		var err error
		if have, err = g.entries(ctx, path, base, slices.Concat(slices.Collect(maps.Keys(change.Put)), change.Remove)); err != nil {
			return "", err
		}
	}
	if err := blocked(path, have, change); err != nil {
		return "", err
	}
	inline := 0
	var entries []*github.TreeEntry
	for _, file := range slices.Sorted(maps.Keys(change.Put)) {
		wish := change.Put[file]
		e := &github.TreeEntry{Path: github.String(file), Mode: github.String(plainMode), Type: github.String("blob")}
		if wish.Executable {
			e.Mode = github.String(executableMode)
		}
		if have[file] == (entry{wish.Blob(), e.GetMode()}) {
			continue
		}
		var err error
		switch {
		case have[file].sha == wish.Blob():
			e.SHA = github.String(wish.Blob())
		case isText(wish.Content) && inline+len(wish.Content) <= treeLimit:
			// So that a hundred files are not a hundred requests, a second apart.
			e.Content = github.String(string(wish.Content))
			inline += len(wish.Content)
		default:
			e.SHA, err = g.blob(ctx, path, file, wish.Content)
		}
		if err != nil {
			return "", err
		}
		entries = append(entries, e)
	}
	for _, file := range slices.Sorted(slices.Values(change.Remove)) {
		if have[file].file() {
			entries = append(entries, &github.TreeEntry{Path: github.String(file), Mode: github.String(plainMode), Type: github.String("blob")})
		}
	}
	if len(entries) == 0 {
		return base, nil
	}
	tree, _, err := g.client.Git.CreateTree(ctx, path.Owner, path.Name, base, entries)
	if err == nil && tree.GetSHA() == "" {
		err = errPartial
	}
	if err != nil {
		return "", g.unwritten("write files of "+path.String(), err, change)
	}
	return tree.GetSHA(), nil
}

// isText tells whether a content can be sent inside of a tree, as JSON has it.
func isText(content []byte) bool {
	return len(content) <= inlineLimit && utf8.Valid(content) && !slices.Contains(content, 0)
}

func (g *gitHub) blob(ctx context.Context, path Path, file string, content []byte) (*string, error) {
	blob, _, err := g.client.Git.CreateBlob(ctx, path.Owner, path.Name, &github.Blob{
		Content: github.String(base64.StdEncoding.EncodeToString(content)), Encoding: github.String("base64"),
	})
	if err == nil && blob.GetSHA() == "" {
		err = errPartial
	}
	if err != nil {
		return nil, g.unwritten(fmt.Sprintf("write %s of %s", file, path), err, Change{})
	}
	return blob.SHA, nil
}

func (g *gitHub) commit(ctx context.Context, path Path, sha string) (*github.Commit, error) {
	c, _, err := g.client.Git.GetCommit(ctx, path.Owner, path.Name, sha)
	if err == nil && (c.GetSHA() == "" || c.GetTree().GetSHA() == "") {
		err = errPartial
	}
	if err != nil {
		return nil, g.vanished("look at a commit of "+path.String(), err)
	}
	return c, nil
}

// record makes a commit that no branch has yet.
func (g *gitHub) record(ctx context.Context, path Path, message, tree string, parents ...string) (string, error) {
	wish := &github.Commit{Message: &message, Tree: &github.Tree{SHA: &tree}}
	for _, parent := range parents {
		wish.Parents = append(wish.Parents, &github.Commit{SHA: github.String(parent)})
	}
	made, _, err := g.client.Git.CreateCommit(ctx, path.Owner, path.Name, wish)
	if err == nil && made.GetSHA() == "" {
		err = errPartial
	}
	if err != nil {
		return "", g.unwritten("make a commit of "+path.String(), err, Change{})
	}
	return made.GetSHA(), nil
}

// move brings a branch from one commit, "" if it is not there, to another.
func (g *gitHub) move(ctx context.Context, path Path, branch, from, to string, force bool) error {
	ref := &github.Reference{Ref: github.String("refs/heads/" + branch), Object: &github.GitObject{SHA: &to}}
	var err error
	if from == "" {
		_, _, err = g.client.Git.CreateRef(ctx, path.Owner, path.Name, ref)
	} else {
		ref.Ref = github.String("refs/heads/" + escape(branch))
		_, _, err = g.client.Git.UpdateRef(ctx, path.Owner, path.Name, ref, force)
	}
	if err == nil {
		return nil
	}
	told := g.unwritten(fmt.Sprintf("move branch %s of %s", branch, path), err, Change{})
	if !answered(err, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusForbidden) {
		return told
	}
	return g.overtaken(ctx, path, branch, from, plugins.Hinted(
		told, "if the branch is protected, propose the change instead (viaPullRequest: true), or let the user of the token pass",
	))
}

// overtaken is why a write of a branch was refused: it is not, or no longer, at base, or else err.
func (g *gitHub) overtaken(ctx context.Context, path Path, branch, base string, err error) error {
	head, _, failed := g.head(ctx, path, branch)
	switch {
	case failed != nil:
		return failed
	case head != base:
		return changed(path, branch, head)
	}
	return err
}
