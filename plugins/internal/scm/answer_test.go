package scm_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// said is a line on which every request is answered in the same way.
func said(text string) via {
	return func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return answer(r, text), nil
	}
}

func answer(r *http.Request, text string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Request: r, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(text))}
}

// public are the hosts that everybody uses.
func public(t *testing.T, line http.RoundTripper) map[string]scm.Host {
	t.Helper()
	hub, err := scm.NewGitHub(env(line), scm.Options{Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	lab, err := scm.NewGitLab(env(line), scm.Options{Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]scm.Host{"GitHub": hub, "GitLab": lab}
}

func TestAnAnswerThatSaysNothingIsNoSuccessAndNoPanic(t *testing.T) {
	for _, empty := range []string{
		``, `{}`, `null`, `[]`, `[null]`, `[{}]`, `"text"`, `1`, `true`, `{"tree": [null], "sha": "1"}`, `{"object": null, "id": 1}`,
		`{"total_count": 1, "secrets": [null]}`, `{"id": 1, "name": "n", "owner": null}`, `{"id": 1, "path": "n", "namespace": null}`,
	} {
		for name, host := range public(t, said(empty)) {
			ctx, path := t.Context(), scm.Path{Owner: "ann", Name: "shop"}
			change := scm.Change{Message: "m", Put: files("a")}
			_, repository := host.Repository(ctx, path)
			_, created := host.Create(ctx, path, scm.Settings{})
			_, configured := host.Configure(ctx, path, scm.Settings{Description: "d"})
			_, listed := host.List(ctx, path, "main", []string{"a", "b/c"})
			_, committed := host.Commit(ctx, path, "main", change)
			_, proposed := host.Propose(ctx, path, "dtm/x", "main", change)
			_, open := host.Proposed(ctx, path, "dtm/x", "main")
			for verb, err := range map[string]error{
				"repository": repository, "create": created, "configure": configured, "list": listed, "commit": committed, "propose": proposed,
				"proposed": open, "set secret": host.SetSecret(ctx, path, "A", "b"), "archive": host.Archive(ctx, path),
			} {
				if err == nil {
					t.Errorf("%s: %s of %q is no error", name, verb, empty)
				}
			}
			names, err := host.SecretNames(ctx, path)
			if len(names) > 0 {
				t.Errorf("%s: the secrets of %q are %q (%v)", name, empty, names, err)
			}
			// To these it is the end of something that was to go; they only must not fall over.
			_ = host.Withdraw(ctx, path, "dtm/x", "main")
			_ = host.DeleteSecret(ctx, path, "A")
		}
	}
}

func TestARequestOfAForkIsNotTakenForOnesOwn(t *testing.T) {
	var sent []string
	theirs, ours := `{"number": 1, "state": "open", "head": {"ref": "dtm/x", "repo": {"id": 8}}, "base": {"ref": "main", "repo": {"id": 7}}}`,
		`{"number": 2, "html_url": "u", "state": "open", "head": {"ref": "dtm/x", "sha": "s", "repo": {"id": 7}}, "base": {"ref": "main", "repo": {"id": 7}}}`
	mr := func(n int, source int) string {
		return fmt.Sprintf(`{"iid": %d, "source_project_id": %d, "target_project_id": 7, "source_branch": "dtm/x", "target_branch": "main", "sha": "s"}`, n, source)
	}
	// So many that ours is not on the first page.
	forks := strings.Repeat(mr(1, 8)+",", 99) + mr(1, 8)
	line := via(func(r *http.Request) (*http.Response, error) {
		sent = append(sent, r.Method+" "+r.URL.Path)
		switch {
		case r.URL.Path == "/repos/ann/shop":
			return answer(r, `{"id": 7, "name": "shop", "owner": {"login": "ann"}}`), nil
		case strings.HasSuffix(r.URL.Path, "/pulls"):
			return answer(r, `[`+theirs+`,`+ours+`]`), nil
		case r.URL.Query().Get("page") == "2":
			return answer(r, `[`+mr(2, 7)+`]`), nil
		}
		a := answer(r, `[`+forks+`]`)
		a.Header.Set("X-Next-Page", strconv.Itoa(2))
		return a, nil
	})
	for name, host := range public(t, line) {
		p, err := host.Proposed(t.Context(), scm.Path{Owner: "ann", Name: "shop"}, "dtm/x", "main")
		if err != nil || p.Number != 2 {
			t.Errorf("%s: %+v (%v) after %q", name, p, err, sent)
		}
	}
	theirs, ours, forks = theirs+","+theirs, theirs, mr(1, 8)
	_, err := public(t, line)["GitHub"].Proposed(t.Context(), scm.Path{Owner: "ann", Name: "shop"}, "dtm/x", "main")
	if !errors.Is(err, plugins.ErrNotFound) {
		t.Errorf("a fork's: %v", err)
	}
}

func TestWhatIsSentIsNeverTooLongForOneRequest(t *testing.T) {
	longest := int64(0)
	hub, subject := gitHub(t)
	host, err := subject.Open(via(func(r *http.Request) (*http.Response, error) {
		longest = max(longest, r.ContentLength)
		return http.DefaultTransport.RoundTrip(r)
	}))
	if err != nil {
		t.Fatal(err)
	}
	path := shopOf(t, host, "a")
	tree, err := host.List(t.Context(), path, "main", nil)
	if err != nil {
		t.Fatal(err)
	}
	put := map[string]scm.File{}
	for i := range 10 {
		put[fmt.Sprintf("%d.txt", i)] = scm.File{Content: []byte(strings.Repeat(strconv.Itoa(i), 1<<20))}
	}
	if _, err := host.Commit(t.Context(), path, "main", scm.Change{Base: tree.Head, Message: "m", Put: put}); err != nil {
		t.Fatal(err)
	}
	if longest > 9<<20 || len(hub.Files(t, path.String(), "main")) != 11 {
		t.Errorf("%d bytes were sent at once, and there are %d files", longest, len(hub.Files(t, path.String(), "main")))
	}
}
