package parts

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// A Proxy is a way to the API server of a [Cluster] that writes down what passes and can break it. Whoever comes through
// it is an administrator, without a password.
//
// Its methods may be called by many goroutines at the same time, and while requests pass.
type Proxy struct {
	kubeconfig string
	forward    http.Handler

	mu       sync.Mutex
	requests []string
	left     int // requests until one fails; 0: none does
	how      http.HandlerFunc
	hit      bool
}

// Proxy starts a proxy before the API server. It ends with the test.
func (c *Cluster) Proxy(t testing.TB) *Proxy {
	t.Helper()
	server, err := url.Parse(c.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{forward: &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(server) },
		Transport:     transport,
		FlushInterval: -1, // a watch says what it sees when it sees it
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}}
	front := httptest.NewServer(p)
	t.Cleanup(func() {
		front.CloseClientConnections() // some watch
		front.Close()
	})
	p.kubeconfig = writeKubeconfig(t, clientcmdapi.Cluster{Server: front.URL}, clientcmdapi.AuthInfo{})
	return p
}

// Kubeconfig returns the path of a kubeconfig whose only context, "test", goes through the proxy.
func (p *Proxy) Kubeconfig() string { return p.kubeconfig }

// Requests are the requests that came so far, as in "GET /api/v1/namespaces?limit=500", in the order in which they came.
func (p *Proxy) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// Reset forgets the requests that came so far.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = nil
}

// Fail makes the n-th request from now on fail, counted from 1, with an error 500 of the API server's: before it has had
// an effect, or after. Any earlier wish is forgotten. What heal returns tells whether the request came.
func (p *Proxy) Fail(n int, after bool) (heal func() (hit bool)) {
	return p.wish(n, func(w http.ResponseWriter, r *http.Request) {
		p.effect(after, r)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",`+
			`"message":"this request was made to fail","reason":"InternalError","code":500}`) // who has gone needs no answer
	})
}

// Cut is like [Proxy.Fail], but closes the connection instead of answering. Clients of Kubernetes silently repeat requests that
// only read.
func (p *Proxy) Cut(n int, after bool) (heal func() (hit bool)) {
	return p.wish(n, func(_ http.ResponseWriter, r *http.Request) {
		p.effect(after, r)
		panic(http.ErrAbortHandler)
	})
}

// effect lets a request have its effect, if it is wished so and it has one. Nobody sees the answer.
func (p *Proxy) effect(wished bool, r *http.Request) {
	if wished && r.Method != http.MethodGet { // among those that only read are some that never end
		p.forward.ServeHTTP(httptest.NewRecorder(), r)
	}
}

func (p *Proxy) wish(n int, how http.HandlerFunc) (heal func() (hit bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left, p.how, p.hit = n, how, false
	return func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.left = 0
		return p.hit
	}
}

// ServeHTTP is how the proxy answers.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests = append(p.requests, r.Method+" "+r.URL.RequestURI())
	answer := p.forward
	if p.left > 0 {
		if p.left--; p.left == 0 {
			answer, p.hit = p.how, true
		}
	}
	p.mu.Unlock()
	answer.ServeHTTP(w, r)
}
