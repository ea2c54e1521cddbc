package scm_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// managed is a file that tells whose it is, in ann/shop.
func managed(file, text string) scm.Managed {
	return scm.Managed{
		Path: shop, Branch: "main", Marker: scm.MarkerOf("test"),
		Files: map[string]scm.File{file: {Content: []byte("# " + scm.MarkerOf("test") + "\n" + text + "\n")}},
	}
}

func keep(ctx context.Context, host scm.Host, want scm.Managed) error {
	_, _, err := scm.Keep(ctx, host, want, scm.Managed{}, scm.Kept{})
	return err
}

func TestToolsOfTwoUsersKeepTheirFilesInOneRepositoryAtOnce(t *testing.T) {
	hub := parts.GitHub(t)
	hub.Org("acme", "ann", "bob")
	hosts := []scm.Host{openHub(t, hub, hub.Token("ann"), nil), openHub(t, hub, hub.Token("bob"), nil)}
	shopOf(t, hosts[0], "README.md")
	hub.Invite(t, "ann/shop", "bob", "push")
	var tools sync.WaitGroup
	for i := range 6 {
		tools.Go(func() {
			file := fmt.Sprintf("ci/%d.yml", i)
			if err := keep(t.Context(), hosts[i%2], managed(file, file)); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		})
	}
	tools.Wait()
	if got := hub.Files(t, "ann/shop", "main"); len(got) != 7 {
		t.Errorf("there are %d files", len(got))
	}
	if log := hub.Log(t, "ann/shop", "main"); len(log) != 7 {
		t.Errorf("there are %d commits", len(log))
	}
}

func TestAModeThatIsWrongIsPutRight(t *testing.T) {
	lab, host, _ := newGitLab(t, map[string]string{"README.md": "r"})
	want := managed("run.sh", "echo")
	if err := keep(t.Context(), host, want); err != nil {
		t.Fatal(err)
	}
	run := want.Files["run.sh"]
	run.Executable = true
	want.Files = map[string]scm.File{"run.sh": run}
	for range 2 {
		if err := keep(t.Context(), host, want); err != nil {
			t.Fatal(err)
		}
	}
	if !lab.Executable("ann/shop", "main", "run.sh") || len(lab.Log("ann/shop", "main")) != 3 {
		t.Errorf("the commits are %q", lab.Log("ann/shop", "main"))
	}
}

// pushed is somebody who puts a symbolic link and a submodule into a repository, at run.sh and at sub.
func pushed(t *testing.T, address string) {
	t.Helper()
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), parts.Git(t), args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v: %s", args[0], err, out)
		}
	}
	git("clone", "-q", address, ".")
	if err := os.Symlink("README.md", filepath.Join(dir, "run.sh")); err != nil {
		t.Fatal(err)
	}
	git("add", "run.sh")
	git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",sub")
	git("-c", "user.name=s", "-c", "user.email=s@example.com", "commit", "-q", "-m", "theirs")
	git("push", "-q")
}

func TestALinkAndASubmoduleStayWhatTheyAre(t *testing.T) {
	hub, subject := gitHub(t)
	onHub, err := subject.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	shopOf(t, onHub, "README.md")
	pushed(t, hub.CloneURL("ann/shop", subject.Token))
	lab, onLab, _ := newGitLab(t, map[string]string{"README.md": "README.md"})
	pushed(t, lab.CloneURL("ann/shop", lab.Token("ann", "api")))
	for name, host := range map[string]scm.Host{"GitHub": onHub, "GitLab": onLab} {
		for _, file := range []string{"run.sh", "sub", "sub/x", "run.sh/x"} {
			want := managed(file, "x")
			want.Adopt, want.Secrets = true, map[string]string{"TOKEN": "a0123456789-secret"}
			if err := keep(t.Context(), host, want); !errors.Is(err, scm.ErrExists) || hintOf(err) == "" {
				t.Errorf("%s: %s: %v", name, file, err)
			}
			if _, err := scm.Foresee(t.Context(), host, want, scm.Managed{}, scm.Kept{}); !errors.Is(err, scm.ErrExists) {
				t.Errorf("%s: %s is foreseen: %v", name, file, err)
			}
		}
		// Who has put a link in the place of a file has made it their own.
		if err := scm.Forget(t.Context(), host, managed("run.sh", "x"), scm.Kept{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if names, err := host.SecretNames(t.Context(), shop); err != nil || len(names) > 0 {
			t.Errorf("%s: the secrets are %q (%v)", name, names, err)
		}
	}
	if n, m := len(hub.Log(t, "ann/shop", "main")), len(lab.Log("ann/shop", "main")); n != 2 || m != 2 {
		t.Errorf("there are %d and %d commits", n, m)
	}
}

func TestWhatIsNotTheToolsOwnIsReplacedOnlyIfThatIsAskedForAndNeverRemoved(t *testing.T) {
	hub, subject := gitHub(t)
	host, err := subject.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	shopOf(t, host, "README.md", "ci.yml")
	want := managed("ci.yml", "ours")
	if err := keep(t.Context(), host, want); !errors.Is(err, scm.ErrExists) || !strings.Contains(hintOf(err), "adopt: true") {
		t.Errorf("kept: %v", err)
	}
	if err := scm.Forget(t.Context(), host, want, scm.Kept{}); err != nil {
		t.Error(err)
	}
	if got := hub.Files(t, "ann/shop", "main")["ci.yml"]; got != "ci.yml" {
		t.Errorf("it is %q", got)
	}
	want.Adopt = true
	kept, open, err := scm.Keep(t.Context(), host, want, scm.Managed{}, scm.Kept{})
	if err != nil || open != nil || kept.Files["ci.yml"] != want.Files["ci.yml"].Blob() {
		t.Errorf("kept %+v, %+v (%v)", kept, open, err)
	}
	for range 2 {
		if err := scm.Forget(t.Context(), host, want, kept); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := scm.Find(t.Context(), host, want, kept); !errors.Is(err, plugins.ErrNotFound) {
		t.Errorf("found: %v", err)
	}
	if got := hub.Files(t, "ann/shop", "main"); len(got) != 1 {
		t.Errorf("there are %q", got)
	}
}

func TestASecretThatCannotBeSetIsToldOnce(t *testing.T) {
	lab, host, _ := newGitLab(t, map[string]string{"README.md": "r"})
	want := managed("ci.yml", "x")
	want.Secrets = map[string]string{"NAME_A": "a0123456789-secret"}
	heal := lab.FailOn("PUT /api/v4/projects/", 1, parts.Trouble{Status: 403})
	err := keep(t.Context(), host, want)
	if !heal() || err == nil || strings.Count(err.Error(), "NAME_A of ann/shop") != 1 || strings.Contains(err.Error(), "a0123456789") {
		t.Errorf("got %v", err)
	}
}
