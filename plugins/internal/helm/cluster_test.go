package helm

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/kube"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// TestMain lets more tests run at the same time than there are processors: they wait for a cluster, five seconds for each
// namespace that goes.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(max(8, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// world is a cluster, a namespace in it that is not there yet, and the plugin.
type world struct {
	t         *testing.T
	cluster   *parts.Cluster
	client    kubernetes.Interface
	namespace string
	plugin    *plugin[Options]
	kind      plugins.Kind
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cluster := parts.SharedCluster(t)
	return worldOf(t, cluster, cluster.Kubeconfig())
}

func worldOf(t *testing.T, cluster *parts.Cluster, kubeconfig string) *world {
	t.Helper()
	w := &world{t: t, cluster: cluster, client: cluster.Client(), namespace: cluster.Namespace(t)}
	env := plugintest.Env(t.TempDir())
	env.Getenv = func(name string) string {
		if name == "KUBECONFIG" {
			return kubeconfig
		}
		return ""
	}
	p := Preset[Options]{Name: "helm-generic", Schema: "package helmgeneric", Common: Plain}
	clusters := kube.New(env)
	w.plugin = &plugin[Options]{preset: p, clusters: clusters, charts: newCharts(env)}
	w.kind = New(env, clusters, p)
	return w
}

// chartFolder is the folder of one of the charts that tests have.
func chartFolder(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "..", "cmd", "dtm", "parts", "charts", name))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// wish are options for a chart, with the defaults of the schema.
func (w *world) wish(path, values string) Options {
	return Options{
		CreateNamespace: true,
		Chart: Chart{
			ChartName: path, ReleaseName: "r", Namespace: w.namespace, Wait: true, Timeout: "1m",
			Values: json.RawMessage(values),
		},
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// listen is a context that collects what a verb reports.
func listen(ctx context.Context) (context.Context, func() []string) {
	said := make(chan string, 1000)
	ctx = plugins.WithReport(ctx, func(text string) {
		select {
		case said <- text:
		default:
		}
	})
	return ctx, func() []string {
		var all []string
		for {
			select {
			case text := <-said:
				all = append(all, text)
			default:
				return all
			}
		}
	}
}

// newServer serves on the loopback until the test has ended, and returns its address.
func newServer(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// makeNamespace makes the world's namespace, as somebody else would.
func (w *world) makeNamespace() {
	w.t.Helper()
	_, err := w.client.CoreV1().Namespaces().Create(w.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}, metav1.CreateOptions{})
	w.must(err)
}

func absolute(path string) (string, error) { return filepath.Abs(path) }

// full leaves a test out of the quick run, which has one that goes through all of it once.
func full(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("in full runs only")
	}
}
