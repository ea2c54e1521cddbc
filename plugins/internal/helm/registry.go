package helm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"helm.sh/helm/v3/pkg/registry"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/kube"
)

// newestTag is the newest version that fits, by the registry's tags.
func (c *charts) newestTag(ctx context.Context, at place, o Options) (string, error) {
	client, err := c.registry(ctx, at, o)
	if err != nil {
		return "", err
	}
	tags, err := client.Tags(at.ref())
	if err != nil {
		return "", client.explain(at, err)
	}
	tag, err := registry.GetTagMatchingVersionOrConstraint(tags, o.Chart.Version)
	if err != nil {
		return "", noVersion(at, o.Chart.Version, tags)
	}
	return tag, nil
}

// pull fetches an archive from a registry, which checks its digest on the way.
func (c *charts) pull(ctx context.Context, at place, o Options, version string) ([]byte, error) {
	client, err := c.registry(ctx, at, o)
	if err != nil {
		return nil, err
	}
	pulled, err := client.Pull(at.ref() + ":" + version)
	if err == nil {
		return pulled.Chart.Data, nil
	}
	if errors.Is(err, errdef.ErrNotFound) && ctx.Err() == nil {
		if tags, err := client.Tags(at.ref()); err == nil {
			return nil, noVersion(at, version, tags)
		}
	}
	return nil, client.explain(at, err)
}

// ref is how registries call the chart.
func (p place) ref() string { return strings.TrimPrefix(p.base, "oci://") + "/" + p.name }

// registryClient is Helm's, whose requests end with a context: Helm's own takes none.
type registryClient struct {
	*registry.Client
	ctx    context.Context
	charts *charts
	// again is what the last answer said of trying again.
	again atomic.Pointer[string]
}

func (c *charts) registry(ctx context.Context, at place, o Options) (*registryClient, error) {
	client, err := c.client(o)
	if err != nil {
		return nil, err
	}
	if client.Transport == nil {
		client.Transport = http.DefaultTransport
	}
	r := &registryClient{ctx: ctx, charts: c}
	client.Transport = kube.Bound(ctx, &attentive{base: client.Transport, longest: c.longestArchive, again: &r.again})
	authorizer := auth.Client{Client: client, Cache: auth.NewCache()}
	host, _, _ := strings.Cut(at.ref(), "/")
	if (o.Repo.Username == "") != (o.Repo.Password == "") {
		return nil, plugins.Hinted(
			fmt.Errorf("chart %s: a registry takes either both or neither of repo.username and repo.password", at),
			"with neither, the credentials of `helm registry login` and `docker login` count")
	}
	if o.Repo.Username != "" {
		authorizer.Credential = auth.StaticCredential(host, auth.Credential{Username: o.Repo.Username, Password: o.Repo.Password})
	} else if authorizer.Credential, err = c.logins(); err != nil {
		return nil, err
	}
	opts := []registry.ClientOption{
		registry.ClientOptAuthorizer(authorizer),
		registry.ClientOptWriter(io.Discard),
		registry.ClientOptCredentialsFile(os.DevNull), // logins has read those that count
	}
	if loopback(at.base) && o.Repo.CAFile == "" {
		// As container engines do it: a registry on this very machine needs no TLS.
		opts = append(opts, registry.ClientOptPlainHTTP())
	}
	if r.Client, err = registry.NewClient(opts...); err != nil {
		return nil, err
	}
	return r, nil
}

// logins are the credentials that `helm registry login` and `docker login` have left. They are only read.
func (c *charts) logins() (auth.CredentialFunc, error) {
	var stores []credentials.Store
	for _, path := range c.loginFiles() {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		store, err := credentials.NewStore(path, credentials.StoreOptions{})
		if err != nil {
			return nil, plugins.Hinted(fmt.Errorf("credentials for registries in %s: %w", path, err), "mend or remove that file, or set repo.username and repo.password")
		}
		stores = append(stores, store)
	}
	if len(stores) == 0 {
		return nil, nil
	}
	return credentials.Credential(credentials.NewStoreWithFallbacks(stores[0], stores[1:]...)), nil
}

// loginFiles are where Helm and Docker look, in that order.
func (c *charts) loginFiles() []string {
	below := func(variable string, names ...string) string {
		dir := c.env.Getenv(variable)
		if dir == "" {
			return ""
		}
		return filepath.Join(append([]string{dir}, names...)...)
	}
	return slices.DeleteFunc([]string{
		cmp.Or(
			c.env.Getenv("HELM_REGISTRY_CONFIG"),
			below("HELM_CONFIG_HOME", "registry", "config.json"),
			below("XDG_CONFIG_HOME", "helm", "registry", "config.json"),
			below("HOME", ".config", "helm", "registry", "config.json")),
		cmp.Or(below("DOCKER_CONFIG", "config.json"), below("HOME", ".docker", "config.json")),
	}, func(path string) bool { return path == "" })
}

func loopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// explain makes an error of the registry into one for the user.
func (r *registryClient) explain(at place, err error) error {
	wrapped := fmt.Errorf("chart %s: %w", at, redacted(err))
	var long tooLong
	var answer *errcode.ErrorResponse
	switch {
	case r.ctx.Err() != nil:
		return network(r.ctx, wrapped)
	case errors.As(err, &long):
		return plugins.Hinted(wrapped, "is it a chart, and not an image?")
	case errors.As(err, &answer):
		again := ""
		if p := r.again.Load(); p != nil {
			again = *p
		}
		return inRegistry(refused(wrapped, answer.StatusCode, r.charts.retryAfter(again)), answer.StatusCode)
	case errors.Is(err, errdef.ErrNotFound):
		return inRegistry(wrapped, http.StatusNotFound)
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return inRegistry(wrapped, http.StatusUnauthorized)
	}
	var request *url.Error
	if errors.As(err, &request) || errors.Is(err, io.ErrUnexpectedEOF) || kube.Passing(err) {
		return network(r.ctx, wrapped)
	}
	return plugins.Hinted(wrapped, "is there a chart at that address, and not something else, as an image?")
}

// inRegistry gives the hints that registries want differently from repositories.
func inRegistry(err error, status int) error {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return plugins.Hinted(err, "does the registry want other credentials? repo.username and repo.password, or `helm registry login`")
	case http.StatusNotFound:
		return plugins.Hinted(err, "is there a chart of that name in the registry? The address ends in the chart's name")
	}
	return err
}

// attentive ends answers that are too long and remembers what they say of trying again.
type attentive struct {
	base    http.RoundTripper
	longest int64
	again   *atomic.Pointer[string]
}

func (a *attentive) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := a.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	again := response.Header.Get("Retry-After")
	a.again.Store(&again)
	response.Body = &shortBody{ReadCloser: response.Body, left: a.longest, longest: a.longest}
	return response, nil
}

type shortBody struct {
	io.ReadCloser
	left, longest int64
}

func (b *shortBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, tooLong(b.longest)
	}
	return n, err
}
