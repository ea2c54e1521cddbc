package parts

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// gitRepoOf is a repository with what is easily got wrong in it: names that sort in another way as folders, modes, times.
func gitRepoOf(t *testing.T) (repo *gitRepo, commits []string) {
	t.Helper()
	repo, err := newGitHost(t).create("1", "main")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	base, head := "", ""
	for i, edits := range [][]gitEntry{
		{{Path: "a/b/c", SHA: "1"}, {Path: "a.b", SHA: "2"}, {Path: "a-b", SHA: ""}, {Path: "a0", SHA: "3"}, {Path: "x", SHA: "4"}},
		{{Path: "a/b/c", SHA: ""}, {Path: "run", SHA: "5", Mode: "100755"}, {Path: "link", SHA: "x", Mode: "120000"}},
		{{Path: "x/y", SHA: "6"}, {Path: "ä ö/\t", SHA: ""}},
		{{Path: "x", SHA: "7"}},
	} {
		var entries []gitEntry
		for _, e := range edits {
			if e.Mode == "" {
				e.Mode = "100644"
			}
			if e.Type = "blob"; e.SHA != "" {
				if e.SHA, err = repo.blob([]byte(e.SHA)); err != nil {
					t.Fatal(err)
				}
			}
			entries = append(entries, e)
		}
		tree, err := repo.tree(base, entries)
		if err != nil {
			t.Fatal(err)
		}
		var parents []string
		if head != "" {
			parents = []string{head}
		}
		made, err := repo.commit(tree, fmt.Sprintf("commit %d\n\nwith a body", i), "ann", at.Add(time.Duration(i)*time.Hour), parents...)
		if err != nil {
			t.Fatal(err)
		}
		if err := repo.move("main", head, made); err != nil {
			t.Fatal(err)
		}
		base, head = made, made
		commits = append(commits, made)
	}
	return repo, commits
}

func TestWhatIsKeptIsWhatGitKeeps(t *testing.T) {
	repo, commits := gitRepoOf(t)
	head := commits[len(commits)-1]
	if out, err := repo.git(nil, nil, "fsck", "--strict", "--full", "--no-dangling"); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("fsck: %v: %s", err, out)
	}
	for _, commit := range commits {
		listed, err := repo.list(commit)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, e := range listed {
			fmt.Fprintf(&got, "%s %s %s\t%s\x00", e.Mode, e.Type, e.SHA, e.Path)
		}
		want, err := repo.git(nil, nil, "ls-tree", "-r", "-t", "-z", commit)
		if err != nil || got.String() != string(want) {
			t.Errorf("listed %q, want %q (%v)", got.String(), want, err)
		}
		for _, path := range []string{"a.b", "x", "a", "a/b/c", "run", "none"} {
			touched, err := repo.touched(commit, path)
			want, failed := repo.git(nil, nil, "rev-list", "--max-count=1", commit, "--", path)
			there := repo.resolve(commit+":"+path) != ""
			if err != nil || failed != nil || there && touched != string(bytes.TrimSpace(want)) {
				t.Errorf("%s was changed by %s, want %s (%v, %v)", path, touched, want, err, failed)
			}
			is, _ := repo.git(nil, nil, "rev-parse", "--verify", "--quiet", commit+":"+path)
			if got := repo.resolve(commit + ":" + path); got != string(bytes.TrimSpace(is)) {
				t.Errorf("%s is %q, want %q", path, got, is)
			}
		}
	}
	said, ok := repo.commitOf(head)
	if !ok || said.message != "commit 3\n\nwith a body" || said.author.Date != "2026-01-01T15:00:00Z" || len(said.parents) != 1 {
		t.Errorf("the commit says %+v", said)
	}
}

func TestWhatGitHasPackedIsReadAsWell(t *testing.T) {
	repo, commits := gitRepoOf(t)
	if _, err := repo.git(nil, nil, "repack", "-a", "-d", "-q"); err != nil {
		t.Fatal(err)
	}
	again := &gitRepo{host: repo.host, dir: repo.dir, objects: gitObjects{seen: map[string]gitObject{}}}
	if _, err := os.Stat(again.objectFile(commits[0])); !os.IsNotExist(err) {
		t.Fatalf("it is not packed: %v", err)
	}
	want, err := repo.list(commits[2])
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.list(commits[2])
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v (%v)", got, want, err)
	}
}

func TestABranchMovesFromWhereItIsOnly(t *testing.T) {
	repo, commits := gitRepoOf(t)
	for _, branch := range []string{"next", "feature/x#1", "v1.0", "main/below"} {
		err := repo.move(branch, "", commits[0])
		if below := branch == "main/below"; below != (err != nil) {
			t.Errorf("%s is made: %v", branch, err)
		}
	}
	for _, branch := range []string{"next", "feature/x#1"} {
		if err := repo.move(branch, commits[1], commits[2]); err == nil {
			t.Errorf("%s has moved from where it is not", branch)
		}
		if err := repo.move(branch, "", commits[2]); err == nil {
			t.Errorf("%s was made once more", branch)
		}
		if err := repo.move(branch, commits[0], commits[2]); err != nil {
			t.Error(err)
		}
	}
	heads, err := repo.branches()
	if err != nil || len(heads) != 4 || heads["next"] != commits[2] || heads["feature/x#1"] != commits[2] || heads["main"] != commits[3] {
		t.Errorf("there are %v (%v)", heads, err)
	}
	if err := repo.move("next", commits[2], ""); err != nil || repo.head("next") != "" {
		t.Errorf("it is at %q (%v)", repo.head("next"), err)
	}
	if err := repo.move("a..b", "", commits[0]); err == nil {
		t.Error("git would not have that name")
	}
	if left, err := filepath.Glob(filepath.Join(repo.dir, "refs", "heads", "*.lock")); err != nil || len(left) > 0 {
		t.Errorf("there are %q (%v)", left, err)
	}
}
