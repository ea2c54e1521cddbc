package scm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v45/github"

	"github.com/devstream-io/dtm/plugins"
)

// GitHub's Git data API knows no repository without a commit: it answers 409 to everything. The first commit can only be made
// through the contents API, of one file. So that the history begins with one whole commit all the same, that one is replaced
// at once by another first commit. Its message says so, by which a run after a crash in between knows it and replaces it then.
const begun = "; the other files follow, and then this commit is replaced"

// seed is the commit that begin leaves behind when it is interrupted: for which branch it is, and on which it was made.
type seed struct{ branch, on string }

func (s seed) message(of Change) string {
	return of.Message + "\n\nDtm-Begun: " + s.branch + " on " + s.on + begun
}

// seedOf tells whether a commit is a seed.
func seedOf(c *github.Commit) (seed, bool) {
	message, ok := strings.CutSuffix(strings.TrimRight(c.GetMessage(), "\n"), begun)
	if !ok || len(c.Parents) > 0 {
		return seed{}, false
	}
	// No name of a branch has a space.
	words := strings.Fields(message[strings.LastIndex(message, "\n")+1:])
	if len(words) != 4 || words[0] != "Dtm-Begun:" || words[2] != "on" {
		return seed{}, false
	}
	return seed{words[1], words[3]}, true
}

// seeds tells whether a commit is the seed of a branch.
func seeds(c *github.Commit, branch string) bool {
	s, ok := seedOf(c)
	return ok && s.branch == branch
}

// begin makes the first commit of a repository.
func (g *gitHub) begin(ctx context.Context, path Path, branch string, change Change) (string, error) {
	if len(change.Put) == 0 {
		return "", nil
	}
	file := firstFile(change)
	whole := len(change.Put) == 1 && !change.Put[file].Executable
	message := change.Message
	if !whole {
		message = seed{branch, branch}.message(change)
	}
	first, err := g.putFile(ctx, path, branch, file, change.Put[file], message)
	if answered(err, http.StatusNotFound) {
		// It may be that only the branch that is to be the default one can be made like that.
		return g.beginElsewhere(ctx, path, branch, change, err)
	}
	switch {
	case err != nil:
		return "", err
	case len(first.Parents) > 0:
		return "", changed(path, branch, first.GetSHA())
	case whole:
		return first.GetSHA(), nil
	}
	return g.replace(ctx, path, branch, first, change)
}

// beginElsewhere makes the first commit on the default branch, which is another one and goes then.
func (g *gitHub) beginElsewhere(ctx context.Context, path Path, branch string, change Change, refused error) (string, error) {
	found, err := g.find(ctx, path)
	if err != nil {
		return "", err
	}
	if found.GetDefaultBranch() == branch {
		// GitHub says so, too, of a repository that it has not quite made yet.
		return "", plugins.Retryable(g.unwritten("make the first commit of "+path.String(), refused, change), time.Second)
	}
	file := firstFile(change)
	first, err := g.putFile(ctx, path, found.GetDefaultBranch(), file, change.Put[file], seed{branch, found.GetDefaultBranch()}.message(change))
	switch {
	case answered(err, http.StatusNotFound):
		return "", g.unwritten("make the first commit of "+path.String(), err, change)
	case err != nil:
		return "", err
	case len(first.Parents) > 0:
		return "", changed(path, branch, "")
	}
	return g.beginAt(ctx, path, branch, first, change)
}

// beginAt makes a branch of what begin left on another one.
func (g *gitHub) beginAt(ctx context.Context, path Path, branch string, first *github.Commit, change Change) (string, error) {
	if err := g.move(ctx, path, branch, "", first.GetSHA(), false); err != nil {
		return "", err
	}
	return g.replace(ctx, path, branch, first, change)
}

// putFile makes a commit of one file, the first one of a repository.
func (g *gitHub) putFile(ctx context.Context, path Path, branch, file string, f File, message string) (*github.Commit, error) {
	what := "make the first commit of " + path.String()
	// go-github leaves out the content of an empty file, and GitHub refuses that.
	wish := struct {
		Message string `json:"message"`
		Content []byte `json:"content"`
		Branch  string `json:"branch"`
	}{message, append([]byte{}, f.Content...), branch}
	var made github.RepositoryContentResponse
	_, err := g.do(ctx, http.MethodPut, fmt.Sprintf("repos/%s/%s/contents/%s", path.Owner, path.Name, escape(file)), "", wish, &made)
	switch {
	case answered(err, http.StatusConflict, http.StatusUnprocessableEntity):
		return nil, g.overtaken(ctx, path, branch, "", g.failed(what, err))
	case err == nil && made.Commit.GetSHA() == "":
		err = errPartial
	}
	if answered(err, http.StatusNotFound) {
		// The caller knows more about that.
		return nil, err
	}
	if err != nil {
		return nil, g.failed(what, err)
	}
	return g.commit(ctx, path, made.Commit.GetSHA())
}

// firstFile is the file that a repository begins with: the contents API makes none that is executable, and a token needs a
// right of its own for workflows.
func firstFile(change Change) string {
	return slices.MinFunc(slices.Collect(maps.Keys(change.Put)), func(a, b string) int {
		return cmp.Or(cmp.Compare(unfit(change, a), unfit(change, b)), cmp.Compare(a, b))
	})
}

func unfit(change Change, file string) (n int) {
	f := change.Put[file]
	if f.Executable {
		n += 4
	}
	if strings.HasPrefix(file, ".") {
		n += 2
	}
	if len(f.Content) == 0 {
		n++
	}
	return n
}

// replace makes the first commit anew, with everything in it. That is the one history that is rewritten: nobody but begin
// has written it, and nothing is on top of it.
func (g *gitHub) replace(ctx context.Context, path Path, branch string, first *github.Commit, change Change) (string, error) {
	if s, ok := seedOf(first); ok && s.on != branch {
		if err := g.abandon(ctx, path, s.on, branch, first.GetSHA()); err != nil {
			return "", err
		}
	}
	tree, err := g.grow(ctx, path, first.GetTree().GetSHA(), change)
	if err != nil {
		return "", err
	}
	made, err := g.record(ctx, path, change.Message, tree)
	if err != nil {
		return "", err
	}
	head, _, err := g.head(ctx, path, branch)
	if err != nil {
		return "", err
	}
	if head != first.GetSHA() {
		return "", changed(path, branch, head)
	}
	err = g.move(ctx, path, branch, head, made, true)
	if !forbidsForce(err) {
		return made, err
	}
	// The organisation has rules for every branch. Then there are two commits.
	return g.put(ctx, path, branch, first, change)
}

// forbidsForce tells whether a branch was not moved because of a rule, by the words of it: GitHub refuses other things with
// the same status.
func forbidsForce(err error) bool {
	var answer *github.ErrorResponse
	if !answered(err, http.StatusForbidden, http.StatusUnprocessableEntity) || !errors.As(err, &answer) {
		return false
	}
	return slices.ContainsFunc([]string{"force", "protected", "rule"}, func(sign string) bool {
		return strings.Contains(strings.ToLower(answer.Message), sign)
	})
}

// abandon removes the branch that begin has made elsewhere, as long as nobody has put anything on it, and makes another one
// the default branch instead.
func (g *gitHub) abandon(ctx context.Context, path Path, other, branch, at string) error {
	head, _, err := g.head(ctx, path, other)
	if err != nil {
		return err
	}
	found, err := g.find(ctx, path)
	switch {
	case err != nil:
		return err
	case head == "" && found.GetDefaultBranch() == other:
		return g.noDefault(path, other)
	case head != at:
		return nil
	}
	if found.GetDefaultBranch() == other {
		if _, _, err := g.client.Repositories.Edit(ctx, path.Owner, path.Name, &github.Repository{DefaultBranch: &branch}); err != nil {
			return g.failed(fmt.Sprintf("make %s the default branch of %s", branch, path), err)
		}
	}
	return g.deleteBranch(ctx, path, other)
}
