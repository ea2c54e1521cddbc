package scm

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
	"golang.org/x/time/rate"

	"github.com/devstream-io/dtm/plugins"
)

// gitLab is the Host that gitlab.com and every other GitLab are.
//
// What only reads names a project by its path: GitLab sends on whoever uses an old one. It does not for what writes, so that
// names the project by its number, which is asked for first.
type gitLab struct {
	client *gitlab.Client
	// host is what errors call it.
	host  string
	token string
}

// gitLabCom is the one for everybody.
const gitLabCom = "gitlab.com"

// NewGitLab makes a Host of GitLab. The base URL is where its web pages are, which may be under a path, or where its API is.
// Nothing is sent.
func NewGitLab(env plugins.Env, o Options) (Host, error) {
	token, err := o.token("GitLab", "GITLAB_TOKEN")
	if err != nil {
		return nil, err
	}
	address, err := o.address("GitLab")
	if err != nil {
		return nil, err
	}
	if address == nil {
		address = &url.URL{Scheme: "https", Host: gitLabCom}
	}
	// It has no limit for writes of its own, and says in its answers how many requests are left.
	limits := newLimits(address.Host, false, env.Now)
	client, err := gitlab.NewAuthSourceClient(
		gitlab.Unauthenticated{}, // the wire adds the token
		gitlab.WithBaseURL(address.String()),
		gitlab.WithHTTPClient(&http.Client{Transport: limits.over(newWire(env, address, "Private-Token", token))}),
		gitlab.WithoutRetries(), // the engine tries again, and shows it
		gitlab.WithCustomLimiter(rate.NewLimiter(rate.Inf, 0)),
	)
	if err != nil {
		return nil, fmt.Errorf("the base URL of GitLab: %w", err)
	}
	return &gitLab{client: client, host: address.Host, token: token}, nil
}

// GitLab is the one at baseURL, else at $GITLAB_URL, else the public one, as the credential in $GITLAB_TOKEN sees it. Call it
// inside a verb and with its ctx: the credential is concealed there. Nothing is sent.
func (h *Hosts) GitLab(ctx context.Context, baseURL string) (Host, error) {
	o := Options{BaseURL: cmp.Or(baseURL, h.env.Getenv("GITLAB_URL")), Token: h.env.Getenv("GITLAB_TOKEN")}
	return h.open(ctx, o, "GitLab", NewGitLab, func(address *url.URL) string {
		return strings.TrimSuffix(cmp.Or(address, &url.URL{Scheme: "https", Host: gitLabCom}).String(), "/api/v4")
	})
}

// gitLabPart is one part of a path: GitLab's own rule, which keeps it from being a path of another kind of request.
var gitLabPart = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.-]*$`)

func checkGitLab(path Path) error {
	for part := range strings.SplitSeq(path.Owner, "/") {
		if !gitLabPart.MatchString(part) || part == "." || part == ".." {
			return plugins.Hinted(fmt.Errorf("%q is no path of a user or a group on GitLab", path.Owner), "it has letters, digits and -_. alone, and a / before a subgroup")
		}
	}
	if !gitLabPart.MatchString(path.Name) || path.Name == "." || path.Name == ".." || strings.HasSuffix(path.Name, ".git") || strings.HasSuffix(path.Name, ".atom") {
		return plugins.Hinted(fmt.Errorf("%q is no path of a project on GitLab", path.Name), "it has letters, digits and -_. alone, and does not end in .git or .atom")
	}
	return nil
}

// gitLabSays tells whether GitLab answered with one of these statuses.
func gitLabSays(err error, statuses ...int) bool {
	var answer *gitlab.ErrorResponse
	return errors.As(err, &answer) && slices.Contains(statuses, answer.StatusCode)
}

// gitLabTells tells whether GitLab's answer has a text in it. There is nothing else to know one refusal from another by.
func gitLabTells(err error, text string) bool {
	var answer *gitlab.ErrorResponse
	return errors.As(err, &answer) && strings.Contains(answer.Message, text)
}

// failed makes an error of the client into one for the user. what is what was tried, as in "create project acme/hello".
func (g *gitLab) failed(what string, err error) error {
	var (
		answer  *gitlab.ErrorResponse
		request *url.Error
		syntax  *json.SyntaxError
		kind    *json.UnmarshalTypeError
	)
	switch {
	case errors.As(err, &answer):
		return g.answer(what, answer)
	case errors.As(err, &request):
		return explainNetwork(what, g.host, err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errPartial), err == io.EOF, errors.Is(err, gitlab.ErrEmptyResponse):
		return plugins.Retryable(fmt.Errorf("%s on %s: the answer is not whole: %w", what, g.host, err), 0)
	case errors.As(err, &syntax), errors.As(err, &kind):
		return plugins.Hinted(fmt.Errorf("%s on %s: the answer is not one of GitLab's API: %w", what, g.host, err), "is the base URL that of GitLab?")
	}
	return explainNetwork(what, g.host, err)
}

func (g *gitLab) answer(what string, answer *gitlab.ErrorResponse) error {
	told := error(&gitLabError{fmt.Sprintf("%s: %s answers %d%s: %s", what, g.host, answer.StatusCode, asked(answer), g.text(answer)), answer})
	switch code := answer.StatusCode; {
	case code == http.StatusUnauthorized:
		return plugins.Hinted(told, "the token is not, or no longer, valid: look at GITLAB_TOKEN")
	case code == http.StatusForbidden:
		return plugins.Hinted(told, gitLabRight(answer.Message))
	case code == http.StatusNotFound:
		return &also{plugins.Hinted(told, "GitLab says so, too, of what the token may not see"), plugins.ErrNotFound}
	case code == http.StatusConflict || code >= 500:
		return plugins.Retryable(told, 0)
	case strings.Contains(answer.Message, "not allowed to push into this branch"):
		return plugins.Hinted(told, "the branch is protected: propose the change instead (viaPullRequest: true), or let the user of the token push")
	}
	return told
}

// gitLabError is what GitLab says, in one line, without what the client would say of it.
type gitLabError struct {
	text   string
	answer *gitlab.ErrorResponse
}

func (e *gitLabError) Error() string { return e.text }
func (e *gitLabError) Unwrap() error { return e.answer }

// asked is what was asked for when that answer came, as in " to GET /api/v4/user".
func asked(answer *gitlab.ErrorResponse) string {
	if answer.Response == nil || answer.Response.Request == nil {
		return ""
	}
	request := answer.Response.Request
	return " to " + request.Method + " " + request.URL.EscapedPath()
}

// gitLabRight says what right a token lacks.
func gitLabRight(message string) string {
	if strings.Contains(message, "insufficient_scope") {
		return "the token needs the scope api"
	}
	return "the user of the token lacks the right to do that (Maintainer has it), or the project is archived"
}

// text is what GitLab says, in one line.
func (g *gitLab) text(answer *gitlab.ErrorResponse) string {
	var body struct {
		Message any    `json:"message"`
		Error   string `json:"error"`
		Details string `json:"error_description"`
	}
	text := answer.Message
	if err := json.Unmarshal(answer.Body, &body); err == nil {
		text = strings.Join(slices.DeleteFunc([]string{flat(body.Message), body.Error, body.Details}, func(s string) bool { return s == "" }), ": ")
	} else if bytes.HasPrefix(bytes.TrimSpace(answer.Body), []byte("<")) {
		text = "" // a page for browsers
	}
	// Whatever a server says may have what was sent to it.
	text = strings.ReplaceAll(strings.Join(strings.Fields(cmp.Or(text, http.StatusText(answer.StatusCode))), " "), g.token, "***")
	if runes := []rune(text); len(runes) > 500 {
		text = string(runes[:500]) + "..."
	}
	return strings.TrimRight(text, ".")
}

// flat makes a text of what a model's validations say, as in {"path": ["has already been taken"]}.
func flat(message any) string {
	switch m := message.(type) {
	case string:
		return m
	case []any:
		var all []string
		for _, v := range m {
			all = append(all, flat(v))
		}
		return strings.Join(all, ", ")
	case map[string]any:
		var all []string
		for _, field := range slices.Sorted(maps.Keys(m)) {
			all = append(all, strings.TrimPrefix(field+" "+flat(m[field]), "base "))
		}
		return strings.Join(all, "; ")
	}
	return ""
}
