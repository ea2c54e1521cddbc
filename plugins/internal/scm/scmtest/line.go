package scmtest

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
)

// errLine is what a broken line says.
var errLine = errors.New("scmtest: the line is broken here")

// Fault is how one request goes wrong.
type Fault struct {
	// N is which one, counted from 1 from when the Fault was made.
	N int
	// Every lets all that follow go wrong, too.
	Every bool
	// After lets it have its effect first.
	After bool
	// Half gives the first half of the true answer, and then the line breaks; Short gives it as if it were the whole one. Both
	// are always After.
	Half, Short bool
	// Answer is given instead of the true one. Without it the line breaks, with Err if that is set.
	Answer func(r *http.Request) *http.Response
	Err    error
	// Push is called before the request, which then goes as it should.
	Push func()
	// Silent gives no answer until the request's context is done.
	Silent bool
}

// Line is an [http.RoundTripper] that counts what goes over it, and breaks. It may be used by many goroutines.
type Line struct {
	mu       sync.Mutex
	fault    Fault
	left     int
	hit      bool
	sent     []Sent
	since    int
	writing  int
	atOnce   int
	silenced chan struct{}
}

// Sent is a request that went over a line.
type Sent struct{ Method, Host, Path string }

// Fail makes a request go wrong, and forgets any earlier such wish. Heal ends that and tells whether the request came.
func (l *Line) Fail(f Fault) (heal func() (hit bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault, l.left, l.hit, l.since, l.silenced = f, f.N, false, len(l.sent), make(chan struct{})
	return func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.left, l.fault.Every = 0, false
		return l.hit
	}
}

// Silenced is closed when a request has come that gets no answer.
func (l *Line) Silenced() <-chan struct{} { return l.silent() }

func (l *Line) silent() chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.silenced
}

// Last are the requests since the last Fail.
func (l *Line) Last() []Sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.sent[l.since:])
}

// Count is how many requests came, and how many of them may change something.
func (l *Line) Count() (all, writes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.sent {
		if s.Method != http.MethodGet && s.Method != http.MethodHead {
			writes++
		}
	}
	return len(l.sent), writes
}

// WritesAtOnce is how many requests that may change something were under way at the same time, at most.
func (l *Line) WritesAtOnce() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.atOnce
}

// RoundTrip is [http.RoundTripper].RoundTrip.
func (l *Line) RoundTrip(r *http.Request) (*http.Response, error) {
	fails, fault := l.came(r)
	defer l.went(r)
	if !fails {
		return http.DefaultTransport.RoundTrip(r)
	}
	if fault.Push != nil {
		fault.Push()
		return http.DefaultTransport.RoundTrip(r)
	}
	var response *http.Response
	if fault.After || fault.Half || fault.Short {
		var err error
		if response, err = http.DefaultTransport.RoundTrip(r); err != nil {
			return nil, err
		}
		// The server has finished only when all of its answer is read.
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			return nil, err
		}
		half := bytes.NewReader(body[:len(body)/2])
		switch {
		case len(body) < 2:
		case fault.Half:
			response.Body = io.NopCloser(io.MultiReader(half, torn{}))
			return response, nil
		case fault.Short:
			response.Body, response.ContentLength = io.NopCloser(half), half.Size()
			return response, nil
		}
	} else if r.Body != nil {
		_ = r.Body.Close()
	}
	switch {
	case fault.Silent:
		close(l.silent())
		<-r.Context().Done()
		return nil, r.Context().Err()
	case fault.Answer != nil:
		return fault.Answer(r), nil
	}
	return nil, cmp.Or(fault.Err, errLine)
}

type torn struct{}

func (torn) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (l *Line) came(r *http.Request) (fails bool, fault Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, Sent{r.Method, r.URL.Host, r.URL.Path})
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		l.writing++
		l.atOnce = max(l.atOnce, l.writing)
	}
	if l.left == 0 {
		return false, Fault{}
	}
	if l.left > 1 {
		l.left--
		return false, Fault{}
	}
	if !l.fault.Every {
		l.left = 0
	}
	l.hit = true
	return true, l.fault
}

func (l *Line) went(r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		l.writing--
	}
}

// Answer is an answer with this status, text and headers, given as name, value, name, value.
func Answer(status int, text string, headers ...string) func(r *http.Request) *http.Response {
	return func(r *http.Request) *http.Response {
		h := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
		for i := 0; i+1 < len(headers); i += 2 {
			h.Set(headers[i], headers[i+1])
		}
		return &http.Response{
			StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h,
			Body: io.NopCloser(bytes.NewReader([]byte(text))), ContentLength: int64(len(text)), Request: r,
		}
	}
}
