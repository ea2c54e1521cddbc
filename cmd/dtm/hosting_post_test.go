package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// A post stands before a service and keeps all that comes: addresses, headers and bodies.
type post struct {
	name string
	url  string

	mu   sync.Mutex
	came strings.Builder
	// instead answers in the service's place, if it is not nil and says that it has.
	instead answerer
}

// An answerer answers a request or, returning false, leaves it.
type answerer func(w http.ResponseWriter, r *http.Request) bool

// newPost is the way to the service at to, which may be "" for none: then all is answered with 404.
func newPost(t *testing.T, name, to string) *post {
	t.Helper()
	p := &post{name: name}
	service := http.NotFoundHandler()
	if to != "" {
		target, err := url.Parse(to)
		if err != nil {
			t.Fatal(err)
		}
		service = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		}}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // it has gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		head, _ := httputil.DumpRequest(r, false)
		p.mu.Lock()
		fmt.Fprintf(&p.came, "%s%s\n\n", head, body)
		instead := p.instead
		p.mu.Unlock()
		if instead != nil && instead(w, r) {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		service.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// answer has all requests from now on answered so; nil is the service itself.
func (p *post) answer(instead answerer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instead = instead
}

func (p *post) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.came.String()
}
