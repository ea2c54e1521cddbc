package workflow

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

// TestTheNextVersionIsOneMore runs the script of the workflow as a runner does, in a clone of a real repository.
func TestTheNextVersionIsOneMore(t *testing.T) {
	git := parts.Git(t)
	dir := t.TempDir()
	run := func(in, name string, args ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir = in
		c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b",
			"GITHUB_OUTPUT="+filepath.Join(dir, "output"))
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	clone, other := filepath.Join(dir, "clone"), filepath.Join(dir, "other")
	run(dir, git, "init", "-q", "--bare", "origin")
	run(dir, git, "clone", "-q", "origin", clone)
	next := func() string {
		t.Helper()
		file := filepath.Join(dir, "output")
		_ = os.Remove(file)
		run(clone, "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", nextVersion)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	commit := func() {
		run(clone, git, "commit", "-q", "--allow-empty", "-m", "x")
		run(clone, git, "push", "-q", "origin", "HEAD")
	}

	commit()
	if got := next(); got != "version=0.0.1" {
		t.Errorf("the first is %s", got)
	}
	if got := next(); got != "version=0.0.1" {
		t.Errorf("again it is %s", got)
	}
	run(clone, git, "tag", "v9.9.9")
	run(clone, git, "tag", "1.2.09")
	run(clone, git, "tag", "1.2.3-rc.1")
	commit()
	if got := next(); got != "version=1.2.10" {
		t.Errorf("after 1.2.09 it is %s", got)
	}
	// Another run was faster, and this one does not know it yet.
	run(dir, git, "clone", "-q", "origin", other)
	run(other, git, "commit", "-q", "--allow-empty", "-m", "y")
	run(other, git, "tag", "1.2.11")
	run(other, git, "push", "-q", "origin", "1.2.11")
	commit()
	if got := next(); got != "version=1.2.12" {
		t.Errorf("after somebody's 1.2.11 it is %s", got)
	}
}
