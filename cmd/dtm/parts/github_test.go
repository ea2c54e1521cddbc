package parts

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v45/github"
)

// hubClient is a go-github client of a hub, which repeats nothing.
func hubClient(h *Hub, token string) *github.Client {
	c := github.NewClient(&http.Client{Transport: bearer(token)})
	c.BaseURL, _ = url.Parse(h.URL)
	return c
}

type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if b != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+string(b))
	}
	return http.DefaultTransport.RoundTrip(r)
}

// shopHub has an organisation acme with a private, empty repository shop, and two users.
func shopHub(t testing.TB) (h *Hub, c *github.Client) {
	t.Helper()
	h = GitHub(t)
	h.Org("acme", "alice", "bob")
	h.NewRepo(t, "acme/shop", true)
	return h, hubClient(h, h.Token("alice"))
}

func need[T any](t testing.TB) func(got T, _ *github.Response, err error) T {
	return func(got T, _ *github.Response, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
}

// refused is that an answer is refused so.
func refused(t testing.TB, status int, message string, err error) {
	t.Helper()
	var e *github.ErrorResponse
	var limit *github.RateLimitError
	switch {
	case errors.As(err, &e):
		if e.Response.StatusCode != status || !strings.Contains(fmt.Sprint(e.Message, e.Errors), message) {
			t.Errorf("answered %d %q %v, want %d %q", e.Response.StatusCode, e.Message, e.Errors, status, message)
		}
	case errors.As(err, &limit):
		if limit.Response.StatusCode != status || !strings.Contains(limit.Message, message) {
			t.Errorf("answered %d %q, want %d %q", limit.Response.StatusCode, limit.Message, status, message)
		}
	default:
		t.Errorf("answered with %v, want %d %q", err, status, message)
	}
}

func TestHubFollowsItsDescriptionWhole(t *testing.T) {
	agreed, err := githubContract()
	if err != nil {
		t.Fatal(err)
	}
	described := slices.Sorted(slices.Values(agreed.operations()))
	offered := slices.Sorted(maps.Keys(hubOperations()))
	if !slices.Equal(described, offered) {
		t.Errorf("described are %q, offered %q", described, offered)
	}
}

func TestHubTellsAnswersThatAreNotAsDescribed(t *testing.T) {
	agreed, err := githubContract()
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, body string) error {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://github.test"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		_, err = agreed.request(r, []byte(body))
		return err
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://github.test/repos/acme/shop/git/ref/heads/a/b", nil)
	if err != nil {
		t.Fatal(err)
	}
	in, err := agreed.request(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer := func(status int, body string) error {
		return agreed.answer(t.Context(), in, status, http.Header{"Content-Type": {"application/json"}}, []byte(body))
	}
	tests := []struct {
		name string
		err  error
		ok   bool
	}{
		{"a reference", answer(200, `{"ref":"refs/heads/a/b","node_id":"x","url":"http://x","object":{"type":"commit","sha":"0123456789012345678901234567890123456789","url":"http://x"}}`), true},
		{"one that lacks something", answer(200, `{"ref":"refs/heads/a/b","node_id":"x","url":"http://x"}`), false},
		{"a list instead", answer(200, `[]`), false},
		{"a status that there is not", answer(202, `{}`), false},
		{"an error", answer(409, `{"message":"Git Repository is empty.","documentation_url":"x","status":"409"}`), true},
		{"an error that any may have", answer(401, `{"message":"Bad credentials","documentation_url":"x","status":"401"}`), true},
		{"an error that looks like none", answer(401, `{"message":7}`), false},
		{"a request", ask("POST", "/repos/acme/shop/git/refs", `{"ref":"refs/heads/x","sha":"y"}`), true},
		{"one that lacks something", ask("POST", "/repos/acme/shop/git/refs", `{"ref":"refs/heads/x"}`), false},
		{"one of another shape", ask("POST", "/repos/acme/shop/git/refs", `{"ref":7,"sha":"y"}`), false},
		{"an operation that there is not", ask("POST", "/repos/acme/shop/git/ref", `{}`), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if (tt.err == nil) != tt.ok {
				t.Errorf("it is said to be %v", tt.err)
			}
		})
	}
}

func TestHubFailsTheTestOfWhoAsksWrongly(t *testing.T) {
	r := &complainer{TB: t}
	h := GitHub(t)
	h.User("alice")
	h.t = r
	for _, path := range []string{"nowhere", "repos/alice/shop/pulls?state=wrong"} {
		status, _, err := get(t.Context(), http.DefaultClient, h.URL+path, "", "")
		if err != nil || status < 400 {
			t.Errorf("%s: answered %d, %v", path, status, err)
		}
	}
	if len(r.said) != 2 || !strings.Contains(r.said[0], "no such operation") || !strings.Contains(r.said[1], "not as described") {
		t.Errorf("it complains of %q", r.said)
	}
}

func TestHubFailsTheTestWhenItLies(t *testing.T) {
	h, c := shopHub(t)
	r := &complainer{TB: t}
	h.t = r
	other, err := newContract(bytes.ReplaceAll(githubDescription, []byte(`"full_name":{"type":"string"}`), []byte(`"full_name":{"type":"integer"}`)))
	if err != nil {
		t.Fatal(err)
	}
	h.contract = other
	if _, _, err := c.Repositories.Get(t.Context(), "acme", "shop"); err != nil {
		t.Fatal(err)
	}
	if len(r.said) != 1 || !strings.Contains(r.said[0], "the answer is not as described") {
		t.Errorf("it complains of %q", r.said)
	}
}

// complainer is a test that does not fail, but remembers why it ought to.
type complainer struct {
	testing.TB
	said []string
}

func (c *complainer) Errorf(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}
