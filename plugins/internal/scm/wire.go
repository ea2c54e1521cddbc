package scm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/devstream-io/dtm/plugins"
)

const (
	// requestTimeout ends a request whose answer never comes. No request here waits for anything to happen. What is sent may
	// take longer than that, if it is long: as many bytes a second are fast enough as there are in uploadRate.
	requestTimeout = time.Minute
	uploadRate     = 64 << 10
	// maxAnswer is more than any answer that is asked for here.
	maxAnswer = 128 << 20
	maxHops   = 5
)

var (
	errCircle = fmt.Errorf("more than %d redirects", maxHops)
	errHuge   = fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
)

// wire sends requests to one service, with its credential.
//
// It reads an answer to its last byte, so that one which was cut off is an error here and not half of something later. It
// follows redirects itself: net/http would turn a PATCH that is answered with 301, as for a renamed repository, into a GET,
// which then looks like success; and it would take headers of other names than Authorization along to any host.
type wire struct {
	base          http.RoundTripper
	origin        *url.URL
	header, value string
}

// newWire sends to origin's scheme, host and port, and to nothing else. The credential is the value of a header.
func newWire(env plugins.Env, origin *url.URL, header, value string) http.RoundTripper {
	base := env.HTTP.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	return &wire{base: base, origin: origin, header: header, value: value}
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	for hop := 0; ; hop++ {
		if err := w.allow(r.URL); err != nil {
			if r.Body != nil {
				_ = r.Body.Close()
			}
			return nil, err
		}
		response, err := w.send(r)
		if err != nil {
			return nil, err
		}
		next, err := moved(r, response)
		if err != nil || next == nil {
			return response, err
		}
		if hop == maxHops {
			return nil, errCircle
		}
		r = next
	}
}

// allow lets a request go to the service alone.
func (w *wire) allow(to *url.URL) error {
	if strings.EqualFold(to.Scheme, w.origin.Scheme) && strings.EqualFold(hostPort(to), hostPort(w.origin)) {
		return nil
	}
	return &elsewhereError{from: w.origin.Host, to: to.Scheme + "://" + to.Host}
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return u.Hostname() + ":" + port
}

func (w *wire) send(r *http.Request) (*http.Response, error) {
	timeout := requestTimeout + time.Duration(max(0, r.ContentLength)/uploadRate)*time.Second
	ctx, cancel := context.WithTimeoutCause(r.Context(), timeout, silentError(timeout))
	defer cancel()
	own := r.Clone(ctx)
	own.Header.Set(w.header, w.value)
	own.Header.Set("User-Agent", "dtm")
	response, err := w.base.RoundTrip(own)
	if err != nil {
		return nil, ended(r.Context(), ctx, err)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	_ = response.Body.Close()
	switch {
	case err != nil:
		return nil, ended(r.Context(), ctx, fmt.Errorf("the answer was cut off: %w", err))
	case len(body) > maxAnswer:
		return nil, errHuge
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	// Whoever looks at the request of an answer has no need of the credential.
	response.Request = r
	return response, nil
}

// ended is the error that a request ended with: its own context's if that is done.
func ended(own, both context.Context, err error) error {
	var silent silentError
	switch {
	case own.Err() != nil:
		return own.Err()
	case errors.As(context.Cause(both), &silent):
		return silent
	}
	return err
}

// silentError says how long an answer was waited for.
type silentError time.Duration

func (e silentError) Error() string { return "no answer within " + time.Duration(e).String() }

// moved is the request to where an answer points, nil if it does not.
func moved(r *http.Request, response *http.Response) (*http.Request, error) {
	switch response.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	to, err := response.Location()
	if err != nil {
		return nil, fmt.Errorf("a redirect to nowhere: %w", err)
	}
	next := r.Clone(r.Context())
	next.URL, next.Host = to, ""
	if r.Body != nil && r.Body != http.NoBody {
		if r.GetBody == nil {
			return nil, errors.New("a redirect of what cannot be sent twice")
		}
		if next.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// elsewhereError says that a service sends its callers to another one.
type elsewhereError struct{ from, to string }

func (e *elsewhereError) Error() string {
	return fmt.Sprintf("%s redirects to %s, which the credential is not for", e.from, e.to)
}

// Hint says what the user can do about it.
func (e *elsewhereError) Hint() string {
	return "if that is where the service is now, make it the base URL"
}
