package helm

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

var widgets = schema.GroupVersionResource{Group: "lab.dtm.test", Version: "v1", Resource: "widgets"}

// Definitions are the cluster's: this test has one of its own, and does one thing after the other.
func TestDefinitionsAreUpgradedWhenThatIsAskedFor(t *testing.T) {
	t.Parallel()
	full(t)
	cluster := parts.StartCluster(t)
	w := worldOf(t, cluster, cluster.Kubeconfig())
	w.makeNamespace()
	colour := func() any {
		widget, err := cluster.Dynamic().Resource(widgets).Namespace(w.namespace).Get(t.Context(), "r", metav1.GetOptions{})
		w.must(err)
		spec, _ := widget.Object["spec"].(map[string]any)
		return spec["colour"]
	}
	v1, v2 := w.wish(chartFolder(t, "with-crds"), `{}`), w.wish(chartFolder(t, "with-crds-2"), `{}`)
	r, err := w.plugin.Create(t.Context(), v1)
	w.must(err)
	w.readsAs(v1, r)

	// Without: the server drops what the old definition does not know, as with Helm.
	r, err = w.plugin.Update(t.Context(), v2, v1, r)
	w.must(err)
	if colour() != nil {
		t.Errorf("the colour is %v although the definition was not to change", colour())
	}
	r, err = w.plugin.Update(t.Context(), v1, v2, r)
	w.must(err)

	with := v2
	with.Chart.UpgradeCRDs = true
	ctx, said := listen(t.Context())
	r, err = w.plugin.Update(ctx, with, v1, r)
	w.must(err)
	if colour() != "red" {
		t.Errorf("the colour is %v", colour())
	}
	if heard := strings.Join(said(), "\n"); !strings.Contains(heard, "upgrading the definition widgets.lab.dtm.test") {
		t.Errorf("nobody said so, but\n%s", heard)
	}
	w.readsAs(with, r)

	// An object removed by hand is made again, of whatever kind.
	w.must(cluster.Dynamic().Resource(widgets).Namespace(w.namespace).Delete(t.Context(), "r", deleteOptions))
	if got := w.drifts(with, r); !slices.Equal(got.Absent, []string{"Widget " + w.namespace + "/r"}) {
		t.Errorf("absent: %v", got.Absent)
	}
	r = w.repaired(with, r)

	// When the definition is gone, so are its objects, and the rest can still be removed.
	w.must(cluster.Dynamic().Resource(schema.GroupVersionResource{Group: definitions.Group, Version: definitions.Version, Resource: definitions.Resource}).Delete(t.Context(), "widgets.lab.dtm.test", deleteOptions))
	cluster.Until(t, "the definition is gone", func(ctx context.Context) (bool, error) {
		_, err := cluster.Dynamic().Resource(widgets).Namespace(w.namespace).List(ctx, metav1.ListOptions{})
		return apierrors.IsNotFound(err), nil
	})
	w.must(w.plugin.Delete(t.Context(), with, r))
	w.isEmpty()
}

func TestNoChartIsNeededToDelete(t *testing.T) {
	t.Parallel()
	full(t)
	w := newWorld(t)
	w.makeNamespace()
	path := parts.ChartFolder(t, "plain")
	want := w.wish(path, `{}`)
	r, err := w.plugin.Create(t.Context(), want)
	w.must(err)
	w.must(os.RemoveAll(path))
	w.readsAs(want, r)
	w.must(w.plugin.Delete(t.Context(), want, r))
	w.isEmpty()
}

func TestNoRepositoryIsNeededToDelete(t *testing.T) {
	t.Parallel()
	full(t)
	w := newWorld(t)
	w.makeNamespace()
	charts := parts.Charts(t, "plain")
	want := w.wish("lab/plain", `{}`)
	want.Repo.URL = charts.URL
	r, err := w.plugin.Create(t.Context(), want)
	w.must(err)
	charts.Break(parts.Down, "")
	w.must(os.RemoveAll(w.plugin.charts.env.Cache))
	w.readsAs(want, r)
	w.must(w.plugin.Delete(t.Context(), want, r))
	w.isEmpty()
}

func TestACancelledDownloadLeavesNothing(t *testing.T) {
	t.Parallel()
	full(t)
	w := newWorld(t)
	asked := make(chan struct{})
	address := newServer(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		<-asked
		cancel()
	}()
	want := w.wish("lab/plain", `{}`)
	want.Repo.URL = address
	_, err := w.plugin.Create(ctx, want)
	says(t, err, "canceled")
	w.hasNoNamespace()
}

func TestWhatIsToBeKeptIsKept(t *testing.T) {
	t.Parallel()
	full(t)
	w := newWorld(t)
	path, err := absolute("testdata/kept")
	w.must(err)
	want := w.wish(path, `{}`)
	r, err := w.plugin.Create(t.Context(), want)
	w.must(err)
	w.readsAs(want, r)
	ctx, said := listen(t.Context())
	w.must(w.plugin.Delete(ctx, want, r))
	if heard := strings.Join(said(), "\n"); !strings.Contains(heard, "namespace "+w.namespace+" stays: there is still") {
		t.Errorf("nobody said that the namespace stays, but\n%s", heard)
	}
	// The hook's job is a log, its secret is not.
	left, err := w.leftovers(t.Context())
	w.must(err)
	if !slices.Equal(left, []string{"ConfigMap r", "Secret r-once"}) {
		t.Errorf("what is left: %v", left)
	}
	// What was kept is the release's again when it is installed again.
	w.must(w.client.CoreV1().Secrets(w.namespace).Delete(t.Context(), "r-once", deleteOptions))
	r, err = w.plugin.Create(t.Context(), want)
	w.must(err)
	w.readsAs(want, r)
}

// The bound is one request for the history and one for each kind in each namespace, whatever the number of objects.
func TestAReadCostsOneRequestAKind(t *testing.T) {
	t.Parallel()
	full(t)
	between := newProxy(t, parts.SharedCluster(t))
	w := worldOf(t, parts.SharedCluster(t), between.kubeconfig)
	w.makeNamespace()
	path, err := absolute("testdata/many")
	w.must(err)
	const kinds = 5 // Deployment, StatefulSet, DaemonSet, ConfigMap, Secret
	var updates []int
	for _, n := range []int{1, 7} {
		want := called(w.wish(path, fmt.Sprintf(`{"each": %d}`, n)), fmt.Sprintf("r-%d", n))
		r, err := w.plugin.Create(t.Context(), want)
		w.must(err)
		if len(r.Workloads) != 3*n {
			t.Fatalf("there are %d workloads", len(r.Workloads))
		}
		between.requests()
		_, err = w.plugin.Read(t.Context(), want, r)
		w.must(err)
		if seen := between.requests(); len(seen) != 1+kinds {
			t.Errorf("a read of %d workloads costs %d requests, want %d:\n%s", 3*n, len(seen), 1+kinds, strings.Join(seen, "\n"))
		}
		want.Chart.Wait = false // who waits looks at each workload once
		_, err = w.plugin.Update(t.Context(), want, want, r)
		w.must(err)
		updates = append(updates, len(between.requests()))
	}
	// Twice what a read costs, before and after, and a look at the namespace.
	if want := 2*(1+kinds) + 1; updates[0] != want || updates[1] != want {
		t.Errorf("an update with nothing to do costs %v requests, want %d each", updates, want)
	}
}
