package scm_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/devstream-io/dtm/plugins/internal/scm"
	"github.com/devstream-io/dtm/plugins/internal/scm/scmtest"
)

func TestALargeProjectOnGitLabIsNotListedAsAWhole(t *testing.T) {
	files := map[string]string{"README.md": "r"}
	for i := range 30 {
		files[fmt.Sprintf("src/%02d/x", i)] = "x"
	}
	lab, host, _ := newGitLab(t, files)
	wanted := []string{"README.md", "src/07/x", "src/07/y", "none/z"}
	want := map[string]string{"README.md": scm.File{Content: []byte("r")}.Blob(), "src/07/x": scm.File{Content: []byte("x")}.Blob()}
	for pages, limit := range map[int]int{0: 2, 20: 6, 3: 26} {
		lab.Paging(pages)
		lab.Reset()
		tree, err := host.List(t.Context(), shop, "main", wanted)
		if err != nil || !maps.Equal(tree.Blobs, want) {
			t.Errorf("pages of %d: %+v (%v)", pages, tree, err)
		}
		if got := lab.Requests(); len(got) > limit {
			t.Errorf("pages of %d: %d requests, want %d: %q", pages, len(got), limit, got)
		}
	}
	lab.Paging(3)
	lab.Reset()
	if _, err := host.List(t.Context(), shop, "main", []string{"src/07/x"}); err != nil || len(lab.Requests()) != 2 {
		t.Errorf("one file: %v, requests %q", err, lab.Requests())
	}
}

func TestAFileThatIsChangedMeanwhileIsNotOverwrittenOnGitLab(t *testing.T) {
	for _, change := range []scm.Change{
		{Put: map[string]scm.File{"a": {Content: []byte("mine")}}},
		{Put: map[string]scm.File{"new": {Content: []byte("mine")}}},
		{Remove: []string{"a"}},
	} {
		for n := 1; n <= 10; n++ {
			lab, host, line := newGitLab(t, map[string]string{"a": "a"})
			tree, err := host.List(t.Context(), shop, "main", nil)
			if err != nil {
				t.Fatal(err)
			}
			heal := line.Fail(scmtest.Fault{N: n, Push: func() {
				lab.SetFile("ann/shop", "main", "a", "theirs")
				lab.SetFile("ann/shop", "main", "new", "theirs")
			}})
			change.Base, change.Message = tree.Head, "mine"
			_, err = host.Commit(t.Context(), shop, "main", change)
			if !heal() {
				break
			}
			if !errors.Is(err, scm.ErrChanged) {
				t.Errorf("overtaken before request %d: %v", n, err)
			}
			if got, want := lab.Files("ann/shop", "main"), map[string]string{"a": "theirs", "new": "theirs"}; !maps.Equal(got, want) {
				t.Errorf("overtaken before request %d: there are %q", n, got)
			}
		}
	}
}

func TestAForcedProposalOnGitLabKeepsTheBase(t *testing.T) {
	lab, host, _ := newGitLab(t, map[string]string{"a": "a"})
	for i, text := range []string{"one", "two", "two"} {
		tree, err := host.List(t.Context(), shop, "main", nil)
		if err != nil {
			t.Fatal(err)
		}
		change := scm.Change{Base: tree.Head, Message: "ci: add b\n\nwith a body", Put: map[string]scm.File{"b": {Content: []byte(text)}}}
		p, err := host.Propose(t.Context(), shop, "dtm/b", "main", change)
		if err != nil || p.Number != 1 || p.Merged || p.Commit != lab.Branches("ann/shop")["dtm/b"] {
			t.Errorf("%d: %+v (%v)", i, p, err)
		}
		if got, want := lab.Log("ann/shop", "dtm/b"), []string{"ci: add b\n\nwith a body", "begin"}; !slices.Equal(got, want) {
			t.Errorf("%d: the branch has %q", i, got)
		}
	}
	requests := lab.MergeRequests("ann/shop")
	if len(requests) != 1 || requests[0].Title != "ci: add b" || requests[0].Text != "with a body" || !requests[0].RemovesBranchOnMerge {
		t.Errorf("there are %+v", requests)
	}
	if got, want := lab.Files("ann/shop", "main"), map[string]string{"a": "a"}; !maps.Equal(got, want) {
		t.Errorf("on main there are %q", got)
	}
}
