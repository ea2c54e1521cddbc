package scm_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
	"github.com/devstream-io/dtm/plugins/internal/scm/scmtest"
)

// gitLabAt opens the GitLab at an address.
func gitLabAt(address, token string, via http.RoundTripper) (scm.Host, error) {
	return scm.NewGitLab(env(via), scm.Options{BaseURL: address, Token: token})
}

func TestGitLabKeepsThePromise(t *testing.T) {
	scmtest.Run(t, func(t *testing.T) scmtest.Subject {
		lab := parts.GitLab(t)
		lab.Hold(agrees)
		token := lab.User("ann")
		lab.Group("acme/tools")
		return scmtest.Subject{
			Open:  func(via http.RoundTripper) (scm.Host, error) { return gitLabAt(lab.URL, token, via) },
			Token: token, User: "ann", Org: "acme/tools",
			Exists: func(_ testing.TB, path scm.Path) bool { return lab.Exists(path.String()) },
			Files: func(_ testing.TB, path scm.Path, branch string) map[string]string {
				return lab.Files(path.String(), branch)
			},
			Executable: func(_ testing.TB, path scm.Path, branch, file string) bool {
				return lab.Executable(path.String(), branch, file)
			},
			Log: func(_ testing.TB, path scm.Path, branch string) []string { return lab.Log(path.String(), branch) },
			Push: func(_ testing.TB, path scm.Path, branch, file, content string) {
				lab.SetFile(path.String(), branch, file, content)
			},
			Rename: func(_ testing.TB, from, to scm.Path) { lab.Rename(from.String(), to.String()) },
			Secrets: func(_ testing.TB, path scm.Path) map[string]string {
				secrets := map[string]string{}
				for name, v := range lab.Variables(path.String()) {
					secrets[name] = v.Value
				}
				return secrets
			},
			Proposals: func(_ testing.TB, path scm.Path) []scmtest.Request {
				var all []scmtest.Request
				for _, r := range lab.MergeRequests(path.String()) {
					all = append(all, scmtest.Request{Number: r.Number, Title: r.Title, From: r.Source, IsOpen: r.State == "opened", IsMerged: r.State == "merged"})
				}
				return all
			},
			Merge: func(_ testing.TB, path scm.Path, number int) { lab.Merge(path.String(), number) },
		}
	})
}

var shop = scm.Path{Owner: "ann", Name: "shop"}

// newGitLab is a GitLab with a project, ann/shop, that has files on main, or no commit.
func newGitLab(t *testing.T, files map[string]string) (*parts.Lab, scm.Host, *scmtest.Line) {
	t.Helper()
	lab, line := parts.GitLab(t), &scmtest.Line{}
	lab.Hold(agrees)
	host, err := gitLabAt(lab.URL, lab.User("ann"), line)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.Create(t.Context(), shop, scm.Settings{Visibility: scm.Private}); err != nil {
		t.Fatal(err)
	}
	if len(files) > 0 {
		put := map[string]scm.File{}
		for file, text := range files {
			put[file] = scm.File{Content: []byte(text)}
		}
		if _, err := host.Commit(t.Context(), shop, "main", scm.Change{Message: "begin", Put: put}); err != nil {
			t.Fatal(err)
		}
	}
	return lab, host, line
}

func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// listen is a context whose reports are kept.
func listen(ctx context.Context) (context.Context, func() []string) {
	var mu sync.Mutex
	var heard []string
	ctx = plugins.WithReport(ctx, func(text string) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, text)
	})
	return ctx, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(heard)
	}
}
