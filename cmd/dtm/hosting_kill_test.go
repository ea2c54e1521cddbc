package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

// Whichever thing it was that dtm did last on GitHub before it died, the next apply goes on from there: one repository with
// the two commits that it should have, and nothing left over.
func TestADtmThatDiesBetweenTwoRequestsLeavesNothing(t *testing.T) {
	t.Parallel()
	h := parts.GitHub(t)
	h.User("alice")
	token := h.Token("alice")
	hub, err := url.Parse(h.URL)
	if err != nil {
		t.Fatal(err)
	}
	service := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(hub)
		r.Out.Host = r.In.Host
	}}
	var left atomic.Int64 // requests that change something, until the one that is not answered
	done := make(chan string)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Files are many, and one is like the other.
		counts := r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/git/blobs")
		if !counts || left.Add(-1) != 0 {
			service.ServeHTTP(w, r)
			return
		}
		service.ServeHTTP(httptest.NewRecorder(), r)
		done <- r.Method + " " + r.URL.Path
		<-r.Context().Done()
	}))
	t.Cleanup(front.Close)

	for n := 1; ; n++ {
		name := fmt.Sprintf("shop%d", n)
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "config.yaml"), strings.ReplaceAll(`tools:
- {name: github-repo-scaffolding-golang, instanceID: a, options: {owner: alice, repo: NAME, description: For sale}}
- name: githubactions-golang
  instanceID: a
  options:
    owner: alice
    repo: "${{ github-repo-scaffolding-golang.a.outputs.repo }}"
    secrets: {DEPLOY_KEY: DEPLOY_KEY}
`, "NAME", name))
		command := func(args ...string) *exec.Cmd {
			cmd := dtm(t, dir, args...)
			cmd.Env = append(os.Environ(), "GITHUB_API_URL="+front.URL, "GITHUB_TOKEN="+token, "DEPLOY_KEY=key-of-"+name)
			return cmd
		}
		left.Store(int64(n))
		cmd := command("apply", "-y")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		var last string
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("nobody killed it: %v", err)
			}
			if n < 6 {
				t.Fatalf("all was done with %d requests", n-1)
			}
			return
		case last = <-done:
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err == nil {
			t.Fatalf("it ended well, though it was killed after %s", last)
		}

		h.Reset()
		if out, err := command("apply", "-y").CombinedOutput(); err != nil {
			t.Fatalf("killed after %s: %v\n%s", last, err, out)
		}
		if out, err := command("verify").CombinedOutput(); err != nil {
			t.Errorf("killed after %s: %v\n%s", last, err, out)
		}
		repo := h.Repo(t, "alice/"+name)
		if repo.Description != "For sale" || !repo.Private || len(repo.Branches) != 1 {
			t.Errorf("killed after %s, the repository is %+v", last, repo)
		}
		if log := h.Log(t, "alice/"+name, "main"); len(log) != 2 {
			t.Errorf("killed after %s, there are %d commits: %v", last, len(log), log)
		}
		if secrets := h.Secrets(t, "alice/"+name); len(secrets) != 1 || secrets["DTM_GO_DEPLOY_KEY"] != "key-of-"+name {
			t.Errorf("killed after %s, the secrets are %v", last, secrets)
		}
		if files := h.Files(t, "alice/"+name, "main"); files["go.mod"] == "" || files[".github/workflows/dtm-go.yml"] == "" {
			t.Errorf("killed after %s, the files are %v", last, files)
		}
		if i := slices.IndexFunc(h.Requests(), func(asked string) bool { return strings.HasPrefix(asked, http.MethodDelete) }); i >= 0 {
			t.Errorf("killed after %s: %s", last, h.Requests()[i])
		}
	}
}
