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

// Variables are those of the environment that have a key and a token.
type Variables struct{ Key, Token string }

// Usual are the variables that are read where nothing else is said.
func Usual() Variables { return Variables{Key: KeyVariable, Token: TokenVariable} }

// Hint says where the values come from.
func (v Variables) Hint() string {
	return "https://trello.com/power-ups/admin gives a key and a token: export them as " + v.Key + " and " + v.Token + " before you run dtm"
}

// credentials are what the variables have. They are concealed with ctx.
func (s *Service) credentials(ctx context.Context, from Variables) (key, token string, err error) {
	key, token = s.env.Getenv(from.Key), s.env.Getenv(from.Token)
	plugins.Conceal(ctx, key)
	plugins.Conceal(ctx, token)
	for name, value := range map[string]string{from.Key: key, from.Token: token} {
		if strings.ContainsAny(value, "\"\\\r\n") {
			return "", "", plugins.Hinted(fmt.Errorf("trello: %s has characters that neither keys nor tokens have", name),
				"keys and tokens are letters and digits: https://trello.com/power-ups/admin shows them")
		}
	}
	if key == "" || token == "" {
		return "", "", plugins.Hinted(fmt.Errorf("trello: %s and %s are not both set", from.Key, from.Token), from.Hint())
	}
	return key, token, nil
}

// Open makes a client with the credentials that the variables have; that one is missing is an error with a hint. baseURL is
// where the API is, as in [PublicURL]; if it is empty the environment says it, or else it is that.
func (s *Service) Open(ctx context.Context, baseURL string, from Variables) (*Client, error) {
	base, err := s.Base(baseURL)
	if err != nil {
		return nil, err
	}
	key, token, err := s.credentials(ctx, from)
	if err != nil {
		return nil, err
	}
	client := &Client{server: rest.Server{
		Name: "trello", Base: base, Source: URLVariable, HTTP: s.env.HTTP, Hint: from.hint,
		Authorization: fmt.Sprintf("OAuth oauth_consumer_key=%q, oauth_token=%q", key, token),
		Secrets:       []string{key, token},
	}}
	if base == PublicURL+version {
		client.server.Pace = s.limiter
	}
	return client, nil
}

// hint says what to do about an answer. A token that may not do something is refused as one that is wrong.
func (v Variables) hint(code int, said string) string {
	switch {
	case code == http.StatusUnauthorized && strings.Contains(said, "permission"), code == http.StatusForbidden:
		return "the user whose token it is may not do this: it takes a member of the board, with the scopes read and write"
	case code == http.StatusUnauthorized:
		return "are " + v.Key + " and " + v.Token + " right, and has the token not expired? https://trello.com/power-ups/admin gives new ones"
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
