package scm_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

func TestVariablesOnGitLabAreMaskedWhereTheyCanBe(t *testing.T) {
	lab, host, _ := newGitLab(t, nil)
	lab.AddVariable("ann/shop", "NAME_A", "theirs", "production")
	for value, masked := range map[string]bool{
		"dckr_pat_abc-123": true, "with$dollar!and{more}": true, "short": false, "two words in it": false,
		"-----BEGIN KEY-----\nabc\n-----END KEY-----\n": false, "": false,
	} {
		if err := host.SetSecret(t.Context(), shop, "NAME_B", value); err != nil {
			t.Errorf("%q: %v", value, err)
		}
		if got, want := lab.Variables("ann/shop")["NAME_B"], (parts.LabVariable{Value: value, Masked: masked, Raw: true, Scope: "*"}); got != want {
			t.Errorf("%q: it is %+v, want %+v", value, got, want)
		}
	}
	if names, err := host.SecretNames(t.Context(), shop); err != nil || !slices.Equal(names, []string{"NAME_B"}) {
		t.Errorf("there are %q (%v)", names, err)
	}
	for _, do := range []func() error{
		func() error { return host.SetSecret(t.Context(), shop, "NAME_A", "ours, for all the others") },
		func() error { return host.SetSecret(t.Context(), shop, "NAME_A", "ours, once more") },
		func() error { return host.DeleteSecret(t.Context(), shop, "NAME_A") },
		func() error { return host.DeleteSecret(t.Context(), shop, "NAME_A") },
	} {
		if err := do(); err != nil {
			t.Error(err)
		}
	}
	if got := lab.Variables("ann/shop")["NAME_A"]; got.Value != "theirs" || got.Scope != "production" {
		t.Errorf("the variable of another environment is %+v", got)
	}
	for i := range 250 {
		lab.AddVariable("ann/shop", fmt.Sprintf("MANY_%d", i), "x", "*")
	}
	if names, err := host.SecretNames(t.Context(), shop); err != nil || len(names) != 251 || !slices.IsSorted(names) {
		t.Errorf("there are %d (%v)", len(names), err)
	}
	if err := host.SetSecret(t.Context(), shop, "NOT-A-NAME", "x"); err == nil || hintOf(err) == "" {
		t.Errorf("a name that is none: %v", err)
	}
}

func TestWhatGitLabRefusesIsToldWithAHint(t *testing.T) {
	lab, host, _ := newGitLab(t, map[string]string{"a": "a"})
	for status, want := range map[string]string{
		`403 {"error":"insufficient_scope","error_description":"The request requires higher privileges"}`: "the scope api",
		`403 {"message":"403 Forbidden"}`:                                "lacks the right",
		`401 {"message":"401 Unauthorized"}`:                             "GITLAB_TOKEN",
		`400 {"message":"You are not allowed to push into this branch"}`: "viaPullRequest",
	} {
		code, body, _ := strings.Cut(status, " ")
		var trouble parts.Trouble
		if _, err := fmt.Sscan(code, &trouble.Status); err != nil {
			t.Fatal(err)
		}
		trouble.Body = body
		tree, err := host.List(t.Context(), shop, "main", nil)
		if err != nil {
			t.Fatal(err)
		}
		heal := lab.FailOn("POST /api/v4/projects/", 1, trouble)
		_, err = host.Commit(t.Context(), shop, "main", scm.Change{Base: tree.Head, Message: "m", Put: map[string]scm.File{"b": {}}})
		if !heal() || !strings.Contains(hintOf(err), want) {
			t.Errorf("%s: %v (%s), want %s", status, err, hintOf(err), want)
		}
		if asked := "answers " + code + " to POST /api/v4/projects/"; err == nil || !strings.Contains(err.Error(), asked) {
			t.Errorf("%v, want %s", err, asked)
		}
	}
}

func TestGitLabsAnswersAreAskedForOnce(t *testing.T) {
	lab, host, _ := newGitLab(t, nil)
	for _, trouble := range []parts.Trouble{{Status: 500}, {Status: 502}, {Half: true}, {Short: true}} {
		lab.Reset()
		lab.Fail(1, trouble)
		_, err := host.Repository(t.Context(), shop)
		if _, ok := plugins.RetryAfter(err); !ok || len(lab.Requests()) != 1 {
			t.Errorf("%+v: %v after %q", trouble, err, lab.Requests())
		}
	}
}

func TestGitLabsTokenGoesNowhereElse(t *testing.T) {
	lab, host, _ := newGitLab(t, map[string]string{"a": "a"})
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host was asked %s with %v", r.URL, r.Header)
	}))
	defer elsewhere.Close()
	lab.Fail(1, parts.Trouble{Status: http.StatusFound, Header: map[string]string{"Location": elsewhere.URL + "/api/v4/projects/1"}})
	if _, err := host.Repository(t.Context(), shop); err == nil || hintOf(err) == "" {
		t.Errorf("%v (%s)", err, hintOf(err))
	}
}
