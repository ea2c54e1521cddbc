package parts

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Trouble is what goes wrong with one request to a service that a test talks to.
type Trouble struct {
	// Status, Header and Body are the answer instead of the real one. Without a Status the real one is given.
	Status int
	Header map[string]string
	Body   string
	// After lets the request have its effect first.
	After bool
	// Cut closes the connection instead of answering, Half in the middle of the answer. Short gives half of the answer as
	// if it were all of it.
	Cut, Half, Short bool
	// Silent does not answer before the client has gone.
	Silent bool
}

// troubles is the part of a stand-in that counts requests and makes one of them fail.
type troubles struct {
	mu       sync.Mutex
	requests []string
	left     int // requests until one fails; 0: none does
	of       string
	trouble  Trouble
	hit      bool
}

// Fail makes the n-th request from now on, counted from 1, go wrong. Any earlier wish is forgotten. What heal returns tells
// whether the request came.
func (s *troubles) Fail(n int, trouble Trouble) (heal func() (hit bool)) {
	return s.FailOn("", n, trouble)
}

// FailOn is like Fail, but counts only requests that start so, as in "POST /api/v4/projects".
func (s *troubles) FailOn(start string, n int, trouble Trouble) (heal func() (hit bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left, s.of, s.trouble, s.hit = n, start, trouble, false
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.left = 0
		return s.hit
	}
}

// Requests are the requests that came so far, as in "GET /api/v4/projects/1?statistics=true", in the order in which they came.
func (s *troubles) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Reset forgets the requests that came so far.
func (s *troubles) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// next writes a request down and tells what is to go wrong with it.
func (s *troubles) next(r *http.Request) (trouble Trouble, wrong bool) {
	line := r.Method + " " + r.URL.RequestURI()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, line)
	if s.left == 0 || !strings.HasPrefix(line, s.of) {
		return Trouble{}, false
	}
	s.left--
	if s.left == 0 {
		s.hit = true
	}
	return s.trouble, s.left == 0
}

// serve answers as the real answer does, but for what goes wrong.
func (s *troubles) serve(w http.ResponseWriter, r *http.Request, answer http.Handler) {
	trouble, wrong := s.next(r)
	if !wrong {
		answer.ServeHTTP(w, r)
		return
	}
	reply := httptest.NewRecorder()
	if trouble.After || trouble.Half || trouble.Short {
		answer.ServeHTTP(reply, r)
	}
	if trouble.Status != 0 {
		reply = httptest.NewRecorder()
		reply.Header().Set("Content-Type", "application/json")
		for name, value := range trouble.Header {
			reply.Header().Set(name, value)
		}
		reply.WriteHeader(trouble.Status)
		_, _ = reply.WriteString(trouble.Body) // it cannot fail
	}
	body := reply.Body.Bytes()
	half := body[:len(body)/2]
	switch {
	case trouble.Silent:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case trouble.Cut:
		panic(http.ErrAbortHandler)
	case trouble.Half:
		give(w, reply, half, len(body))
		_ = http.NewResponseController(w).Flush() // or nothing of it leaves
		panic(http.ErrAbortHandler)
	case trouble.Short:
		give(w, reply, half, len(half))
	default:
		give(w, reply, body, len(body))
	}
}

// give answers with what was recorded, but for its body and what is said of its length.
func give(w http.ResponseWriter, reply *httptest.ResponseRecorder, body []byte, length int) {
	for name, values := range reply.Header() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(reply.Code)
	_, _ = w.Write(body) // who does not read it has gone
}
