package scm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// via is a line on which something happens.
type via func(r *http.Request) (*http.Response, error)

func (f via) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func openHub(t *testing.T, hub *parts.Hub, token string, line http.RoundTripper) scm.Host {
	t.Helper()
	host, err := scm.NewGitHub(env(line), scm.Options{BaseURL: hub.URL, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return host
}

func files(texts ...string) map[string]scm.File {
	put := map[string]scm.File{}
	for _, text := range texts {
		put[text] = scm.File{Content: []byte(text)}
	}
	return put
}

// shopOf is a repository with some files on main.
func shopOf(t *testing.T, host scm.Host, names ...string) scm.Path {
	t.Helper()
	path := scm.Path{Owner: "ann", Name: "shop"}
	if _, err := host.Create(t.Context(), path, scm.Settings{Visibility: scm.Private}); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Commit(t.Context(), path, "main", scm.Change{Message: "begin", Put: files(names...)}); err != nil {
		t.Fatal(err)
	}
	return path
}

// hinted checks that an error has all of this in its text or hint.
func hinted(t *testing.T, err error, want ...string) {
	t.Helper()
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) {
		t.Errorf("%v has no hint", err)
		return
	}
	for _, text := range want {
		if !strings.Contains(err.Error()+"\n"+hint.Hint(), text) {
			t.Errorf("%v (%s) does not say %q", err, hint.Hint(), text)
		}
	}
}

func TestGitHubEnterpriseIsSpokenToBelowItsPath(t *testing.T) {
	hub := parts.GitHub(t)
	host, err := scm.NewGitHub(env(nil), scm.Options{BaseURL: hub.URL + "api/v3", Token: hub.Token("ann")})
	if err != nil {
		t.Fatal(err)
	}
	shopOf(t, host, "a", "b")
	for _, r := range hub.Requests() {
		if !strings.Contains(r, " /api/v3/") {
			t.Errorf("sent %s", r)
		}
	}
}

func TestWhoseRepositoryItIsToBeDecidesWhereItIsMade(t *testing.T) {
	hub := parts.GitHub(t)
	hub.Org("acme", "bob", "ann")
	hub.Org("closed", "bob")
	host := openHub(t, hub, hub.Token("ann"), nil)
	create := func(owner string, v scm.Visibility) error {
		_, err := host.Create(t.Context(), scm.Path{Owner: owner, Name: "x"}, scm.Settings{Visibility: v})
		return err
	}
	if err := errors.Join(create("ANN", scm.Public), create("Acme", scm.Private)); err != nil {
		t.Fatal(err)
	}
	if hub.Repo(t, "ann/x").Private || !hub.Repo(t, "acme/x").Private {
		t.Error("the repositories are not as visible as they were to be")
	}
	hinted(t, create("bob", scm.Private), "bob is a user", "ann")
	hinted(t, create("nobody", scm.Private), "there must be a user or an organisation nobody")
	hinted(t, create("closed", scm.Private), "403", "right")
	hinted(t, create("ann", scm.Internal), "cannot be internal")
	if got := hub.Repos(); !slices.Equal(got, []string{"acme/x", "ann/x"}) {
		t.Errorf("there are %q", got)
	}
}

func TestATokenThatMayNotIsToldWhatItLacks(t *testing.T) {
	hub := parts.GitHub(t)
	path := shopOf(t, openHub(t, hub, hub.Token("ann"), nil), "a")
	hub.SetPrivate(t, path.String(), false)
	commit := func(host scm.Host, file string) error {
		tree, err := host.List(t.Context(), path, "main", nil)
		if err != nil {
			return err
		}
		_, err = host.Commit(t.Context(), path, "main", scm.Change{Base: tree.Head, Message: "m", Put: files(file)})
		return err
	}
	weak := openHub(t, hub, hub.Token("ann", "repo"), nil)
	err := commit(weak, ".github/workflows/ci.yml")
	hinted(t, err, "workflow")
	if errors.Is(err, plugins.ErrNotFound) {
		t.Errorf("%v says that there is nothing", err)
	}
	hinted(t, weak.Delete(t.Context(), path), "right")
	guest := openHub(t, hub, hub.Token("carol"), nil)
	err = commit(guest, "b")
	hinted(t, err, "may not write")
	if errors.Is(err, plugins.ErrNotFound) {
		t.Errorf("%v says that there is nothing", err)
	}
	_, err = guest.Configure(t.Context(), path, scm.Settings{Description: "mine"})
	hinted(t, err, "right")
	gone := hub.Token("ann")
	hub.Revoke(gone)
	hinted(t, commit(openHub(t, hub, gone, nil), "b"), "GITHUB_TOKEN", "401")
	hub.SetArchived(t, path.String(), true)
	_, err = openHub(t, hub, hub.Token("ann"), nil).Configure(t.Context(), path, scm.Settings{Description: "new"})
	hinted(t, err, "archived", "unarchive")
}

func TestATokenThatIsNotAuthorisedForAnOrganisationIsToldWhere(t *testing.T) {
	host, err := scm.NewGitHub(env(via(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 403, Request: r, Body: io.NopCloser(strings.NewReader(`{"message": "Resource protected by organization SAML enforcement."}`)),
			Header: http.Header{"X-Github-Sso": {"required; url=https://github.com/orgs/acme/sso?authorization_request=abc"}}}, nil
	})), scm.Options{Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = host.Repository(t.Context(), scm.Path{Owner: "acme", Name: "shop"})
	hinted(t, err, "https://github.com/orgs/acme/sso?authorization_request=abc", "api.github.com")
}

func TestATreeThatGitHubDoesNotListAsAWholeIsWalked(t *testing.T) {
	hub := parts.GitHub(t)
	host := openHub(t, hub, hub.Token("ann"), nil)
	path := shopOf(t, host, "a", "dir/b", "dir/deep/er/c", "other/d")
	hub.TreeSize(3)
	tree, err := host.List(t.Context(), path, "main", []string{"a", "dir/b", "dir/deep/er/c", "dir/deep/er", "dir/none", "none/at/all", "a/b"})
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Blobs) != 3 || tree.Blobs["dir/deep/er/c"] != files("dir/deep/er/c")["dir/deep/er/c"].Blob() {
		t.Errorf("listed %v", tree.Blobs)
	}
	if _, err := host.Commit(t.Context(), path, "main", scm.Change{Base: tree.Head, Message: "m", Put: files("dir/e"), Remove: []string{"dir/b", "none"}}); err != nil {
		t.Fatal(err)
	}
	hub.TreeSize(1)
	if _, err := host.List(t.Context(), path, "main", []string{"dir/e"}); err == nil {
		t.Error("half a folder was taken for the whole one")
	}
}

func TestListsAreReadToTheirEnd(t *testing.T) {
	hub := parts.GitHub(t)
	hub.PageSize(2)
	host := openHub(t, hub, hub.Token("ann"), nil)
	path := shopOf(t, host, "a")
	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprintf("NAME_%d", i))
		if err := host.SetSecret(t.Context(), path, want[i], "value"); err != nil {
			t.Fatal(err)
		}
	}
	names, err := host.SecretNames(t.Context(), path)
	if err != nil || !slices.Equal(names, want) {
		t.Errorf("%q, %v", names, err)
	}
	keys := 0
	for _, r := range hub.Requests() {
		if strings.HasSuffix(r, "/public-key") {
			keys++
		}
	}
	if keys != 1 {
		t.Errorf("the key was asked for %d times", keys)
	}
}

func TestAPageThatLacksSomethingIsNoList(t *testing.T) {
	host, err := scm.NewGitHub(env(via(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Request: r, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"total_count": 2, "secrets": [{"name": "A"}]}`))}, nil
	})), scm.Options{Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	names, err := host.SecretNames(t.Context(), scm.Path{Owner: "ann", Name: "shop"})
	if _, ok := plugins.RetryAfter(err); !ok {
		t.Errorf("%q, %v", names, err)
	}
}

func TestWhereARuleForbidsForceThereAreTwoCommits(t *testing.T) {
	hub := parts.GitHub(t)
	ruled := via(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/git/refs/") {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			if bytes.Contains(body, []byte(`"force":true`)) {
				return &http.Response{StatusCode: 422, Request: r, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"message": "Repository rule violations found\n\nCannot force-push to this branch"}`))}, nil
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	path := shopOf(t, openHub(t, hub, hub.Token("ann"), ruled), "a", "b", "c")
	if got := hub.Files(t, path.String(), "main"); len(got) != 3 {
		t.Errorf("there are %q", got)
	}
	if log := hub.Log(t, path.String(), "main"); len(log) != 2 || strings.TrimSpace(log[0].Message) != "begin" {
		t.Errorf("the commits are %+v", log)
	}
}

func TestWhatSomebodyPutsOnTopOfTheFirstCommitIsNotLost(t *testing.T) {
	hub := parts.GitHub(t)
	once := false
	// Somebody else commits right before the first commit is replaced.
	busy := via(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/git/commits") && !once {
			once = true
			hub.SetFile(t, "ann/shop", "main", "theirs", "theirs")
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	host := openHub(t, hub, hub.Token("ann"), busy)
	path := scm.Path{Owner: "ann", Name: "shop"}
	if _, err := host.Create(t.Context(), path, scm.Settings{}); err != nil {
		t.Fatal(err)
	}
	change := scm.Change{Message: "begin", Put: files("a", "b")}
	if _, err := host.Commit(t.Context(), path, "main", change); !errors.Is(err, scm.ErrChanged) {
		t.Fatalf("commit: %v", err)
	}
	tree, err := host.List(t.Context(), path, "main", nil)
	if err != nil {
		t.Fatal(err)
	}
	change.Base = tree.Head
	if _, err := host.Commit(t.Context(), path, "main", change); err != nil {
		t.Fatal(err)
	}
	if got := hub.Files(t, path.String(), "main"); len(got) != 3 || got["theirs"] != "theirs" {
		t.Errorf("there are %q", got)
	}
}

func TestABranchThatIsProtectedIsToldAndNothingIsLost(t *testing.T) {
	hub := parts.GitHub(t)
	token := hub.Token("ann")
	path := shopOf(t, openHub(t, hub, token, nil), "a")
	protected := via(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPatch {
			_ = r.Body.Close()
			return &http.Response{StatusCode: 422, Request: r, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"message": "Changes must be made through a pull request."}`))}, nil
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	host := openHub(t, hub, token, protected)
	tree, err := host.List(t.Context(), path, "main", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = host.Commit(t.Context(), path, "main", scm.Change{Base: tree.Head, Message: "m", Put: files("b")})
	hinted(t, err, "Changes must be made through a pull request", "viaPullRequest")
	if errors.Is(err, scm.ErrChanged) {
		t.Errorf("%v says that somebody was faster", err)
	}
}

func TestManyFilesAreAFewRequests(t *testing.T) {
	hub := parts.GitHub(t)
	host := openHub(t, hub, hub.Token("ann"), nil)
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("dir-%d/file-%d", i%7, i))
	}
	writes := func() (n int) {
		for _, r := range hub.Requests() {
			if !strings.HasPrefix(r, "GET ") {
				n++
			}
		}
		hub.Reset()
		return n
	}
	path := shopOf(t, host, names...)
	// The repository, a first file, the tree, the commit, the branch.
	if n := writes(); n != 5 {
		t.Errorf("the first commit took %d writes", n)
	}
	tree, err := host.List(t.Context(), path, "main", names)
	if err != nil {
		t.Fatal(err)
	}
	if got := hub.Requests(); len(got) != 2 {
		t.Errorf("a list took %q", got)
	}
	if _, err := host.Commit(t.Context(), path, "main", scm.Change{Base: tree.Head, Message: "m", Put: files("x", "y"), Remove: names[:50]}); err != nil {
		t.Fatal(err)
	}
	if n := writes(); n != 3 {
		t.Errorf("another commit took %d writes", n)
	}
}

func TestAProposalIsFoundAfterItsRepositoryWasMovedToAnotherOwner(t *testing.T) {
	hub := parts.GitHub(t)
	hub.Org("acme", "ann")
	host := openHub(t, hub, hub.Token("ann"), nil)
	path := shopOf(t, host, "a")
	tree, err := host.List(t.Context(), path, "main", nil)
	if err != nil {
		t.Fatal(err)
	}
	made, err := host.Propose(t.Context(), path, "dtm/x", "main", scm.Change{Base: tree.Head, Message: "m", Put: files("b")})
	if err != nil {
		t.Fatal(err)
	}
	hub.Rename(t, "ann/shop", "acme/store")
	found, err := host.Proposed(t.Context(), path, "dtm/x", "main")
	if err != nil || found.Number != made.Number || found.Commit != made.Commit {
		t.Errorf("found %+v, %v; want %+v", found, err, made)
	}
	if err := host.Withdraw(t.Context(), path, "dtm/x", "main"); err != nil {
		t.Error(err)
	}
	if p := hub.Pulls(t, "acme/store"); len(p) != 1 || p[0].Open {
		t.Errorf("there are %+v", p)
	}
}

func TestNoCredentialGoesToWhereARedirectLeads(t *testing.T) {
	hub, foreign := parts.GitHub(t), parts.GitHub(t)
	host := openHub(t, hub, hub.Token("ann"), nil)
	path := shopOf(t, host, "a")
	for _, status := range []int{301, 302, 307, 308} {
		heal := hub.Break(1, parts.HubFault{Status: status, Times: -1, Header: http.Header{"Location": {foreign.URL + "repos/ann/shop"}}})
		_, err := host.Repository(t.Context(), path)
		hinted(t, err, "redirects to "+strings.TrimSuffix(foreign.URL, "/"), "base URL")
		hinted(t, host.SetSecret(t.Context(), path, "NAME", "value"), "redirects to")
		heal()
	}
	if seen := foreign.Seen(); len(seen) > 0 {
		t.Errorf("the other host saw %v", seen)
	}
}

func TestAServiceThatSaysNothingIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, err := scm.NewGitHub(env(via(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})), scm.Options{Token: "t"})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = host.Repository(t.Context(), scm.Path{Owner: "ann", Name: "shop"})
		if _, ok := plugins.RetryAfter(err); !ok || errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		hinted(t, err, "no answer within 1m0s", "look at repository ann/shop on api.github.com", "Get ")
	})
}

func TestEightToolsThatShareACredentialWaitOnlyForOneAnothersWrites(t *testing.T) {
	hub := parts.GitHub(t)
	vars := map[string]string{"GITHUB_TOKEN": hub.Token("ann"), "GITHUB_API_URL": hub.URL}
	e := env(nil)
	e.Getenv = func(name string) string { return vars[name] }
	hosts := scm.New(e)
	hub.Reset()
	var tools sync.WaitGroup
	for i := range 8 {
		tools.Go(func() {
			host, err := hosts.GitHub(t.Context(), "")
			if err != nil {
				t.Error(err)
				return
			}
			path := scm.Path{Owner: "ann", Name: fmt.Sprintf("shop-%d", i)}
			if _, err := host.Create(t.Context(), path, scm.Settings{}); err != nil {
				t.Error(err)
			}
			if _, err := host.Commit(t.Context(), path, "main", scm.Change{Message: "m", Put: files("a", "b")}); err != nil {
				t.Error(err)
			}
		})
	}
	tools.Wait()
	if n := hub.WritesAtOnce(vars["GITHUB_TOKEN"]); n != 1 {
		t.Errorf("%d writes were under way at once", n)
	}
}

func TestAProposalThatIsOpenAlreadyIsNotMadeAgain(t *testing.T) {
	hub := parts.GitHub(t)
	host := openHub(t, hub, hub.Token("ann"), nil)
	path := shopOf(t, host, "a")
	tree, err := host.List(t.Context(), path, "main", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"trees commits refs pulls", "trees"} {
		hub.Reset()
		if _, err := host.Propose(t.Context(), path, "dtm/x", "main", scm.Change{Base: tree.Head, Message: "m\n\nbody\n", Put: files("b")}); err != nil {
			t.Fatal(err)
		}
		var writes []string
		for _, r := range hub.Requests() {
			if _, what, ok := strings.Cut(r, "POST /repos/ann/shop/"); ok {
				writes = append(writes, strings.TrimPrefix(what, "git/"))
			} else if !strings.HasPrefix(r, "GET ") {
				t.Errorf("sent %s", r)
			}
		}
		if got := strings.Join(writes, " "); got != want {
			t.Errorf("wrote %s, want %s", got, want)
		}
	}
}

func TestAFirstCommitThatWasInterruptedIsReplacedByWhoBeganItOnly(t *testing.T) {
	hub := parts.GitHub(t)
	down := false
	host := openHub(t, hub, hub.Token("ann"), via(func(r *http.Request) (*http.Response, error) {
		if down && strings.HasSuffix(r.URL.Path, "/git/trees") {
			_ = r.Body.Close()
			return nil, errors.New("the network is down")
		}
		return http.DefaultTransport.RoundTrip(r)
	}))
	path := scm.Path{Owner: "ann", Name: "shop"}
	if _, err := host.Create(t.Context(), path, scm.Settings{}); err != nil {
		t.Fatal(err)
	}
	down = true
	begin := scm.Change{Message: "begin", Put: files("a", "b")}
	if _, err := host.Commit(t.Context(), path, "main", begin); err == nil {
		t.Fatal("a commit without a network")
	}
	down = false
	if _, err := host.Commit(t.Context(), path, "next", scm.Change{Message: "another", Put: files("c")}); err != nil {
		t.Fatal(err)
	}
	if is := hub.Repo(t, path.String()); is.Default != "main" || len(is.Branches) != 2 {
		t.Errorf("there is %+v", is)
	}
	tree, err := host.List(t.Context(), path, "main", []string{"a", "b"})
	if err != nil || len(tree.Blobs) != 1 {
		t.Fatalf("listed %+v, %v", tree, err)
	}
	begin.Base = tree.Head
	if _, err := host.Commit(t.Context(), path, "main", begin); err != nil {
		t.Fatal(err)
	}
	if log := hub.Log(t, path.String(), "main"); len(log) != 1 || strings.TrimSpace(log[0].Message) != "begin" {
		t.Errorf("the commits are %+v", log)
	}
	if got := hub.Files(t, path.String(), "next"); len(got) != 2 || got["c"] != "c" {
		t.Errorf("on next there are %q", got)
	}
}

func TestACertificateThatNobodyTrustsIsNothingThatPasses(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	host, err := scm.NewGitHub(env(nil), scm.Options{BaseURL: server.URL, Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = host.Repository(t.Context(), scm.Path{Owner: "ann", Name: "shop"})
	hinted(t, err, "certificate")
	if _, ok := plugins.RetryAfter(err); ok {
		t.Errorf("%v is tried again", err)
	}
}
