package kube

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// Config is the cluster's configuration for clients whose every request ends when ctx is done, or when the answer takes
// too long. Connections are shared by all configurations of the cluster.
func (c *Cluster) Config(ctx context.Context) *rest.Config {
	config := rest.CopyConfig(c.config)
	config.Wrap(func(base http.RoundTripper) http.RoundTripper {
		return &bound{ctx: ctx, base: base, patience: requestTimeout}
	})
	return config
}

// Bound is base with requests that end when ctx is done, whatever their own contexts say, with ctx's error.
func Bound(ctx context.Context, base http.RoundTripper) http.RoundTripper {
	return &bound{ctx: ctx, base: base}
}

// errSilent ends a request whose answer never came. client-go's own timeout would do that, too, but its error cannot be
// told from the end of ctx.
var errSilent = errors.New("no answer within " + requestTimeout.String())

// bound ends requests with a context that their maker could not be given.
type bound struct {
	ctx  context.Context
	base http.RoundTripper
	// patience is how long a request may take, to the last byte; a watch to its first one. Zero is forever.
	patience time.Duration
}

func (b *bound) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := b.ctx.Err(); err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	stop := context.AfterFunc(b.ctx, func() { cancel(b.ctx.Err()) })
	calm := func() bool { return true }
	if b.patience > 0 {
		calm = time.AfterFunc(b.patience, func() { cancel(errSilent) }).Stop
	}
	end := &ending{bound: b.ctx, own: r.Context(), both: ctx, release: sync.OnceFunc(func() {
		stop()
		calm()
		cancel(nil)
	})}
	response, err := b.base.RoundTrip(r.WithContext(ctx))
	if err != nil {
		err = end.of(err)
		end.release()
		return nil, err
	}
	if r.URL.Query().Has("watch") {
		calm()
	}
	// The answer is read after this function has returned.
	response.Body = &boundBody{ReadCloser: response.Body, ending: end}
	return response, nil
}

// ending knows why a request ended.
type ending struct {
	// both is own, which the request's maker gave, ended by bound or for being silent.
	bound, own, both context.Context
	release          func()
}

// of is the error that a request ended with. It is a context's Err and never its Cause, which net/http returns: the
// cause may well be the error that the caller is about to wrap this one in.
func (e *ending) of(err error) error {
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return err
	case e.bound.Err() != nil:
		return e.bound.Err()
	case e.own.Err() != nil:
		return e.own.Err()
	case errors.Is(context.Cause(e.both), errSilent):
		return errSilent
	}
	return err
}

type boundBody struct {
	io.ReadCloser
	ending *ending
}

func (b *boundBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	return n, b.ending.of(err)
}

func (b *boundBody) Close() error {
	defer b.ending.release()
	return b.ReadCloser.Close()
}
