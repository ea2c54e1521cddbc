// Package accident makes requests go wrong in every way in which a service's do, for the tests of what is on the other end of
// the line. It decides what goes wrong with which request; that the work can be done again is for the tests to see.
package accident

import (
	"bytes"
	"errors"
	"hash/fnv"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
)

// errCut is what a line says that was cut.
var errCut = errors.New("accident: the line was cut")

// Line is an [http.RoundTripper] on which accidents happen. It may be used by many goroutines.
type Line struct {
	// Base does the real work; nil means [http.DefaultTransport].
	Base http.RoundTripper

	mu    sync.Mutex
	left  int // requests until one goes wrong; 0: none does
	after bool
	way   way
	hit   bool
}

// way is how a request goes wrong. real is the true answer, with its whole body, or nil where the request has had no effect.
type way func(r *http.Request, real *http.Response, body []byte) (*http.Response, error)

// before are the ways that need no effect, after those that may follow one.
func before() []way {
	return []way{
		breaks(errCut), answers(500), answers(404), answers(403), answers(429, "Retry-After", "0"), answers(422),
		breaks(os.ErrDeadlineExceeded), answers(401), answers(409), answers(502),
		answersWith(403, "You have exceeded a secondary rate limit", "Retry-After", "0"), answers(503),
	}
}

func after() []way {
	return []way{half, breaks(errCut), short, answers(502), breaks(os.ErrDeadlineExceeded)}
}

// Fail is what a test of that name asks to make its n-th request from now on fail, counted from 1, before its effect or after.
// Heal ends that and tells whether the request came. Any earlier wish is forgotten.
//
// How it goes wrong is another way for each request and each test. Two tests that follow the same requests, of which one
// repeats what failed and the other deletes it, share them: each takes every other request, so that both sides of both
// together are all requests.
func (l *Line) Fail(name string, n int, hadEffect bool) (heal func() (hit bool)) {
	request := n
	repeats, deletes := strings.Contains(name, "_can_be_repeated_"), strings.Contains(name, "_can_be_deleted_")
	if (repeats || deletes) && !strings.Contains(name, "/delete_") { // which nobody shares
		request = 2 * n
		if repeats != hadEffect {
			request--
		}
	}
	ways := before()
	if hadEffect {
		ways = after()
	}
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(name))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left, l.after, l.way, l.hit = request, hadEffect, ways[(int(sum.Sum32()%97)+n)%len(ways)], false
	return func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.left = 0
		return l.hit
	}
}

// RoundTrip is [http.RoundTripper].RoundTrip.
func (l *Line) RoundTrip(r *http.Request) (*http.Response, error) {
	base := l.Base
	if base == nil {
		base = http.DefaultTransport
	}
	wrong, hadEffect := l.came()
	if wrong == nil {
		return base.RoundTrip(r)
	}
	if !hadEffect {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return wrong(r, nil, nil)
	}
	response, err := base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	// The server has finished only when all of its answer is read.
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	return wrong(r, response, body)
}

func (l *Line) came() (wrong way, hadEffect bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left == 0 {
		return nil, false
	}
	l.left--
	if l.left > 0 {
		return nil, false
	}
	l.hit = true
	return l.way, l.after
}

func breaks(err error) way {
	return func(*http.Request, *http.Response, []byte) (*http.Response, error) { return nil, err }
}

func answers(status int, header ...string) way {
	return answersWith(status, "an accident", header...)
}

func answersWith(status int, message string, header ...string) way {
	return func(r *http.Request, _ *http.Response, _ []byte) (*http.Response, error) {
		text := `{"message": "` + message + `"}`
		h := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{
			StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h,
			Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)), Request: r,
		}, nil
	}
}

// half breaks in the middle of the answer.
func half(_ *http.Request, real *http.Response, body []byte) (*http.Response, error) {
	if len(body) < 2 {
		return nil, io.ErrUnexpectedEOF
	}
	real.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), torn{}))
	return real, nil
}

// short gives half of the answer as if it were all of it.
func short(_ *http.Request, real *http.Response, body []byte) (*http.Response, error) {
	if len(body) < 2 {
		return nil, io.ErrUnexpectedEOF
	}
	real.Body = io.NopCloser(bytes.NewReader(body[:len(body)/2]))
	real.ContentLength = int64(len(body) / 2)
	real.Header.Del("Content-Length")
	return real, nil
}

type torn struct{}

func (torn) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
