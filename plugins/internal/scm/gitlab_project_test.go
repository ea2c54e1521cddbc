package scm_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

func TestGitLabsAddressMayBeWrittenInManyWays(t *testing.T) {
	lab, host, _ := newGitLab(t, nil)
	want, err := host.Repository(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	token := lab.Token("ann", "api")
	for _, address := range []string{
		lab.URL, lab.URL + "/", lab.URL + "/gitlab", lab.URL + "/gitlab/", lab.URL + "/api/v4", lab.URL + "/gitlab/api/v4/",
		strings.Replace(lab.URL, "http", "HTTP", 1),
	} {
		host, err := gitLabAt(address, token, nil)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if got, err := host.Repository(t.Context(), shop); err != nil || got != want {
			t.Errorf("%s: %+v (%v), want %+v", address, got, err, want)
		}
	}
	for _, address := range []string{"gitlab.example.com", "ftp://gitlab.example.com", "https://ann:secret@gitlab.example.com", "https://gitlab.example.com?a=b", "https://"} {
		if _, err := gitLabAt(address, token, nil); err == nil || strings.Contains(err.Error(), "secret") || hintOf(err) == "" {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := gitLabAt(lab.URL, "", nil); err == nil || !strings.Contains(hintOf(err), "GITLAB_TOKEN") {
		t.Errorf("without a token: %v", err)
	}
}

func TestGitLabIsFoundByTheEnvironment(t *testing.T) {
	lab, _, _ := newGitLab(t, nil)
	env := map[string]string{"GITLAB_URL": lab.URL, "GITLAB_TOKEN": lab.Token("ann", "api")}
	hosts := scm.New(plugins.Env{Getenv: func(name string) string { return env[name] }, HTTP: http.DefaultClient})
	var concealed []string
	ctx := plugins.WithConceal(t.Context(), func(value string) { concealed = append(concealed, value) })
	host, err := hosts.GitLab(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, spelling := range []string{"", lab.URL + "/", lab.URL + "/api/v4"} {
		if again, err := hosts.GitLab(ctx, spelling); err != nil || again != host {
			t.Errorf("%q is another one (%v)", spelling, err)
		}
	}
	if !slices.Contains(concealed, env["GITLAB_TOKEN"]) {
		t.Error("the token is not concealed")
	}
	if other, err := hosts.GitLab(ctx, "https://gitlab.example.com"); err != nil || other == host {
		t.Errorf("another address is the same one (%v)", err)
	}
}

func TestAProjectOnGitLabNeedsAnOwnerThatIsThere(t *testing.T) {
	lab, host, _ := newGitLab(t, nil)
	lab.Group("acme", "bob")
	for _, owner := range []string{"nobody", "acme", "acme/tools"} {
		_, err := host.Create(t.Context(), scm.Path{Owner: owner, Name: "shop"}, scm.Settings{})
		if !errors.Is(err, plugins.ErrNotFound) || !strings.Contains(hintOf(err), owner) {
			t.Errorf("%s: %v (%s)", owner, err, hintOf(err))
		}
	}
}

func TestAProjectThatGitLabIsDeletingIsWaitedFor(t *testing.T) {
	lab, host, _ := newGitLab(t, nil)
	lab.Deletion(4, false)
	if err := host.Delete(t.Context(), shop); err != nil {
		t.Fatal(err)
	}
	ctx, heard := listen(t.Context())
	if _, err := host.Create(ctx, shop, scm.Settings{}); err != nil {
		t.Fatal(err)
	}
	if got := heard(); len(got) == 0 || !strings.Contains(got[0], "to delete the old project ann/shop") {
		t.Errorf("it reports %q", got)
	}
	if err := host.Delete(t.Context(), shop); err != nil {
		t.Fatal(err)
	}
	lab.Deletion(1_000_000, false)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ctx = plugins.WithReport(ctx, func(string) { cancel() })
	if _, err := host.Create(ctx, scm.Path{Owner: "ann", Name: "other"}, scm.Settings{}); err != nil {
		t.Fatal(err)
	}
	if err := host.Delete(ctx, scm.Path{Owner: "ann", Name: "other"}); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Create(ctx, scm.Path{Owner: "ann", Name: "other"}, scm.Settings{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while it waits: %v", err)
	}
}

func TestAProjectThatGitLabKeepsForSomeDaysIsGone(t *testing.T) {
	lab, host, _ := newGitLab(t, map[string]string{"a": "a"})
	before, err := host.Repository(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	lab.Deletion(0, true)
	ctx, heard := listen(t.Context())
	for range 2 {
		if err := host.Delete(ctx, shop); err != nil {
			t.Fatal(err)
		}
	}
	if got := heard(); len(got) != 1 || !strings.Contains(got[0], "keeps ann/shop until 2026-01-31") {
		t.Errorf("it reports %q", got)
	}
	if _, err := host.Repository(t.Context(), shop); !errors.Is(err, plugins.ErrNotFound) || hintOf(err) == "" {
		t.Errorf("it is found: %v", err)
	}
	after, err := host.Create(t.Context(), shop, scm.Settings{})
	if err != nil || after.ID == before.ID || !after.Empty {
		t.Errorf("the new one is %+v (%v)", after, err)
	}
}
