package scm

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/google/go-github/v45/github"

	"github.com/devstream-io/dtm/plugins"
)

// gitHub is the Host that github.com and GitHub Enterprise are.
type gitHub struct {
	client *github.Client
	// host is what errors call it.
	host  string
	token string

	mu sync.Mutex
	// keys are what the secrets of repositories are sealed with.
	keys map[Path]sealKey
}

// NewGitHub makes a Host of GitHub. The base URL may be that of an Enterprise server, "https://ghe.example.com", or of its
// API. Nothing is sent.
func NewGitHub(env plugins.Env, o Options) (Host, error) {
	token, err := o.token("GitHub", "GITHUB_TOKEN")
	if err != nil {
		return nil, err
	}
	address, err := o.address("GitHub")
	if err != nil {
		return nil, err
	}
	api, public := gitHubAPI(address)
	limits := newLimits(api.Host, public, env.Now)
	client := github.NewClient(&http.Client{
		Transport: limits.over(newWire(env, api, "Authorization", "Bearer "+token)),
	})
	client.BaseURL = api
	return &gitHub{client: client, host: api.Host, token: token, keys: map[Path]sealKey{}}, nil
}

// gitHubAPI is where the API of the GitHub at an address is, and whether that is the one for everybody.
func gitHubAPI(address *url.URL) (api *url.URL, public bool) {
	public = address == nil
	if public {
		address = &url.URL{Scheme: "https", Host: "api.github.com"}
	}
	api = &url.URL{Scheme: strings.ToLower(address.Scheme), Host: address.Host, Path: address.Path + "/"}
	name := strings.ToLower(address.Hostname())
	switch {
	case name == "github.com" || name == "www.github.com" || name == "api.github.com":
		api.Host, public = "api.github.com", true
	case strings.HasSuffix(name, ".ghe.com"):
		// GitHub runs these, each at a name of its own.
		api.Host, public = "api."+strings.TrimPrefix(name, "api."), true
	case address.Path == "" && !strings.HasPrefix(name, "api.") && !loopback(name):
		api.Path = "/api/v3/"
	}
	return api, public
}

// loopback tells whether a name is this machine's own: what is there is a tunnel or a test, and its address is meant as it is.
func loopback(name string) bool {
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// GitHub's own rules, which keep a name from being a path of another kind of request.
var (
	gitHubOwner = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)
	gitHubName  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
)

func checkGitHub(path Path) error {
	if !gitHubOwner.MatchString(path.Owner) {
		return plugins.Hinted(fmt.Errorf("%q is no name of a user or an organisation on GitHub", path.Owner), "it has letters, digits and hyphens alone")
	}
	name := strings.ToLower(path.Name)
	// It would leave these endings out, and make or find another repository.
	ends := strings.HasSuffix(name, ".git") || strings.HasSuffix(name, ".wiki")
	if !gitHubName.MatchString(path.Name) || name == "." || name == ".." || ends {
		return plugins.Hinted(fmt.Errorf("%q is no name of a repository on GitHub", path.Name), "it has letters, digits and -_. alone, 100 at most, and does not end in .git or .wiki")
	}
	return nil
}

// answered tells whether GitHub answered with one of these statuses.
func answered(err error, statuses ...int) bool {
	var answer *github.ErrorResponse
	if !errors.As(err, &answer) {
		return false
	}
	for _, status := range statuses {
		if answer.Response.StatusCode == status {
			return true
		}
	}
	return false
}

// failed makes an error of go-github into one for the user. what is what was tried, as in "create repository acme/hello".
func (g *gitHub) failed(what string, err error) error {
	var (
		answer   *github.ErrorResponse
		syntax   *json.SyntaxError
		noAnswer *url.Error
		password *github.TwoFactorAuthError
	)
	switch {
	case errors.As(err, &password):
		return g.answer(what, (*github.ErrorResponse)(password))
	case errors.As(err, &answer):
		return g.answer(what, answer)
	case errors.As(err, &noAnswer):
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errPartial):
		return plugins.Retryable(fmt.Errorf("%s on %s: the answer is not whole: %w", what, g.host, err), 0)
	case errors.As(err, &syntax):
		return plugins.Hinted(fmt.Errorf("%s on %s: the answer is not JSON: %w", what, g.host, err), "is the base URL that of GitHub or its API?")
	}
	return explainNetwork(what, g.host, err)
}

// errPartial says that an answer lacks what it cannot lack.
var errPartial = errors.New("a part of it is missing")

func (g *gitHub) answer(what string, answer *github.ErrorResponse) error {
	response := answer.Response
	told := fmt.Errorf("%s: %w", what, &gitHubError{answer: answer, token: g.token, host: g.host})
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized:
		return plugins.Hinted(told, "the token is not, or no longer, valid: look at GITHUB_TOKEN")
	case code == http.StatusForbidden:
		return plugins.Hinted(told, gitHubRight(response.Header, answer.Message))
	case code == http.StatusNotFound:
		return &also{plugins.Hinted(told, "GitHub says so, too, of what the token may not see"), plugins.ErrNotFound}
	case code == http.StatusConflict || code >= 500:
		return plugins.Retryable(told, 0)
	}
	return told
}

// unwritten is failed for a write to what has been seen before: that it is not there means that it may not be written.
func (g *gitHub) unwritten(what string, err error, change Change) error {
	told := g.failed(what, err)
	if !answered(err, http.StatusNotFound) {
		return told
	}
	hint := "the token may see it, and may not write to it"
	for file := range change.Put {
		if strings.HasPrefix(file, ".github/workflows/") {
			hint = "a token needs the scope (or the permission) workflow for files in .github/workflows, and a right to write to the repository"
		}
	}
	// It is not, for whoever asks, that there is no such thing.
	return plugins.Hinted(errors.New(told.Error()), hint)
}

// gitHubRight says what right a token lacks.
func gitHubRight(h http.Header, message string) string {
	if _, address, ok := strings.Cut(h.Get("X-GitHub-SSO"), "url="); ok {
		return "the organisation wants the token to be authorised for single sign-on: " + address
	}
	if strings.Contains(message, "archived") {
		return "unarchive the repository on GitHub"
	}
	if needs := h.Get("X-Accepted-OAuth-Scopes"); needs != "" {
		return fmt.Sprintf("the token needs one of the scopes %s; it has %s", needs, cmp.Or(h.Get("X-OAuth-Scopes"), "none"))
	}
	if needs := h.Get("X-Accepted-GitHub-Permissions"); needs != "" {
		return "the token needs the permission " + needs
	}
	return "the user of the token, or the token itself, lacks the right to do that"
}

// gitHubError is what GitHub says, in one line.
type gitHubError struct {
	answer      *github.ErrorResponse
	host, token string
}

func (e *gitHubError) Error() string {
	request, response := e.answer.Response.Request, e.answer.Response
	var parts []string
	for _, detail := range e.answer.Errors {
		switch {
		case detail.Message != "":
			parts = append(parts, detail.Message)
		case detail.Field != "" || detail.Code != "":
			parts = append(parts, strings.TrimSpace(strings.Join([]string{detail.Resource, detail.Field, detail.Code}, " ")))
		}
	}
	text := strings.TrimRight(cmp.Or(e.answer.Message, http.StatusText(response.StatusCode)), ".")
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, "; ")
	}
	// Whatever a server says may have what was sent to it.
	text = strings.ReplaceAll(strings.Join(strings.Fields(text), " "), e.token, "***")
	if runes := []rune(text); len(runes) > 500 {
		text = string(runes[:500]) + "..."
	}
	return fmt.Sprintf("%s answers %d to %s %s: %s", e.host, response.StatusCode, request.Method, request.URL.Path, text)
}

func (e *gitHubError) Unwrap() error { return e.answer }

// do sends what go-github has no way to send. An empty accept is GitHub's JSON.
func (g *gitHub) do(ctx context.Context, method, address, accept string, body, into any) (*github.Response, error) {
	request, err := g.client.NewRequest(method, address, body)
	if err != nil {
		return nil, err
	}
	if accept != "" {
		request.Header.Set("Accept", accept)
	}
	return g.client.Do(ctx, request, into)
}

// escape is a path inside a URL.
func escape(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}
