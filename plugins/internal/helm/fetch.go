package helm

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/devstream-io/dtm/plugins"
)

// http gets what is at an address, whole or not at all, and no more than longest bytes of it.
func (c *charts) http(ctx context.Context, o Options, address string, longest int64) ([]byte, error) {
	client, err := c.client(o)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, redacted(err)
	}
	if strings.HasSuffix(request.URL.Path, "gz") {
		// There are servers that call an archive's own compression the transport's, which would then be undone.
		request.Header.Set("Accept-Encoding", "identity")
	}
	if o.Repo.Username != "" || o.Repo.Password != "" {
		request.SetBasicAuth(o.Repo.Username, o.Repo.Password)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, network(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		err := fmt.Errorf("%s: %d %s", redactURL(address), response.StatusCode, http.StatusText(response.StatusCode))
		return nil, refused(err, response.StatusCode, c.retryAfter(response.Header.Get("Retry-After")))
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, longest+1))
	switch {
	case err != nil:
		return nil, network(ctx, fmt.Errorf("%s: broke off after %d bytes: %w", redactURL(address), len(data), err))
	case int64(len(data)) > longest:
		return nil, plugins.Hinted(fmt.Errorf("%s: %w", redactURL(address), tooLong(longest)), "is repo.url a chart repository?")
	}
	return data, nil
}

// tooLong is an answer of more bytes than it names.
type tooLong int64

func (e tooLong) Error() string { return fmt.Sprintf("the answer has more than %d bytes", int64(e)) }

// refused is the error of an answer with such a status.
func refused(err error, status int, after time.Duration) error {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return plugins.Hinted(err, "does it want other credentials? repo.username and repo.password")
	case status == http.StatusNotFound || status == http.StatusGone:
		return plugins.Hinted(err, "is repo.url the address that `helm repo add` takes, and is the chart still there?")
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500:
		return plugins.Retryable(plugins.Hinted(err, "try again later; DTM_CHART_MIRRORS names mirrors"), after)
	}
	return plugins.Hinted(err, "is repo.url a chart repository?")
}

// longestRetryAfter is the longest wait that a server is believed to mean.
const longestRetryAfter = time.Hour

// retryAfter is how long an answer asks to wait, in seconds or until a time.
func (c *charts) retryAfter(header string) time.Duration {
	var after time.Duration
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil {
		after = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		after = at.Sub(c.env.Now())
	}
	return min(max(after, 0), longestRetryAfter)
}

// network makes an error of a request into one for the user. It may pass, unless the caller gave up.
func network(ctx context.Context, err error) error {
	err = redacted(err)
	switch cause := context.Cause(ctx); {
	case errors.Is(err, cause) && cause != nil:
		return err
	case cause != nil:
		return fmt.Errorf("%w: %w", err, cause)
	}
	var wrong *tls.CertificateVerificationError
	switch {
	case errors.As(err, &wrong):
		return plugins.Hinted(err, "repo.ca_file names a file with the certificate of an authority of your own")
	case errors.Is(err, http.ErrSchemeMismatch):
		return plugins.Hinted(err, "the server speaks http and not https: is the address right?")
	}
	return plugins.Retryable(plugins.Hinted(err, "is the repository up, and is there a way to it from here? DTM_CHART_MIRRORS names mirrors"), 0)
}

// client is the environment's, which trusts the authority of the options as well and keeps credentials to one server.
func (c *charts) client(o Options) (*http.Client, error) {
	client := *c.env.HTTP
	also := client.CheckRedirect
	client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		// Go only drops them where the name of the host is another: its port and the scheme matter, too.
		if !sameOrigin(r.URL, via[0].URL) {
			r.Header.Del("Authorization")
		}
		if also != nil {
			return also(r, via)
		}
		if len(via) >= 10 {
			return errors.New("stopped after 10 redirects")
		}
		return nil
	}
	if o.Repo.CAFile == "" {
		return &client, nil
	}
	path := o.Repo.CAFile
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.env.Dir, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, plugins.Hinted(fmt.Errorf("repo.ca_file: %w", err), "relative paths start at the folder of the configuration")
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, plugins.Hinted(fmt.Errorf("repo.ca_file %s has no certificate", path), "certificates are to be in PEM")
	}
	transport, ok := c.env.HTTP.Transport.(*http.Transport)
	if !ok {
		transport, _ = http.DefaultTransport.(*http.Transport)
	}
	transport = transport.Clone()
	if transport.TLSClientConfig == nil {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	transport.TLSClientConfig.RootCAs = pool
	transport.DisableKeepAlives = true // nobody closes this transport's connections
	client.Transport = transport
	return &client, nil
}

// redactURL is an address without what it may keep secret.
func redactURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(no address)"
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String()
}

var addresses = regexp.MustCompile(`[a-z]+://[^\s"'<>` + "`" + `]+`)

// redacted is an error whose text has addresses without what they may keep secret: libraries quote them whole.
func redacted(err error) error {
	text := addresses.ReplaceAllStringFunc(err.Error(), func(found string) string {
		address := strings.TrimRight(found, ".,:;)]")
		return redactURL(address) + found[len(address):]
	})
	if text == err.Error() {
		return err
	}
	return &reworded{text: text, err: err}
}

// reworded is an error with another text.
type reworded struct {
	text string
	err  error
}

func (e *reworded) Error() string { return e.text }
func (e *reworded) Unwrap() error { return e.err }
