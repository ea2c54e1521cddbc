package s3_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"

	"github.com/devstream-io/dtm/store/keyring"
	"github.com/devstream-io/dtm/store/s3"
)

const (
	accessKey, secretKey = "AKIDTESTTESTTESTTEST", "not-a-secret-of-anybody"
	bucketName           = "toolchains"
)

// environment gives the SDK's chain these and nothing of the machine's.
func environment(access, secret string) map[string]string {
	none := filepath.Join(os.TempDir(), "there-is-no-such-folder", "none")
	return map[string]string{
		"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_PROFILE": "", "AWS_REGION": "", "AWS_DEFAULT_REGION": "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": "",
	}
}

// All servers know the same credentials, so tests may run at the same time.
func TestMain(m *testing.M) {
	for name, value := range environment(accessKey, secretKey) {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// credentials are others, for a test that runs alone.
func credentials(t testing.TB, access, secret string) {
	t.Helper()
	for name, value := range environment(access, secret) {
		t.Setenv(name, value)
	}
}

// server is S3 in this process: signatures are checked, conditional writes are atomic, and its clock can be put forward.
type server struct {
	handler http.Handler
	backend *s3mem.Backend
	ahead   atomic.Int64
	mu      sync.Mutex // s3mem checks a condition and writes in two steps
}

func newServer(t testing.TB) *server {
	t.Helper()
	return newServerWith(t, gofakes3.WithV4Auth(map[string]string{accessKey: secretKey}))
}

func newServerWith(t testing.TB, opts ...gofakes3.Option) *server {
	t.Helper()
	s := new(server)
	backend := s3mem.New(s3mem.WithTimeSource(s))
	if err := backend.CreateBucket(t.Context(), bucketName); err != nil {
		t.Fatal(err)
	}
	s.backend = backend
	s.handler = gofakes3.New(backend, append(opts, gofakes3.WithTimeSource(s), gofakes3.WithTimeSkewLimit(0))...).Server()
	return s
}

// all is what the bucket holds below a key, names included.
func (s *server) all(t *testing.T, key string) map[string][]byte {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	prefix := gofakes3.NewPrefix(&key, nil)
	list, err := s.backend.ListBucket(t.Context(), bucketName, &prefix, gofakes3.ListBucketPage{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, item := range list.Contents {
		o, err := s.backend.GetObject(t.Context(), bucketName, item.Key, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(o.Contents)
		if err != nil {
			t.Fatal(err)
		}
		all[item.Key] = body
	}
	return all
}

// clone copies what is below a key.
func (s *server) clone(t *testing.T, from, to string) {
	t.Helper()
	for name, body := range s.all(t, from+"/") {
		s.mu.Lock()
		_, err := s.backend.PutObject(t.Context(), bucketName, to+strings.TrimPrefix(name, from), nil, bytes.NewReader(body), int64(len(body)))
		s.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Now is the server's time.
func (s *server) Now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// Since is part of gofakes3's TimeSource.
func (s *server) Since(t time.Time) time.Duration { return s.Now().Sub(t) }

func (s *server) pass(d time.Duration) { s.ahead.Add(int64(d)) }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat))
	s.handler.ServeHTTP(w, r)
}

// outcome is what becomes of a request.
type outcome int

const (
	served   outcome = iota
	refused          // 503, nothing done
	conflict         // 409, nothing done
	cut              // no reply, nothing done
	unheard          // done, no reply
	hung             // nothing happens until the client gives up
)

func (o outcome) String() string {
	return [...]string{"served", "503", "409", "cut", "reply lost", "hung"}[o]
}

// front is a way to a handler that counts requests and does not always work.
type front struct {
	ts      *httptest.Server
	url     string
	handler http.Handler
	latency time.Duration

	mu    sync.Mutex
	seen  []string // method and path within the bucket
	fault func(n int, r *http.Request) outcome
}

func (s *server) front(t testing.TB) *front { return newFront(t, s) }

func newFront(t testing.TB, h http.Handler) *front {
	t.Helper()
	f := &front{handler: h}
	f.ts = httptest.NewServer(f)
	t.Cleanup(f.ts.Close)
	f.url = f.ts.URL
	return f
}

// forgetful is for tests with hundreds of stores, each of which keeps connections.
func (f *front) forgetful() { f.ts.Config.SetKeepAlivesEnabled(false) }

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Before the reply is cut the request must have been read, or the client may hear of a broken pipe instead.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	f.mu.Lock()
	f.seen = append(f.seen, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/"+bucketName+"/"))
	o := served
	if f.fault != nil {
		o = f.fault(len(f.seen), r)
	}
	f.mu.Unlock()
	if f.latency > 0 {
		<-time.After(f.latency)
	}
	switch o {
	case served:
		f.handler.ServeHTTP(w, r)
	case refused:
		s3Error(w, http.StatusServiceUnavailable, "SlowDown")
	case conflict:
		s3Error(w, http.StatusConflict, "ConditionalRequestConflict")
	case unheard:
		f.handler.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case hung:
		<-r.Context().Done()
	case cut:
		panic(http.ErrAbortHandler)
	}
}

func s3Error(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>as the test wants</Message></Error>", code)
}

// failing sets the fault and begins to count anew.
func (f *front) failing(fault func(n int, r *http.Request) outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault, f.seen = fault, nil
}

func (f *front) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.seen...)
}

func (f *front) options(key string) s3.Options {
	return s3.Options{Bucket: bucketName, Key: key, Region: "us-east-1", Endpoint: f.url, PathStyle: true}
}

func (f *front) store(t testing.TB, key string, tuning s3.Tuning) *s3.Store {
	t.Helper()
	return f.storeWith(t, f.options(key), tuning)
}

// keeping is a store that keeps only so many runs, with keys.
func (f *front) keeping(t *testing.T, key string, keep int, keys keyring.Keys, tuning s3.Tuning) *s3.Store {
	t.Helper()
	opts := f.options(key)
	opts.Keep, opts.Keys = keep, keys
	return f.storeWith(t, opts, tuning)
}

func (f *front) storeWith(t testing.TB, opts s3.Options, tuning s3.Tuning) *s3.Store {
	t.Helper()
	s, err := s3.NewTuned(t.Context(), opts, tuning)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
