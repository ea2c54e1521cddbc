package parts

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v45/github"
)

func userGit(t testing.TB, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), Git(t), args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Carol", "GIT_AUTHOR_EMAIL=carol@example.com", "GIT_COMMITTER_NAME=Carol", "GIT_COMMITTER_EMAIL=carol@example.com",
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// commitFiles makes one commit of some files, as a client does that knows Git's data.
func commitFiles(ctx context.Context, c *github.Client, branch, base string, files map[string]string) (*github.Commit, error) {
	var entries []*github.TreeEntry
	for path, content := range files {
		blob, _, err := c.Git.CreateBlob(ctx, "acme", "shop", &github.Blob{
			Content: github.String(base64.StdEncoding.EncodeToString([]byte(content))), Encoding: github.String("base64"),
		})
		if err != nil {
			return nil, err
		}
		entries = append(entries, &github.TreeEntry{Path: github.String(path), Mode: github.String("100644"), Type: github.String("blob"), SHA: blob.SHA})
	}
	head, _, err := c.Git.GetCommit(ctx, "acme", "shop", base)
	if err != nil {
		return nil, err
	}
	tree, _, err := c.Git.CreateTree(ctx, "acme", "shop", head.Tree.GetSHA(), entries)
	if err != nil {
		return nil, err
	}
	commit, _, err := c.Git.CreateCommit(ctx, "acme", "shop", &github.Commit{
		Message: github.String("Add files"), Tree: tree, Parents: []*github.Commit{{SHA: github.String(base)}},
	})
	if err != nil {
		return nil, err
	}
	ref := &github.Reference{Ref: github.String("refs/heads/" + branch), Object: &github.GitObject{SHA: commit.SHA}}
	if _, _, err = c.Git.UpdateRef(ctx, "acme", "shop", ref, false); err != nil {
		_, _, err = c.Git.CreateRef(ctx, "acme", "shop", ref)
	}
	return commit, err
}

func TestHubGitData(t *testing.T) {
	h, c := shopHub(t)
	ctx := t.Context()
	base := h.SetFiles(t, "acme/shop", "main", map[string][]byte{"README.md": []byte("hello"), "docs/a.md": []byte("a"), "docs/b.md": []byte("b")})
	commit, err := commitFiles(ctx, c, "main", base, map[string]string{"x & <y>.txt": "ü\x00\xff", "docs/a.md": "A"})
	if err != nil {
		t.Fatal(err)
	}
	if got := h.Log(t, "acme/shop", "main"); len(got) != 2 || got[0].Author != "alice" || got[0].SHA != commit.GetSHA() || got[0].Message != "Add files" {
		t.Errorf("the log is %+v", got)
	}
	ref := &github.Reference{Ref: github.String("refs/heads/main"), Object: &github.GitObject{SHA: github.String(base)}}
	_, _, err = c.Git.UpdateRef(ctx, "acme", "shop", ref, false)
	refused(t, 422, "Update is not a fast forward", err)
	_, _, err = c.Git.CreateRef(ctx, "acme", "shop", ref)
	refused(t, 422, "Reference already exists", err)
	ref.Object.SHA = github.String(strings.Repeat("1", 40))
	_, _, err = c.Git.UpdateRef(ctx, "acme", "shop", ref, true)
	refused(t, 422, "Object does not exist", err)
	ref = &github.Reference{Ref: github.String("refs/heads/feature/one"), Object: &github.GitObject{SHA: github.String(base)}}
	_, _, err = c.Git.UpdateRef(ctx, "acme", "shop", ref, true)
	refused(t, 422, "Reference does not exist", err)
	need[*github.Reference](t)(c.Git.CreateRef(ctx, "acme", "shop", ref))
	ref.Object.SHA = commit.SHA
	need[*github.Reference](t)(c.Git.UpdateRef(ctx, "acme", "shop", ref, false))
	if got := need[*github.Branch](t)(c.Repositories.GetBranch(ctx, "acme", "shop", "feature/one", false)); got.GetCommit().GetSHA() != commit.GetSHA() {
		t.Errorf("the branch is %v", got)
	}
	if _, err := c.Git.DeleteRef(ctx, "acme", "shop", "heads/feature/one"); err != nil {
		t.Fatal(err)
	}
	_, err = c.Git.DeleteRef(ctx, "acme", "shop", "heads/feature/one")
	refused(t, 422, "Reference does not exist", err)
	_, _, err = c.Git.GetRef(ctx, "acme", "shop", "heads/feature/one")
	refused(t, 404, "Not Found", err)

	tree := need[*github.Tree](t)(c.Git.GetTree(ctx, "acme", "shop", "main", true))
	var paths []string
	for _, e := range tree.Entries {
		paths = append(paths, e.GetPath())
	}
	if want := []string{"README.md", "docs", "docs/a.md", "docs/b.md", "x & <y>.txt"}; !slices.Equal(paths, want) || tree.GetTruncated() {
		t.Errorf("the tree has %q, want %q", paths, want)
	}
	h.TreeSize(2)
	if got := need[*github.Tree](t)(c.Git.GetTree(ctx, "acme", "shop", commit.Tree.GetSHA(), true)); len(got.Entries) != 2 || !got.GetTruncated() {
		t.Errorf("the tree is %v", got)
	}
	blob := tree.Entries[4].GetSHA()
	if got, _, err := c.Git.GetBlobRaw(ctx, "acme", "shop", blob); err != nil || string(got) != "ü\x00\xff" {
		t.Errorf("the blob is %q, %v", got, err)
	}
	if got := need[*github.Blob](t)(c.Git.GetBlob(ctx, "acme", "shop", blob)); got.GetSize() != 4 || got.GetEncoding() != "base64" {
		t.Errorf("the blob is %v", got)
	}
	gone := func(path string) []*github.TreeEntry {
		return []*github.TreeEntry{{Path: github.String(path), Mode: github.String("100644"), Type: github.String("blob")}}
	}
	less := need[*github.Tree](t)(c.Git.CreateTree(ctx, "acme", "shop", commit.Tree.GetSHA(), gone("docs/a.md")))
	if less.GetSHA() == commit.Tree.GetSHA() {
		t.Error("nothing is gone")
	}
	_, _, err = c.Git.CreateTree(ctx, "acme", "shop", commit.Tree.GetSHA(), gone("docs/c.md"))
	refused(t, 422, "BadObjectState", err)
	paths = nil
	entry := func(path, sha, mode string) *github.TreeEntry {
		return &github.TreeEntry{Path: github.String(path), Mode: github.String(mode), SHA: github.String(sha)}
	}
	turned := need[*github.Tree](t)(c.Git.CreateTree(ctx, "acme", "shop", commit.Tree.GetSHA(), []*github.TreeEntry{
		entry("README.md/now/a/folder", blob, "100755"), entry("docs", blob, "100644"), entry("copy", commit.Tree.GetSHA(), "040000"),
	}))
	h.TreeSize(100)
	for _, e := range need[*github.Tree](t)(c.Git.GetTree(ctx, "acme", "shop", turned.GetSHA(), true)).Entries {
		if e.GetType() == "blob" {
			paths = append(paths, e.GetPath())
		}
	}
	if want := []string{"README.md/now/a/folder", "copy/README.md", "copy/docs/a.md", "copy/docs/b.md", "copy/x & <y>.txt", "docs", "x & <y>.txt"}; !slices.Equal(paths, want) {
		t.Errorf("the tree has %q, want %q", paths, want)
	}
	if got := need[*github.Tree](t)(c.Git.CreateTree(ctx, "acme", "shop", commit.Tree.GetSHA(), gone("docs"))); len(got.Entries) != 2 {
		t.Errorf("the tree is %v", got)
	}
	bad := gone("../x")
	bad[0].Content = github.String("x")
	_, _, err = c.Git.CreateTree(ctx, "acme", "shop", commit.Tree.GetSHA(), bad)
	refused(t, 422, "malformed path", err)
	_, _, err = c.Git.CreateCommit(ctx, "acme", "shop", &github.Commit{Message: github.String("x"), Tree: &github.Tree{SHA: github.String(blob)}})
	refused(t, 422, "Tree SHA does not exist", err)
}

func TestHubContents(t *testing.T) {
	h, c := shopHub(t)
	ctx := t.Context()
	large := strings.Repeat("x", contentLimit+1)
	h.SetFiles(t, "acme/shop", "main", map[string][]byte{"README.md": []byte("hello"), "docs/a b.md": []byte(strings.Repeat("a", 100)), "large": []byte(large)})
	file, _, _, err := c.Repositories.GetContents(ctx, "acme", "shop", "docs/a b.md", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := file.GetContent(); err != nil || got != strings.Repeat("a", 100) {
		t.Errorf("the file is %q, %v", got, err)
	}
	for path, n := range map[string]int{"": 3, "docs": 1} {
		if _, list, _, err := c.Repositories.GetContents(ctx, "acme", "shop", path, nil); err != nil || len(list) != n {
			t.Errorf("%q has %v, %v, want %d entries", path, list, err, n)
		}
	}
	if file, _, _, err := c.Repositories.GetContents(ctx, "acme", "shop", "large", nil); err != nil || file.GetEncoding() != "none" || file.GetSize() != len(large) {
		t.Errorf("the large file is %v, %v", file.GetEncoding(), err)
	}
	_, _, _, err = c.Repositories.GetContents(ctx, "acme", "shop", "none", nil)
	refused(t, 404, "Not Found", err)
	_, _, _, err = c.Repositories.GetContents(ctx, "acme", "shop", "README.md", &github.RepositoryContentGetOptions{Ref: "none"})
	refused(t, 404, "No commit found for the ref none", err)

	put := func(sha *string) error {
		_, _, err := c.Repositories.UpdateFile(ctx, "acme", "shop", "docs/a b.md",
			&github.RepositoryContentFileOptions{Message: github.String("x"), Content: []byte("new"), SHA: sha})
		return err
	}
	refused(t, 422, `"sha" wasn't supplied`, put(nil))
	refused(t, 409, "does not match", put(github.String(strings.Repeat("1", 40))))
	if err := put(file.SHA); err != nil {
		t.Fatal(err)
	}
	empty, err := c.NewRequest(http.MethodPut, "repos/acme/shop/contents/empty", map[string]string{"message": "x", "content": ""})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(ctx, empty, nil); err != nil {
		t.Fatal(err)
	}
	got := h.Files(t, "acme/shop", "main")
	if empty, there := got["empty"]; got["docs/a b.md"] != "new" || empty != "" || !there || len(got) != 4 {
		t.Errorf("it holds %q", slices.Sorted(maps.Keys(got)))
	}
	h.SetFiles(t, "acme/shop", "other", map[string][]byte{"large": nil, "empty": []byte("full")})
	if got, main := h.Files(t, "acme/shop", "other"), h.Files(t, "acme/shop", "main"); len(got) != 3 || got["empty"] != "full" || len(main) != 4 {
		t.Errorf("another branch holds %q", slices.Sorted(maps.Keys(got)))
	}
}

func TestHubPullRequests(t *testing.T) {
	h, c := shopHub(t)
	ctx := t.Context()
	base := h.SetFile(t, "acme/shop", "main", "README.md", "hello\n")
	open := func(head string) (*github.PullRequest, error) {
		p, _, err := c.PullRequests.Create(ctx, "acme", "shop", &github.NewPullRequest{
			Title: github.String("Add files"), Head: github.String(head), Base: github.String("main"), Body: github.String("Please."),
		})
		return p, err
	}
	_, err := open("one")
	refused(t, 422, "invalid", err)
	one, err := commitFiles(ctx, c, "one", base, map[string]string{"one.txt": "1\n"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := open("one")
	if err != nil {
		t.Fatal(err)
	}
	if p.GetHead().GetSHA() != one.GetSHA() || !p.GetMergeable() || p.GetAdditions() != 1 || p.GetCommits() != 1 {
		t.Errorf("opened %v", p)
	}
	_, err = open("acme:one")
	refused(t, 422, "A pull request already exists for acme:one.", err)
	one, err = commitFiles(ctx, c, "one", one.GetSHA(), map[string]string{"two.txt": "2\n"})
	if err != nil {
		t.Fatal(err)
	}
	list := need[[]*github.PullRequest](t)(c.PullRequests.List(ctx, "acme", "shop", &github.PullRequestListOptions{Head: "acme:one", Base: "main"}))
	if len(list) != 1 || list[0].GetHead().GetSHA() != one.GetSHA() {
		t.Errorf("open are %v", list)
	}
	edited := need[*github.PullRequest](t)(c.PullRequests.Edit(ctx, "acme", "shop", p.GetNumber(), &github.PullRequest{Title: github.String("Add more")}))
	if edited.GetTitle() != "Add more" || edited.GetBody() != "Please." {
		t.Errorf("edited to %v", edited)
	}
	_, _, err = c.PullRequests.Merge(ctx, "acme", "shop", p.GetNumber(), "", &github.PullRequestOptions{SHA: base})
	refused(t, 409, "Head branch was modified", err)
	_, _, err = c.PullRequests.Merge(ctx, "acme", "shop", p.GetNumber(), "", &github.PullRequestOptions{MergeMethod: "rebase"})
	refused(t, 405, "not allowed", err)
	done := need[*github.PullRequestMergeResult](t)(c.PullRequests.Merge(ctx, "acme", "shop", p.GetNumber(), "", &github.PullRequestOptions{MergeMethod: "squash"}))
	log := h.Log(t, "acme/shop", "main")
	if log[0].SHA != done.GetSHA() || log[0].Message != "Add more (#1)" || len(log) != 2 {
		t.Errorf("merged as %+v", log)
	}
	p = need[*github.PullRequest](t)(c.PullRequests.Get(ctx, "acme", "shop", 1))
	if !p.GetMerged() || p.GetState() != "closed" || p.GetMergedBy().GetLogin() != "alice" {
		t.Errorf("it is %v", p)
	}
	_, _, err = c.PullRequests.Merge(ctx, "acme", "shop", 1, "", nil)
	refused(t, 405, "not mergeable", err)

	// What contradicts the base cannot be merged, and what is gone is closed.
	if _, err := commitFiles(ctx, c, "other", base, map[string]string{"one.txt": "else\n"}); err != nil {
		t.Fatal(err)
	}
	if p, err = open("other"); err != nil || p.GetMergeable() || p.GetMergeableState() != "dirty" {
		t.Errorf("opened %v, %v", p, err)
	}
	_, _, err = c.PullRequests.Merge(ctx, "acme", "shop", 2, "", nil)
	refused(t, 405, "not mergeable", err)
	h.DeleteBranch(t, "acme/shop", "other")
	if got := h.Pulls(t, "acme/shop")[1]; got.Open || got.Merged {
		t.Errorf("without its branch it is %+v", got)
	}
	// A branch that is put back to its base is done, and not merged; one that its base has caught up with is.
	h.SetFile(t, "acme/shop", "three", "three.txt", "3\n")
	if _, err = open("three"); err != nil {
		t.Fatal(err)
	}
	back := &github.Reference{Ref: github.String("refs/heads/three"), Object: &github.GitObject{SHA: github.String(done.GetSHA())}}
	need[*github.Reference](t)(c.Git.UpdateRef(ctx, "acme", "shop", back, true))
	h.SetFile(t, "acme/shop", "four", "four.txt", "4\n")
	if _, err = open("four"); err != nil {
		t.Fatal(err)
	}
	on := &github.Reference{Ref: github.String("refs/heads/main"), Object: &github.GitObject{SHA: github.String(h.Repo(t, "acme/shop").Branches["four"])}}
	need[*github.Reference](t)(c.Git.UpdateRef(ctx, "acme", "shop", on, false))
	if got := h.Pulls(t, "acme/shop"); got[2].Open || got[2].Merged || got[3].Open || !got[3].Merged {
		t.Errorf("they are %+v", got[2:])
	}
}

func TestHubIsGit(t *testing.T) {
	h, c := shopHub(t)
	h.SetFile(t, "acme/shop", "main", "README.md", "hello\n")
	token := h.Token("alice")
	dir := t.TempDir()
	if out, err := userGit(t, dir, "clone", h.CloneURL("acme/shop", ""), "secret"); err == nil {
		t.Errorf("a private repository is cloned by anybody: %s", out)
	}
	if out, err := userGit(t, dir, "clone", h.CloneURL("acme/shop", "ghp_wrong"), "wrong"); err == nil {
		t.Errorf("a private repository is cloned with a wrong token: %s", out)
	}
	if out, err := userGit(t, dir, "clone", h.CloneURL("acme/shop", token), "shop"); err != nil {
		t.Fatal(out)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "shop", "README.md")); err != nil || string(got) != "hello\n" {
		t.Errorf("cloned is %q, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "shop", "large"), []byte(rand.Text()+strings.Repeat(rand.Text(), 100_000)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"add", "."}, {"commit", "-m", "Large"}, {"-c", "core.compression=0", "push"}} {
		if out, err := userGit(t, filepath.Join(dir, "shop"), args...); err != nil {
			t.Fatal(out)
		}
	}
	ref := need[*github.Reference](t)(c.Git.GetRef(t.Context(), "acme", "shop", "heads/main"))
	log := h.Log(t, "acme/shop", "main")
	if len(log) != 2 || log[0].SHA != ref.GetObject().GetSHA() || log[0].Author != "Carol" {
		t.Errorf("pushed is %+v, %v", log, ref)
	}

	// The first branch that is pushed is the default one; a name of old is followed; what is archived is only read.
	h.NewRepo(t, "acme/new", false)
	if out, err := userGit(t, filepath.Join(dir, "shop"), "push", h.CloneURL("acme/new", token), "HEAD:trunk"); err != nil {
		t.Fatal(out)
	}
	if got := h.Repo(t, "acme/new"); got.Default != "trunk" {
		t.Errorf("it is %+v", got)
	}
	h.Rename(t, "acme/new", "acme/newer")
	if out, err := userGit(t, dir, "clone", h.CloneURL("acme/new", ""), "new"); err != nil {
		t.Error(out)
	}
	h.SetArchived(t, "acme/newer", true)
	if out, err := userGit(t, filepath.Join(dir, "shop"), "push", h.CloneURL("acme/newer", token), "HEAD:other"); err == nil {
		t.Errorf("pushed to an archive: %s", out)
	}
	for _, r := range h.Seen() {
		if strings.Contains(fmt.Sprintf("%+v", r), token) {
			t.Errorf("a token is written down: %+v", r)
		}
	}
}
