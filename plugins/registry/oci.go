package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	ociref "oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/devstream-io/dtm/plugins"
)

// repository is one of a registry.
type repository struct {
	o    Options
	repo *remote.Repository
	// again is what the last answer said of trying again.
	again atomic.Pointer[http.Header]
}

func (o Options) repository(ref ociref.Reference) (*repository, error) {
	logins, err := o.logins()
	if err != nil {
		return nil, err
	}
	r := &repository{o: o}
	client := *o.HTTP
	if client.Transport == nil {
		client.Transport = http.DefaultTransport
	}
	client.Transport = &attentive{base: client.Transport, again: &r.again}
	client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		// Large registries keep the blobs elsewhere, as the specification lets them. Their digests are known before, and
		// credentials stay behind.
		first := via[0].URL
		if strings.Contains(first.Path, "/blobs/") && len(via) < 10 && (first.Scheme == "http" || next.URL.Scheme == "https") {
			if next.URL.Host != first.Host {
				next.Header.Del("Authorization")
			}
			return nil
		}
		return stay(next, via)
	}
	r.repo = &remote.Repository{
		Client:    &auth.Client{Client: &client, Cache: auth.NewCache(), Credential: logins},
		Reference: ref,
		PlainHTTP: loopback(ref.Host()),
	}
	return r, nil
}

// attentive remembers what answers say of trying again.
type attentive struct {
	base  http.RoundTripper
	again *atomic.Pointer[http.Header]
}

func (a *attentive) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := a.base.RoundTrip(r)
	if err == nil {
		a.again.Store(&response.Header)
	}
	return response, err
}

// logins are the credentials that `docker login` left. They are only read.
func (o Options) logins() (auth.CredentialFunc, error) {
	dir := o.Getenv("DOCKER_CONFIG")
	if dir == "" {
		home := o.Getenv("HOME")
		if home == "" {
			return nil, nil
		}
		dir = filepath.Join(home, ".docker")
	}
	path := filepath.Join(dir, "config.json")
	if _, err := os.Stat(path); err != nil {
		return nil, nil // nobody has logged in
	}
	store, err := credentials.NewStore(path, credentials.StoreOptions{})
	if err != nil {
		return nil, plugins.Hinted(fmt.Errorf("credentials for registries in %s: %w", path, err), "mend or remove that file")
	}
	return credentials.Credential(store), nil
}

// asked does something with the registry, again if need be.
func (r *repository) asked(ctx context.Context, do func(ctx context.Context, watch *watch) error) error {
	return r.o.again(ctx, func() error {
		ctx, watch := watched(ctx, r.o.stall)
		defer watch.stop()
		if err := do(ctx, watch); err != nil {
			return r.explain(ctx, err)
		}
		return nil
	})
}

// explain makes an error of the registry into one for the user.
func (r *repository) explain(ctx context.Context, err error) error {
	where := r.repo.Reference.Registry + "/" + r.repo.Reference.Repository
	var answer *errcode.ErrorResponse
	status := 0
	switch {
	case errors.As(err, &answer):
		status = answer.StatusCode
		err = fmt.Errorf("%s: %d %s", where, status, http.StatusText(status))
	case errors.Is(err, errdef.ErrNotFound): // the library says of what
		status = http.StatusNotFound
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		status = http.StatusUnauthorized
		err = fmt.Errorf("%s: %d %s", where, status, http.StatusText(status))
	}
	var connection *url.Error
	var network net.Error
	switch {
	case status == 0 && (errors.As(err, &connection) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || ctx.Err() != nil):
		return unreached(ctx, fmt.Errorf("%s: %w", where, err))
	case status == 0 && (hasHint(err) || errors.As(err, new(*fault))):
		return err
	case status == 0:
		// The library quotes addresses whole, and those of other hosts may have a password behind the question mark.
		return plugins.Hinted(fmt.Errorf("%s: %s", where, query.ReplaceAllString(err.Error(), "?…")), "is there an OCI registry at that address?")
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return plugins.Hinted(err, "it wants other credentials, or there is nothing of that name: `docker login "+r.repo.Reference.Registry+"`")
	case status == http.StatusNotFound:
		return plugins.Hinted(absent{err}, "is there a plugin of that name and version in the registry?")
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500:
		header := http.Header{}
		if h := r.again.Load(); h != nil {
			header = *h
		}
		after := retryAfter(header, r.o.Now())
		return &passing{plugins.Hinted(err, laterHint(after)), after}
	}
	return err
}

var query = regexp.MustCompile(`\?[^\s"']+`)

func hasHint(err error) bool {
	var h interface{ Hint() string }
	return errors.As(err, &h)
}

// fault is an error that asking again does not change.
type fault struct{ error }

func (f *fault) Unwrap() error { return f.error }

// manifest fetches a manifest or an index by its tag or digest.
func (r *repository) manifest(ctx context.Context, reference string) (d ocispec.Descriptor, data []byte, err error) {
	err = r.asked(ctx, func(ctx context.Context, watch *watch) error {
		var body io.ReadCloser
		if d, body, err = r.repo.Manifests().FetchReference(ctx, reference); err != nil {
			return err
		}
		defer body.Close()
		if d.Size > longestText {
			return &fault{fmt.Errorf("%s: its manifest has %d bytes", reference, d.Size)}
		}
		data, err = content.ReadAll(&counted{r: body, watch: watch}, d)
		return err
	})
	return d, data, err
}

// small fetches a blob that is not long.
func (r *repository) small(ctx context.Context, d ocispec.Descriptor) (data []byte, err error) {
	if d.Size > longestText || d.Size < 0 {
		return nil, fmt.Errorf("%s has %d bytes", d.Digest, d.Size)
	}
	err = r.asked(ctx, func(ctx context.Context, watch *watch) error {
		body, err := r.repo.Blobs().Fetch(ctx, d)
		if err != nil {
			return err
		}
		defer body.Close()
		data, err = content.ReadAll(&counted{r: body, watch: watch}, d)
		return err
	})
	return data, err
}

// blob hands the blob of that digest to take, which starts anew every time.
func (r *repository) blob(ctx context.Context, digest string, take func(body io.Reader, size int64) error) error {
	return r.asked(ctx, func(ctx context.Context, watch *watch) error {
		d, body, err := r.repo.Blobs().FetchReference(ctx, digest)
		if err != nil {
			return err
		}
		defer body.Close()
		read := &counted{r: body, watch: watch}
		err = take(read, d.Size)
		if read.err != nil {
			return fmt.Errorf("broke off after %d bytes: %w", read.n, read.err)
		}
		if err != nil {
			return &fault{err}
		}
		return nil
	})
}

// tags are all that the repository has.
func (r *repository) tags(ctx context.Context) (all []string, err error) {
	err = r.asked(ctx, func(ctx context.Context, _ *watch) error {
		all = nil
		return r.repo.Tags(ctx, "", func(some []string) error {
			if all = append(all, some...); len(all) > 100_000 {
				return &fault{errors.New("it has more tags than anybody can need")}
			}
			return nil
		})
	})
	return all, err
}
