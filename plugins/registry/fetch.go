package registry

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"oras.land/oras-go/v2/registry/remote/retry"

	"github.com/devstream-io/dtm/plugins"
)

const (
	// attempts is how often something is asked for that may come the next time.
	attempts = 3
	// longestWait is the longest that a server that asks to wait is waited for.
	longestWait = 5 * time.Second
)

func backoff(attempt int) time.Duration { return retry.DefaultBackoff(attempt, nil) }

// passing is an error that may be gone the next time.
type passing struct {
	error
	// after is how long the server asks to wait, 0 if it does not.
	after time.Duration
}

func (p *passing) Unwrap() error { return p.error }

// again calls try until it succeeds, fails for good, or has failed often enough.
func (o Options) again(ctx context.Context, try func() error) error {
	for attempt := 0; ; attempt++ {
		err := try()
		var p *passing
		if err == nil || !errors.As(err, &p) || attempt == attempts-1 || p.after > longestWait || ctx.Err() != nil {
			return err
		}
		timer := time.NewTimer(max(o.wait(attempt), p.after))
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}

// redirected is the error of an answer that is somewhere else.
type redirected struct{ from, to string }

func (e *redirected) Error() string {
	return fmt.Sprintf("%s sends to another host, %s", e.from, e.to)
}

// Hint says what the user can do about it.
func (e *redirected) Hint() string {
	return "dtm fetches plugins only from the host that `source` names: if you trust the other one, name it there, or put the archive into an OCI registry"
}

// webClient is the client for archives, which follows nobody to another host.
func (o Options) webClient() *http.Client {
	client := *o.HTTP
	client.CheckRedirect = func(r *http.Request, via []*http.Request) error { return stay(r, via) }
	return &client
}

// stay lets a redirect pass that stays on its host and is encrypted if it was before.
func stay(r *http.Request, via []*http.Request) error {
	first := via[0].URL
	if r.URL.Host != first.Host || r.URL.Scheme != first.Scheme && r.URL.Scheme != "https" {
		return &redirected{first.Scheme + "://" + first.Host, r.URL.Scheme + "://" + r.URL.Host}
	}
	if len(via) >= 10 {
		return errors.New("stopped after 10 redirects")
	}
	return nil
}

// get asks for what is at an address, again if need be, and hands each answer to take with its size, 0 if that is not
// known: take starts anew every time. Where there is nothing, the error wraps [plugins.ErrNotFound].
func (o Options) get(ctx context.Context, address string, take func(body io.Reader, size int64) error) error {
	client := o.webClient()
	return o.again(ctx, func() error {
		ctx, watch := watched(ctx, o.stall)
		defer watch.stop()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		// There are servers that call an archive's own compression the transport's, which would then be undone.
		request.Header.Set("Accept-Encoding", "identity")
		response, err := client.Do(request)
		if err != nil {
			return unreached(ctx, err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return refused(bare(request.URL), response.StatusCode, retryAfter(response.Header, o.Now()))
		}
		body := &counted{r: response.Body, watch: watch}
		err = take(body, max(response.ContentLength, 0))
		if body.err != nil {
			return unreached(ctx, fmt.Errorf("%s: broke off after %d bytes: %w", bare(request.URL), body.n, body.err))
		}
		return err
	})
}

// text gets what is at an address, if it is not long.
func (o Options) text(ctx context.Context, address string) ([]byte, error) {
	var b bytes.Buffer
	err := o.get(ctx, address, func(body io.Reader, _ int64) error {
		b.Reset()
		if n, err := b.ReadFrom(io.LimitReader(body, longestText+1)); err != nil {
			return err
		} else if n > longestText {
			return plugins.Hinted(fmt.Errorf("%s has more than %d bytes", address, longestText), "is `source` the address of the archive?")
		}
		return nil
	})
	return b.Bytes(), err
}

// counted reads an answer and remembers how that went.
type counted struct {
	r     io.Reader
	watch *watch
	n     int64
	err   error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.watch.seen()
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// watch ends a context when nothing was seen for too long.
type watch struct {
	timer  *time.Timer
	longer time.Duration
	cancel context.CancelCauseFunc
}

type stalled time.Duration

func (s stalled) Error() string { return fmt.Sprintf("nothing came for %s", time.Duration(s)) }

func watched(ctx context.Context, longest time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{longer: longest, cancel: cancel}
	w.timer = time.AfterFunc(longest, func() { cancel(stalled(longest)) })
	return ctx, w
}

func (w *watch) seen() { w.timer.Reset(w.longer) }

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// errForbidden marks an answer that says so. It has no words of its own.
var errForbidden = errors.New("")

// absent is an error that says that there is nothing, and wraps [plugins.ErrNotFound].
type absent struct{ error }

func (a absent) Is(target error) bool { return target == plugins.ErrNotFound }
func (a absent) Unwrap() error        { return a.error }

// refused is the error of an answer with such a status.
func refused(address string, status int, after time.Duration) error {
	err := fmt.Errorf("%s: %d %s", address, status, http.StatusText(status))
	switch {
	case status == http.StatusForbidden:
		// Stores of objects say so of what is not there, if they do not tell everybody what is.
		err = fmt.Errorf("%w%w", err, errForbidden)
		fallthrough
	case status == http.StatusUnauthorized:
		return plugins.Hinted(err, "an archive must be there for everybody, dtm sends no credentials; an OCI registry takes those of `docker login`")
	case status == http.StatusNotFound || status == http.StatusGone:
		return plugins.Hinted(absent{err}, "is `source` the address of the archive, and is it there in this version and for this platform?")
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500:
		return &passing{plugins.Hinted(err, laterHint(after)), after}
	}
	return plugins.Hinted(err, "is `source` the address of the archive?")
}

func laterHint(after time.Duration) string {
	if after > 0 {
		return fmt.Sprintf("try again in %s; `dtm bundle use` installs without a network", after)
	}
	return "try again later; `dtm bundle use` installs without a network"
}

// retryAfter is how long an answer asks to wait, in seconds or until a time.
func retryAfter(header http.Header, now time.Time) time.Duration {
	var after time.Duration
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		after = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		after = at.Sub(now).Round(time.Second)
	}
	return min(max(after, 0), 24*time.Hour)
}

// unreached makes an error of a request into one for the user. It may pass, unless the caller gave up.
func unreached(ctx context.Context, err error) error {
	// The address is said by who asked, and this one may have what the other side put into it.
	var request *url.Error
	if errors.As(err, &request) {
		if u, parsed := url.Parse(request.URL); parsed == nil {
			err = fmt.Errorf("%s: %w", bare(u), request.Err)
		} else {
			err = request.Err
		}
	}
	var long stalled
	if cause := context.Cause(ctx); errors.As(cause, &long) {
		err = fmt.Errorf("%w: %w", err, cause)
	} else if cause != nil {
		return cause
	}
	var elsewhere *redirected
	var wrong *tls.CertificateVerificationError
	switch {
	case errors.As(err, &elsewhere):
		return err
	case errors.As(err, &wrong):
		return plugins.Hinted(err, "an authority of your own must be among those that the system trusts (SSL_CERT_FILE)")
	case errors.Is(err, http.ErrSchemeMismatch):
		return plugins.Hinted(err, "the server speaks http and not https: is the address right?")
	}
	return &passing{plugins.Hinted(err, "is it up, and is there a way to it from here? `dtm bundle use` installs without a network"), 0}
}
