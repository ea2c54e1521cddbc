package helm

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// proxy stands between the plugin and an API server: it counts requests and breaks some.
type proxy struct {
	kubeconfig string

	mu   sync.Mutex
	seen []string
	left int
	when plugintest.When
	hit  bool
	met  func(request string)
}

func newProxy(t *testing.T, cluster *parts.Cluster) *proxy {
	t.Helper()
	config := cluster.Config()
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{}
	forward := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler)
		},
	}
	server := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fails, when, met := p.count(r)
		if met != nil {
			met(r.Method + " " + r.URL.Path)
		}
		switch {
		case !fails:
			forward.ServeHTTP(w, r)
			return
		case when == plugintest.After:
			forward.ServeHTTP(&nowhere{header: http.Header{}}, r)
		}
		if r.Method == http.MethodGet {
			// A client asks again by itself when the connection breaks, for it cannot have had any effect.
			http.Error(w, "made to fail", http.StatusServiceUnavailable)
			return
		}
		panic(http.ErrAbortHandler)
	}))
	p.kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	through := clientcmdapi.NewConfig()
	through.Clusters["test"] = &clientcmdapi.Cluster{Server: server}
	through.AuthInfos["test"] = &clientcmdapi.AuthInfo{}
	through.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	through.CurrentContext = "test"
	if err := clientcmd.WriteToFile(*through, p.kubeconfig); err != nil {
		t.Fatal(err)
	}
	return p
}

// nowhere is where an answer goes that nobody is to get.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n *nowhere) WriteHeader(int)             {}

// meet has a function called before each request is passed on.
func (p *proxy) meet(met func(request string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.met = met
}

func (p *proxy) count(r *http.Request) (fails bool, when plugintest.When, met func(string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, r.Method+" "+r.URL.Path)
	if p.left == 0 {
		return false, 0, p.met
	}
	p.left--
	if p.left > 0 {
		return false, 0, p.met
	}
	p.hit = true
	return true, p.when, p.met
}

// fail is a plugintest.Subject's Fail.
func (p *proxy) fail(n int, when plugintest.When) (heal func() bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left, p.when, p.hit = n, when, false
	return func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.left = 0
		return p.hit
	}
}

// requests are those since the last call, sorted.
func (p *proxy) requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.seen
	p.seen = nil
	slices.SortFunc(seen, strings.Compare)
	return seen
}
