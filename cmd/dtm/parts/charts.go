package parts

import (
	"embed"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	helmregistry "helm.sh/helm/v3/pkg/registry"
	"helm.sh/helm/v3/pkg/repo"
)

// charts are the charts that tests install: small ones that have the shape of those whose names they bear.
//
//go:embed all:charts
var charts embed.FS

// A ChartRepo is a repository of charts on the loopback, which offers the same charts as a classic one (an index and
// archives) and as an OCI registry, both in clear and with TLS.
//
// Its methods may be called by many goroutines at the same time, and while clients ask.
type ChartRepo struct {
	// URL is the address of the classic repository, as in "http://127.0.0.1:34567/repo", and SecureURL the one with TLS.
	URL, SecureURL string
	// OCI is the address that charts stand below in the registry, which speaks plain HTTP, as in
	// "oci://127.0.0.1:34567/charts"; SecureOCI is the one with TLS.
	OCI, SecureOCI string
	// CAFile is the path of the certificate, as PEM, that the servers with TLS are to be trusted by.
	CAFile string

	dir      string // what the classic repository serves
	registry http.Handler

	mu             sync.Mutex
	published      int // how often something was
	fault          Fault
	suffix         string        // of the paths that the fault is for
	healed         chan struct{} // closed when the fault is over
	user, password string
	requests       []string
}

// Charts serves charts until the test ends: those of this package that are named ("argo-cd"), all of them if none is, and
// folders of others, whose names have a slash in them ("./testdata/mine").
func Charts(t testing.TB, names ...string) *ChartRepo {
	t.Helper()
	silent := log.New(io.Discard, "", 0)
	r := &ChartRepo{
		dir:      t.TempDir(),
		registry: registry.New(registry.Logger(silent)),
		healed:   make(chan struct{}),
	}
	clear, secure := httptest.NewUnstartedServer(r), httptest.NewUnstartedServer(r)
	clear.Config.ErrorLog, secure.Config.ErrorLog = silent, silent
	clear.Start()
	secure.StartTLS()
	t.Cleanup(func() {
		r.Heal() // or a slow answer keeps its server
		clear.Close()
		secure.Close()
	})
	host := func(s *httptest.Server) string { return s.Listener.Addr().String() }
	r.URL, r.SecureURL = clear.URL+"/repo", secure.URL+"/repo"
	r.OCI, r.SecureOCI = "oci://"+host(clear)+"/charts", "oci://"+host(secure)+"/charts"
	r.CAFile = filepath.Join(t.TempDir(), "ca.crt")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(r.CAFile, ca, 0o644); err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		all, err := charts.ReadDir("charts")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			names = append(names, e.Name())
		}
	}
	for _, name := range names {
		r.Add(t, name, "")
	}
	return r
}

// Add offers one more version of a chart, named as in [Charts], or its own version if that is empty. A version that is
// there already is replaced by an archive with another digest, as a careless maintainer would.
func (r *ChartRepo) Add(t testing.TB, name, version string) {
	t.Helper()
	c, err := loadChart(name)
	if err != nil {
		t.Fatal(err)
	}
	if version != "" {
		c.Metadata.Version = version
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.published++
	// Archives of the same content in the same second are the same, to the byte.
	c.Metadata.Annotations = map[string]string{"dtm.test/published": strconv.Itoa(r.published)}
	if err := r.publish(c); err != nil {
		t.Fatal(err)
	}
}

func (r *ChartRepo) publish(c *chart.Chart) error {
	archive, err := chartutil.Save(c, r.dir)
	if err != nil {
		return err
	}
	index, err := repo.IndexDirectory(r.dir, "")
	if err != nil {
		return err
	}
	if err := index.WriteFile(filepath.Join(r.dir, "index.yaml"), 0o644); err != nil {
		return err
	}
	data, err := os.ReadFile(archive)
	if err != nil {
		return err
	}
	client, err := helmregistry.NewClient(
		helmregistry.ClientOptPlainHTTP(),
		helmregistry.ClientOptCredentialsFile(filepath.Join(r.dir, "none")),
		helmregistry.ClientOptHTTPClient(&http.Client{Transport: direct{r.registry}}))
	if err != nil {
		return err
	}
	_, err = client.Push(data, strings.TrimPrefix(r.OCI, "oci://")+"/"+c.Name()+":"+c.Metadata.Version)
	return err
}

// direct asks a handler without a connection, so that neither faults nor passwords are in the way.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	reply := httptest.NewRecorder()
	d.handler.ServeHTTP(reply, r)
	response := reply.Result()
	response.Request = r
	return response, nil
}

// Mirror is the value of DTM_CHART_MIRRORS with which the addresses are asked for here.
func (r *ChartRepo) Mirror(from ...string) string {
	var all []string
	for _, f := range from {
		all = append(all, f+"="+r.URL)
	}
	return strings.Join(all, " ")
}

// RequireAuth makes every request fail that does not bring this user and password. Both empty lets everyone in again.
func (r *ChartRepo) RequireAuth(user, password string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.user, r.password = user, password
}

// Requests are the requests that were made so far, as in "GET /repo/index.yaml", in the order in which they came.
func (r *ChartRepo) Requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// ChartFolder returns the path of a folder with a chart of this package, which the test may change. It is removed when the
// test ends.
func ChartFolder(t testing.TB, name string) string {
	t.Helper()
	from, err := fs.Sub(charts, path.Join("charts", name))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, from); err != nil {
		t.Fatal(err)
	}
	return dir
}

func loadChart(name string) (*chart.Chart, error) {
	if strings.ContainsRune(filepath.ToSlash(name), '/') {
		return loader.LoadDir(name)
	}
	root := path.Join("charts", name)
	var files []*loader.BufferedFile
	err := fs.WalkDir(charts, root, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := charts.ReadFile(file)
		files = append(files, &loader.BufferedFile{Name: strings.TrimPrefix(file, root+"/"), Data: data})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("no chart %s: %w", name, err)
	}
	return loader.LoadFiles(files)
}
