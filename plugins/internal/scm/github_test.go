package scm_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
	"github.com/devstream-io/dtm/plugins/internal/scm/scmtest"
)

func env(via http.RoundTripper) plugins.Env {
	return plugins.Env{Getenv: func(string) string { return "" }, HTTP: &http.Client{Transport: via}, Now: time.Now}
}

// gitHub is a stand-in with a user ann, who owns acme, and what the suite has to know of it.
func gitHub(t *testing.T) (*parts.Hub, scmtest.Subject) {
	hub := parts.GitHub(t)
	hub.Org("acme", "ann")
	token := hub.Token("ann")
	return hub, scmtest.Subject{
		Open: func(via http.RoundTripper) (scm.Host, error) {
			return scm.NewGitHub(env(via), scm.Options{BaseURL: hub.URL, Token: token})
		},
		Token: token, User: "ann", Org: "acme",
		Exists: func(_ testing.TB, path scm.Path) bool {
			for _, name := range hub.Repos() {
				if name == path.String() {
					return true
				}
			}
			return false
		},
		Files: func(t testing.TB, path scm.Path, branch string) map[string]string {
			return hub.Files(t, path.String(), branch)
		},
		Log: func(t testing.TB, path scm.Path, branch string) (messages []string) {
			for _, c := range hub.Log(t, path.String(), branch) {
				messages = append(messages, c.Message)
			}
			return messages
		},
		Push: func(t testing.TB, path scm.Path, branch, file, content string) {
			hub.SetFile(t, path.String(), branch, file, content)
		},
		Rename:  func(t testing.TB, from, to scm.Path) { hub.Rename(t, from.String(), to.String()) },
		Secrets: func(t testing.TB, path scm.Path) map[string]string { return hub.Secrets(t, path.String()) },
		Proposals: func(t testing.TB, path scm.Path) (all []scmtest.Request) {
			for _, p := range hub.Pulls(t, path.String()) {
				all = append(all, scmtest.Request{Number: p.Number, Title: p.Title, From: p.Head, IsOpen: p.Open, IsMerged: p.Merged})
			}
			return all
		},
		Merge: func(t testing.TB, path scm.Path, number int) { hub.Merge(t, path.String(), number) },
		Executable: func(t testing.TB, path scm.Path, branch, file string) bool {
			return executable(t, hub.CloneURL(path.String(), token), branch, file)
		},
	}
}

// executable clones a branch and looks.
func executable(t testing.TB, address, branch, file string) bool {
	t.Helper()
	dir := t.TempDir()
	clone := exec.CommandContext(t.Context(), parts.Git(t), "clone", "-q", "--depth=1", "--branch", branch, address, dir)
	if out, err := clone.CombinedOutput(); err != nil {
		t.Fatalf("clone: %v: %s", err, out)
	}
	info, err := os.Stat(filepath.Join(dir, file))
	return err == nil && info.Mode()&0o111 != 0
}

func TestGitHub(t *testing.T) {
	scmtest.Run(t, func(t *testing.T) scmtest.Subject {
		_, subject := gitHub(t)
		return subject
	})
}
