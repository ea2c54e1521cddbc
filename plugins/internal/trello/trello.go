// Package trello speaks to Trello's REST API, as far as boards and their lists need it.
//
// The credentials travel in the Authorization header, which Trello documents beside the parameters key and token: so no URL
// that anybody shows has them in it. They go to the one server that is configured and nowhere else; an answer that sends
// the client to another address is an error. See https://developer.atlassian.com/cloud/trello/guides/rest-api/authorization/.
package trello

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/time/rate"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/rest"
)

// The environment variables that are read.
const (
	KeyVariable   = "TRELLO_API_KEY"
	TokenVariable = "TRELLO_TOKEN"
	URLVariable   = "TRELLO_API_URL"
)

// PublicURL is where Trello's API is.
const PublicURL = "https://api.trello.com"

// The public Trello allows 100 requests in ten seconds for a token. Two plugins have a Service each, so each takes half of
// that, in any ten seconds. What stands elsewhere says when it minds.
const (
	perSecond = 4
	burst     = 10
)

// Service is Trello as the environment of a plugin names it. All clients that it opens share one limit of requests. It is
// safe for use by many goroutines.
type Service struct {
	env     plugins.Env
	limiter *rate.Limiter
}

// New makes a Service. Nothing is read of the environment before a client is opened.
func New(env plugins.Env) *Service {
	return &Service{env: env, limiter: rate.NewLimiter(perSecond, burst)}
}

// Client is Trello as one user sees it. It is safe for use by many goroutines and needs no closing. Its methods return soon
// after ctx is done. Their errors are those of [rest.Server].
type Client struct {
	server rest.Server
}

// Credentials are what somebody shows to Trello.
type Credentials struct{ Key, Token string }

// Credentials are those of the environment. That one is missing is an error with a hint. They are concealed with ctx.
func (s *Service) Credentials(ctx context.Context) (Credentials, error) {
	c := Credentials{Key: s.env.Getenv(KeyVariable), Token: s.env.Getenv(TokenVariable)}
	plugins.Conceal(ctx, c.Key)
	plugins.Conceal(ctx, c.Token)
	for name, value := range map[string]string{KeyVariable: c.Key, TokenVariable: c.Token} {
		if strings.ContainsAny(value, "\"\\\r\n") {
			return Credentials{}, &hinted{
				err:  fmt.Errorf("trello: %s has characters that neither keys nor tokens have", name),
				hint: "keys and tokens are letters and digits: https://trello.com/power-ups/admin shows them",
			}
		}
	}
	if c.Key == "" || c.Token == "" {
		return Credentials{}, &hinted{
			err:  fmt.Errorf("trello: %s and %s are not both set", KeyVariable, TokenVariable),
			hint: "https://trello.com/power-ups/admin gives a key and a token; export them before you run dtm",
		}
	}
	return c, nil
}

// Open makes a client with the credentials of the environment. baseURL is where the API is, as in [PublicURL]; if it is
// empty the environment says it, or else it is that.
func (s *Service) Open(ctx context.Context, baseURL string) (*Client, error) {
	base, err := s.Base(baseURL)
	if err != nil {
		return nil, err
	}
	c, err := s.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	client := &Client{server: rest.Server{
		Name: "trello", Base: base, Source: URLVariable, HTTP: s.env.HTTP, Hint: hint,
		Authorization: fmt.Sprintf("OAuth oauth_consumer_key=%q, oauth_token=%q", c.Key, c.Token),
		Secrets:       []string{c.Key, c.Token},
	}}
	if base == PublicURL+version {
		client.server.Pace = s.limiter
	}
	return client, nil
}

// hint says what to do about an answer. A token that may not do something is refused as one that is wrong.
func hint(code int, said string) string {
	switch {
	case code == http.StatusUnauthorized && strings.Contains(said, "permission"), code == http.StatusForbidden:
		return "the user whose token it is may not do this: it takes a member of the board, with the scopes read and write"
	case code == http.StatusUnauthorized:
		return "are " + KeyVariable + " and " + TokenVariable + " right, and has the token not expired? https://trello.com/power-ups/admin gives new ones"
	}
	return ""
}

// Host is the host and port of the API that [Service.Open] would use, "" if baseURL is none.
func (s *Service) Host(baseURL string) string {
	base, err := s.Base(baseURL)
	if err != nil {
		return ""
	}
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return u.Host
}

// version ends every base.
const version = "/1"

// Base is the URL that the paths of Trello's documentation are appended to, for a baseURL as in [Service.Open]: it ends in
// "/1".
func (s *Service) Base(baseURL string) (string, error) {
	base, err := rest.Base("the URL of Trello's API", cmp.Or(baseURL, s.env.Getenv(URLVariable), PublicURL))
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(base, version) + version, nil
}

// hinted is an error that says what can be done about it.
type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }

// Hint says what the user can do about it.
func (e *hinted) Hint() string { return e.hint }
