package gitlabcedocker

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/devstream-io/dtm/plugins/plugintest"
)

// line is the way to an engine, on which requests can be made to fail.
type line struct {
	engine http.RoundTripper
	faults *plugintest.Transport

	mu sync.Mutex
	// past tells which requests do not count for faults, and instead answers in the place of the engine. Both may be nil.
	past    func(*http.Request) bool
	instead func(*http.Request) (*http.Response, error)
}

// newLine makes a line, and says where it begins.
func newLine(t *testing.T, engine string) (l *line, host string) {
	t.Helper()
	socket := strings.TrimPrefix(engine, "unix://")
	l = &line{engine: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	l.faults = &plugintest.Transport{Base: l.engine}
	// The path of a socket must be short.
	dir, err := os.MkdirTemp("", "g")
	must(t, err)
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	must(t, err)
	server := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "engine"}) },
		Transport:     l,
		FlushInterval: -1,
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	})
	server.Listener = listener
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		must(t, os.RemoveAll(dir))
	})
	return l, "unix://" + filepath.Join(dir, "s")
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	past, instead := l.past, l.instead
	l.mu.Unlock()
	switch {
	case instead != nil:
		return instead(r)
	case past != nil && past(r):
		return l.engine.RoundTrip(r)
	}
	return l.faults.RoundTrip(r)
}

// answer answers in the place of the engine from now on; nil ends that.
func (l *line) answer(instead func(*http.Request) (*http.Response, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.instead = instead
}

// fail is a [plugintest.Subject]'s Fail. A request that only asks has no effect: that its answer is lost is the same case
// as that it was never heard, which is why such are counted only once.
func (l *line) fail(n int, when plugintest.When) (heal func() (hit bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.past = nil
	if when == plugintest.After {
		l.past = asks
	}
	return l.faults.Fail(n, when)
}

// asks tells whether a request changes nothing.
func asks(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// errAway is what requests fail with on a line that was cut.
var errAway = errors.New("the engine is away")

// cut takes the engine away with the n-th request that changes something, counted from 1: it is not heard any more, and
// nothing after it. heal brings the engine back, and tells whether it was away at all.
func (l *line) cut(n int) (heal func() (hit bool)) {
	var mu sync.Mutex
	seen := 0
	l.answer(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		if seen < n && !asks(r) {
			seen++
		}
		away := seen >= n
		mu.Unlock()
		if away {
			return nil, errAway
		}
		return l.engine.RoundTrip(r)
	})
	return func() bool {
		l.answer(nil)
		mu.Lock()
		defer mu.Unlock()
		return seen >= n
	}
}
