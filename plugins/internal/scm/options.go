package scm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/devstream-io/dtm/plugins"
)

// Options say which service it is, and with which credential.
type Options struct {
	// BaseURL is the service's address, "" for the public one.
	BaseURL string
	// Token is the credential. It is sent to BaseURL's scheme, host and port, and nowhere else.
	Token string
}

// Hosts are the hosts that the process has been told of, one for each address and credential: all tools that share a
// credential share what it may do. It is safe for use by many goroutines.
type Hosts struct {
	env plugins.Env

	mu     sync.Mutex
	opened map[hostKey]Host
}

type hostKey struct{ service, address, token string }

// New makes Hosts that look in env for what an option does not say.
func New(env plugins.Env) *Hosts {
	return &Hosts{env: env, opened: map[hostKey]Host{}}
}

// GitHub is the one at baseURL, else at $GITHUB_API_URL, else the public one, as the credential in $GITHUB_TOKEN, else in
// $github_token, sees it. Call it inside a verb and with its ctx: the credential is concealed there. Nothing is sent.
func (h *Hosts) GitHub(ctx context.Context, baseURL string) (Host, error) {
	o := Options{
		BaseURL: cmp.Or(baseURL, h.env.Getenv("GITHUB_API_URL")),
		Token:   cmp.Or(h.env.Getenv("GITHUB_TOKEN"), h.env.Getenv("github_token")),
	}
	return h.open(ctx, o, "GitHub", NewGitHub, func(address *url.URL) string {
		api, _ := gitHubAPI(address)
		return api.String()
	})
}

// open opens a host once. at is where the service is at an address, in one spelling: two of one service would be two writers
// with one credential.
func (h *Hosts) open(ctx context.Context, o Options, service string, open func(plugins.Env, Options) (Host, error), at func(*url.URL) string) (Host, error) {
	o.Token = strings.TrimSpace(o.Token)
	plugins.Conceal(ctx, o.Token)
	address, err := o.address(service)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	key := hostKey{service, strings.ToLower(at(address)), o.Token}
	if host, ok := h.opened[key]; ok {
		return host, nil
	}
	host, err := open(h.env, o)
	if err != nil {
		return nil, err
	}
	h.opened[key] = host
	return host, nil
}

// token is the credential of o. variables are the names of those that it may come from.
func (o Options) token(service, variables string) (string, error) {
	token := strings.TrimSpace(o.Token)
	switch {
	case token == "":
		return "", plugins.Hinted(fmt.Errorf("no token for %s: %s is not set", service, variables), "set "+variables+" to a token that may do what the tool does")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", plugins.Hinted(fmt.Errorf("the token for %s has characters that no token has", service), "look at what is in "+variables)
	}
	return token, nil
}

// address is the base URL of o, without a slash at its end; nil for the public service.
func (o Options) address(service string) (*url.URL, error) {
	if o.BaseURL == "" {
		return nil, nil
	}
	address, err := url.Parse(strings.TrimRight(o.BaseURL, "/"))
	if err != nil {
		// What url.Parse says has the whole address in it, and that may have a password.
		return nil, plugins.Hinted(fmt.Errorf("the base URL of %s is not a URL", service), "it begins with https:// and a host's name")
	}
	switch {
	case address.User != nil:
		err = errors.New("there is a user or a password in it")
	case address.Scheme != "https" && address.Scheme != "http" || address.Host == "":
		err = errors.New("it is not like https://example.com")
	case address.RawQuery != "" || address.Fragment != "":
		err = errors.New("there is a ? or # in it")
	default:
		return address, nil
	}
	return nil, plugins.Hinted(fmt.Errorf("the base URL of %s: %w", service, err), "it begins with https:// and a host's name; the credential comes from the environment")
}
