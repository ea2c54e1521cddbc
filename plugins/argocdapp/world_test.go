package argocdapp

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	resource "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/kube"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// applicationCRD has the shape of Argo CD's own definition where dtm touches it.
//
//go:embed testdata/application-crd.yaml
var applicationCRD []byte

var (
	namespaces   = resource.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	definitions  = resource.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	statefulSets = resource.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}
	applications = resource.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}
)

// world is a namespace of a real cluster that knows Applications. No Argo CD runs in it until one is played.
type world struct {
	cluster   *parts.Cluster
	namespace string
	kind      plugins.Kind
}

func newWorld(t *testing.T, cluster *parts.Cluster) world {
	t.Helper()
	w := world{cluster: cluster, namespace: cluster.Namespace(t)}
	w.define(t)
	w.make(t, namespaces, "", unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": w.namespace},
	}})
	w.kind = kindFor(t, cluster.Kubeconfig())
	t.Cleanup(func() { w.clear() })
	return w
}

func kindFor(t *testing.T, kubeconfig string) plugins.Kind { return kindIn(t.TempDir(), kubeconfig) }

// kindIn is the plugin for a configuration in a folder, with KUBECONFIG in its environment.
func kindIn(dir, kubeconfig string) plugins.Kind {
	env := plugintest.Env(dir)
	env.Getenv = func(name string) string { return map[string]string{"KUBECONFIG": kubeconfig}[name] }
	return New(env, kube.New(env))
}

// define makes the cluster know Applications.
func (w world) define(t *testing.T) {
	t.Helper()
	var crd unstructured.Unstructured
	if err := yaml.Unmarshal(applicationCRD, &crd.Object); err != nil {
		t.Fatal(err)
	}
	w.make(t, definitions, "", crd)
	w.cluster.Until(t, "Applications are known", func(ctx context.Context) (bool, error) {
		_, err := w.cluster.Dynamic().Resource(applications).List(ctx, metav1.ListOptions{})
		return err == nil, nil
	})
}

func (w world) make(t *testing.T, what resource.GroupVersionResource, namespace string, object unstructured.Unstructured) {
	t.Helper()
	_, err := w.cluster.Dynamic().Resource(what).Namespace(namespace).Create(t.Context(), &object, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}

// apps are the Applications of this world, past the plugin.
func (w world) apps() dynamic.ResourceInterface {
	return w.cluster.Dynamic().Resource(applications).Namespace(w.namespace)
}

// clear takes away what a failed test left, so that the namespace can go.
func (w world) clear() {
	ctx := context.Background()
	left, err := w.apps().List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	for _, app := range left.Items {
		_, _ = w.apps().Patch(ctx, app.GetName(), types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		_ = w.apps().Delete(ctx, app.GetName(), metav1.DeleteOptions{})
	}
}

// get reads an Application, nil if there is none.
func (w world) get(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	app, err := w.apps().Get(t.Context(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// edit changes an Application by hand: somebody else becomes the owner of what it touches.
func (w world) edit(ctx context.Context, name, patch string) error {
	_, err := w.apps().Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"})
	return err
}

func (w world) mustEdit(t *testing.T, name, patch string) {
	t.Helper()
	if err := w.edit(t.Context(), name, patch); err != nil {
		t.Fatal(err)
	}
}

// options are complete: as they are after the schema filled in its defaults.
func (w world) options(name string, changes ...func(*Options)) Options {
	o := Options{
		App:         App{Name: name, Namespace: w.namespace},
		Project:     "default",
		Destination: Destination{Server: "https://kubernetes.default.svc", Namespace: "default"},
		Source:      Source{RepoURL: "https://example.com/repo.git", Path: "chart", Revision: "HEAD", ValueFile: "values.yaml"},
		SyncPolicy:  SyncPolicy{Automated: true, Prune: true, SelfHeal: true},
		Wait:        true,
		Timeout:     "20s",
	}
	for _, change := range changes {
		change(&o)
	}
	return o
}

func (w world) create(t *testing.T, o Options) Resource {
	t.Helper()
	r, err := w.kind.Create(t.Context(), encode(o))
	if err != nil {
		t.Fatal(err)
	}
	return decode[Resource](r)
}

func (w world) read(t *testing.T, o Options) Resource {
	t.Helper()
	r, err := w.kind.Read(t.Context(), encode(o), nil)
	if err != nil {
		t.Fatal(err)
	}
	return decode[Resource](r)
}

// reports are what a verb said, in order.
type reports struct {
	mu    sync.Mutex
	lines []string
}

func (r *reports) listen(ctx context.Context) context.Context {
	return plugins.WithReport(ctx, func(text string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if n := len(r.lines); n == 0 || r.lines[n-1] != text {
			r.lines = append(r.lines, text)
		}
	})
}

func (r *reports) said() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

// failing is a way to the cluster on which requests can be made to fail: kubeconfig leads to it.
func failing(t *testing.T, cluster *parts.Cluster) (transport *plugintest.Transport, kubeconfig string) {
	t.Helper()
	base, err := rest.TransportFor(cluster.Config())
	if err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(cluster.Config().Host)
	if err != nil {
		t.Fatal(err)
	}
	transport = &plugintest.Transport{Base: base}
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport:     transport,
		FlushInterval: -1,
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	})
	t.Cleanup(server.Close)
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: p, cluster: {server: %q}}]\nusers: [{name: p, user: {}}]\n"+
		"contexts: [{name: p, context: {cluster: p, user: p}}]\ncurrent-context: p\n", server.URL)
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return transport, kubeconfig
}

func encode(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

func decode[T any](data json.RawMessage) T {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		panic(err)
	}
	return v
}

// await fails the test if a channel stays silent.
func await[T any](t *testing.T, what string, c <-chan T, within time.Duration) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(within):
		t.Fatalf("%s has not happened within %s", what, within)
		panic("unreachable")
	}
}
