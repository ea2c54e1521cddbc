package plugintest

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// errTransport is what a request fails with.
var errTransport = errors.New("plugintest: this request was made to fail")

// Transport is the outside of a plugin that speaks HTTP: an [http.RoundTripper] whose Fail is a [Subject].Fail.
// It may be used by many goroutines.
type Transport struct {
	// Base does the real work; nil means [http.DefaultTransport].
	Base http.RoundTripper

	mu   sync.Mutex
	left int
	when When
	hit  bool
}

// Fail makes the n-th request from now on fail, counted from 1, and with it any earlier such wish is forgotten.
func (t *Transport) Fail(n int, when When) (heal func() (hit bool)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left, t.when, t.hit = n, when, false
	return func() bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.left = 0
		return t.hit
	}
}

// RoundTrip is [http.RoundTripper].RoundTrip.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	fails, when := t.count()
	if !fails {
		return base.RoundTrip(r)
	}
	if when == After {
		response, err := base.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		// The server has finished only when all of its answer is read.
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	} else if r.Body != nil {
		_ = r.Body.Close()
	}
	return nil, errTransport
}

func (t *Transport) count() (fails bool, when When) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left == 0 {
		return false, Before
	}
	t.left--
	if t.left > 0 {
		return false, Before
	}
	t.hit = true
	return true, t.when
}
