package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/store/s3"
)

// proxy stands before a server of S3 and breaks one request, or all from one on.
type proxy struct {
	next http.Handler
	// at is which request is broken, counted from 1; 0 for none. From then on all are if rest is set.
	at   int64
	rest bool
	// how is what becomes of it.
	how  string
	seen atomic.Int64
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := p.seen.Add(1)
	if n != p.at && (!p.rest || n < p.at || p.at == 0) {
		p.next.ServeHTTP(w, r)
		return
	}
	switch p.how {
	case "refused":
		w.WriteHeader(http.StatusServiceUnavailable)
	case "unheard": // it is done, and nobody hears of it
		p.next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	default: // cut before it is done
		panic(http.ErrAbortHandler)
	}
}

// Whatever becomes of one request, the apply succeeds; and where the connection stays cut, the next apply converges.
func TestAnApplyOverABrokenConnectionLosesNothing(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for a minute for connections that stay cut")
	}
	address := parts.ServeS3(t, "team", "AKIDTEST", "secret-of-the-test")
	target, err := url.Parse("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	bucketStore(t, address, "none") // the credentials
	b := &broken{T: t, address: address, forward: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}}
	whole, err := b.applied(&proxy{}, "whole")
	if err != nil || whole < 8 {
		t.Fatalf("an apply takes %d requests: %v", whole, err)
	}
	// The SDK waits before it tries again, so they wait beside one another.
	var group errgroup.Group
	group.SetLimit(16)
	for n := int64(1); n <= whole; n++ {
		for _, how := range []string{"refused", "cut", "unheard"} {
			group.Go(func() error {
				_, err := b.applied(&proxy{at: n, how: how}, fmt.Sprintf("%s-%d", how, n))
				return err
			})
		}
		if n%3 == 1 {
			group.Go(func() error { return b.dead(n) })
		}
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

// broken is what the attempts share. Its methods may be called at the same time.
type broken struct {
	*testing.T
	address string
	forward http.Handler
}

// configure writes the configuration of a place behind a server.
func (b *broken) configure(dir, server, key string) error {
	return os.WriteFile(filepath.Join(dir, "config.yaml"), fmt.Appendf(nil, `state: {backend: s3, options: {bucket: team, key: %s, region: us-east-1, endpoint: %q, pathStyle: true}}
tools:
- {name: localfile, instanceID: a, options: {filename: a.txt, content: a}}
- {name: localfile, instanceID: b, options: {filename: b.txt, content: "${{ localfile.a.outputs.sha256 }}"}}
`, key, server), 0o600)
}

// run runs dtm in dir; its error has what it said.
func (b *broken) run(dir string, args ...string) error {
	cmd := exec.CommandContext(b.Context(), "dtm", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: dtm %s: %w\n%s", filepath.Base(dir), strings.Join(args, " "), err, out)
	}
	return nil
}

// applied applies behind a proxy, which must succeed, and returns how many requests there were.
func (b *broken) applied(p *proxy, key string) (int64, error) {
	p.next = b.forward
	server := httptest.NewServer(p)
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	dir := filepath.Join(b.TempDir(), key)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return 0, err
	}
	if err := b.configure(dir, server.URL, key); err != nil {
		return 0, err
	}
	if err := b.run(dir, "apply", "-y"); err != nil {
		return 0, err
	}
	seen := p.seen.Load()
	return seen, b.settled(dir, key)
}

// settled checks, past the proxy, that nothing is left to do and that the journal is whole.
func (b *broken) settled(dir, key string) error {
	err := b.configure(dir, "http://"+b.address, key)
	if err == nil {
		err = b.run(dir, "plan", "--detailed-exitcode")
	}
	if err != nil {
		return err
	}
	st, err := b.store(key)
	if err != nil {
		return err
	}
	for r, err := range st.Runs(b.Context()) {
		if err != nil {
			return err
		}
		last := uint64(0)
		for e, err := range st.Entries(b.Context(), r.ID) {
			if err != nil || last != 0 && e.Seq != last+1 {
				return fmt.Errorf("%s: entry %d follows %d: %w", key, e.Seq, last, err)
			}
			last = e.Seq
		}
	}
	return nil
}

func (b *broken) store(key string) (*s3.Store, error) {
	return s3.New(b.Context(), s3.Options{Bucket: "team", Key: key, Region: "us-east-1", Endpoint: "http://" + b.address, PathStyle: true})
}

// dead applies where the connection stays cut from a request on, and then where it does not.
func (b *broken) dead(n int64) error {
	key := fmt.Sprintf("dead-%d", n)
	p := &proxy{next: b.forward, at: n, rest: true, how: "cut"}
	server := httptest.NewServer(p)
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	dir := filepath.Join(b.TempDir(), key)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := b.configure(dir, server.URL, key); err != nil {
		return err
	}
	if err := b.run(dir, "apply", "-y"); err == nil || strings.Contains(err.Error(), "panic") || !strings.Contains(err.Error(), "hint:") {
		return fmt.Errorf("%s: it ended with %w", key, err)
	}
	if err := b.configure(dir, "http://"+b.address, key); err != nil {
		return err
	}
	st, err := b.store(key)
	if err != nil {
		return err
	}
	lock, err := st.Lock(b.Context())
	if err == nil && lock != nil {
		err = b.run(dir, "state", "unlock", "--id", lock.ID)
		if err != nil && strings.Contains(err.Error(), "nobody holds the lock") {
			err = nil // on a busy machine its lease has run out meanwhile
		}
	}
	if err == nil {
		err = b.run(dir, "apply", "-y")
	}
	if err != nil {
		return err
	}
	return b.settled(dir, key)
}
