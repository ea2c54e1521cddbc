package helm

import (
	"context"
	"errors"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	helmregistry "helm.sh/helm/v3/pkg/registry"
	"helm.sh/helm/v3/pkg/repo"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// shelf is a server that offers charts, as a repository below /charts and as a registry.
type shelf struct {
	*httptest.Server
	t        *testing.T
	dir      string
	registry http.Handler

	mu       sync.Mutex
	requests []string
	// answer, if set, is asked first, and may leave the answer to the shelf by returning false.
	answer func(w http.ResponseWriter, r *http.Request) bool
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := unstarted(t)
	s.Start()
	return s
}

func newSecureShelf(t *testing.T) *shelf {
	t.Helper()
	s := unstarted(t)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	return s
}

func unstarted(t *testing.T) *shelf {
	s := &shelf{t: t, dir: t.TempDir(), registry: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	s.Server = httptest.NewUnstartedServer(s)
	t.Cleanup(func() { s.Close() })
	return s
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	answer := s.answer
	s.mu.Unlock()
	switch name, ok := strings.CutPrefix(r.URL.Path, "/charts/"); {
	case answer != nil && answer(w, r):
	case ok:
		http.ServeFileFS(w, r, os.DirFS(s.dir), name)
	default:
		s.registry.ServeHTTP(w, r)
	}
}

// answers sets what is asked before the shelf itself.
func (s *shelf) answers(with func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = with
}

// asked are the requests since it was last called.
func (s *shelf) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.requests
	s.requests = nil
	return all
}

// publish offers a version of the chart "web", in the repository and in the registry. description makes archives of one
// version different.
func (s *shelf) publish(version, description string) []byte {
	s.t.Helper()
	data := archiveOf(s.t, s.dir, version, description)
	s.offer(version, data)
	return data
}

// copyOf offers the very archive that another shelf has: two archives of one chart differ in the second they were made.
func (s *shelf) copyOf(other *shelf, version string) {
	s.t.Helper()
	name := "web-" + version + ".tgz"
	data := mustRead(s.t, filepath.Join(other.dir, name))
	if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o644); err != nil {
		s.t.Fatal(err)
	}
	s.offer(version, data)
}

func (s *shelf) offer(version string, data []byte) {
	s.t.Helper()
	index, err := repo.IndexDirectory(s.dir, "")
	if err == nil {
		err = index.WriteFile(filepath.Join(s.dir, "index.yaml"), 0o644)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	client, err := helmregistry.NewClient(
		helmregistry.ClientOptPlainHTTP(),
		helmregistry.ClientOptCredentialsFile(filepath.Join(s.dir, "none")),
		helmregistry.ClientOptHTTPClient(&http.Client{Transport: unwired{s.registry}}))
	if err == nil {
		_, err = client.Push(data, "shelf.test/charts/web:"+version)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// unwired asks a handler without a connection.
type unwired struct{ handler http.Handler }

func (u unwired) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	reply := httptest.NewRecorder()
	u.handler.ServeHTTP(reply, r)
	response := reply.Result()
	response.Request = r
	return response, nil
}

// index rewrites the repository's index.
func (s *shelf) index(change func(text string) string) {
	s.t.Helper()
	path := filepath.Join(s.dir, "index.yaml")
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(change(string(text))), 0o644)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// wish are options for the chart of the repository.
func (s *shelf) wish(version string) Options {
	return Options{Repo: Repo{URL: s.URL + "/charts"}, Chart: Chart{ChartName: "shelf/web", Version: version}}
}

// ociWish are options for the chart of the registry.
func (s *shelf) ociWish(version string) Options {
	return Options{Chart: Chart{ChartName: "oci://" + s.Listener.Addr().String() + "/charts/web", Version: version}}
}

// archiveOf makes an archive of the chart "web" in a folder, and returns what is in it.
func archiveOf(t *testing.T, dir, version, description string) []byte {
	t.Helper()
	c := &chart.Chart{
		Metadata:  &chart.Metadata{APIVersion: chart.APIVersionV2, Name: "web", Version: version, Description: description},
		Templates: []*chart.File{{Name: "templates/a.yaml", Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")}},
	}
	path, err := chartutil.Save(c, dir)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// chartsWith are charts in an environment of their own, with these variables.
func chartsWith(t *testing.T, variables map[string]string) *charts {
	t.Helper()
	env := plugintest.Env(t.TempDir())
	variables = maps.Clone(variables)
	env.Getenv = func(name string) string { return variables[name] }
	return newCharts(env)
}

// version is that of the chart that some options come to.
func version(t *testing.T, c *charts, o Options, installed string) string {
	t.Helper()
	f, err := c.get(t.Context(), o, installed)
	if err != nil {
		t.Fatal(err)
	}
	return f.chart.Metadata.Version
}

// complaint is the error of a get that must fail.
func complaint(ctx context.Context, t *testing.T, c *charts, o Options) error {
	t.Helper()
	f, err := c.get(ctx, o, "")
	if err == nil {
		t.Fatalf("got %s %s instead of an error", f.chart.Name(), f.chart.Metadata.Version)
	}
	return err
}

// hintOf is what an error says that the user can do.
func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func retryable(err error) bool {
	_, ok := plugins.RetryAfter(err)
	return ok
}
