package kube_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/kube"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

var (
	configMap = kube.Kind{Version: "v1", Name: "ConfigMap", Resource: "configmaps"}
	namespace = kube.Kind{Version: "v1", Name: "Namespace", Resource: "namespaces"}
	maps      = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
)

// open is a real cluster, a new namespace in it and a ConfigMap's name there.
func open(t *testing.T) (*parts.Cluster, *kube.Cluster, kube.Ref) {
	t.Helper()
	real := parts.SharedCluster(t)
	cluster, err := kube.New(plugintest.Env(t.TempDir())).Open(real.Kubeconfig(), "")
	if err != nil {
		t.Fatal(err)
	}
	space := kube.Ref{Kind: namespace, Name: real.Namespace(t)}
	if _, err := cluster.Apply(t.Context(), space, kube.Object{}); err != nil {
		t.Fatal(err)
	}
	return real, cluster, kube.Ref{Kind: configMap, Namespace: space.Name, Name: "a"}
}

func data(object kube.Object) string { return fmt.Sprint(object["data"]) }

func TestApplyOwnsWhatItGivesAndNothingElse(t *testing.T) {
	real, cluster, ref := open(t)
	apply := func(values map[string]any, want string) {
		t.Helper()
		applied, err := cluster.Apply(t.Context(), ref, kube.Object{"metadata": map[string]any{"labels": map[string]any{"x": "y"}}, "data": values})
		if err != nil {
			t.Fatal(err)
		}
		found, err := cluster.Get(t.Context(), ref)
		if err != nil || data(found) != data(applied) || data(found) != want {
			t.Errorf("applied %s, found %s, %v; want %s", data(applied), data(found), err, want)
		}
	}
	apply(map[string]any{"a": "1", "b": "1"}, "map[a:1 b:1]")
	if _, err := real.Dynamic().Resource(maps).Namespace(ref.Namespace).
		Patch(t.Context(), ref.Name, types.MergePatchType, []byte(`{"data":{"a":"2","c":"2"}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	apply(map[string]any{"a": "3"}, "map[a:3 c:2]")
	merged, err := cluster.Merge(t.Context(), ref, kube.Object{"data": map[string]any{"c": nil}})
	if err != nil || data(merged) != "map[a:3]" {
		t.Errorf("merged %v, %v", merged, err)
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	_, cluster, ref := open(t)
	strange := kube.Kind{Group: "example.com", Version: "v1", Name: "Strange", Resource: "stranges"}
	for _, ref := range []kube.Ref{ref, {Kind: configMap, Namespace: "no-such-namespace", Name: "a"}, {Kind: strange, Namespace: ref.Namespace, Name: "a"}} {
		if _, err := cluster.Get(t.Context(), ref); !errors.Is(err, plugins.ErrNotFound) {
			t.Errorf("get %s: %v", ref, err)
		}
		if _, err := cluster.Merge(t.Context(), ref, kube.Object{}); !errors.Is(err, plugins.ErrNotFound) {
			t.Errorf("merge %s: %v", ref, err)
		}
		if err := cluster.Delete(t.Context(), ref); err != nil {
			t.Errorf("delete %s: %v", ref, err)
		}
	}
	// What is missing is not the object: that would be made.
	for _, c := range []struct {
		ref  kube.Ref
		want string
	}{
		{kube.Ref{Kind: configMap, Namespace: "no-such-namespace", Name: "a"}, `ConfigMap no-such-namespace/a: there is no namespace "no-such-namespace"`},
		{kube.Ref{Kind: strange, Namespace: ref.Namespace, Name: "a"}, "the cluster does not know the kind Strange (example.com/v1)"},
	} {
		_, err := cluster.Apply(t.Context(), c.ref, kube.Object{})
		var hinted interface{ Hint() string }
		if err == nil || errors.Is(err, plugins.ErrNotFound) || !strings.Contains(err.Error(), c.want) || !errors.As(err, &hinted) {
			t.Errorf("apply %s: %v", c.ref, err)
		}
	}
}

func TestListKeepsToItsNamespaceAndLabels(t *testing.T) {
	_, cluster, ref := open(t)
	for name, label := range map[string]string{"a": "x", "b": "x", "c": "y"} {
		ref.Name = name
		if _, err := cluster.Apply(t.Context(), ref, kube.Object{"metadata": map[string]any{"labels": map[string]any{ref.Namespace: label}}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, where := range []string{ref.Namespace, ""} {
		found, err := cluster.List(t.Context(), kube.Ref{Kind: configMap, Namespace: where}, ref.Namespace+"=x")
		if err != nil || len(found) != 2 {
			t.Errorf("in %q %d, %v", where, len(found), err)
		}
	}
}

func TestAwaitSeesAnObjectComeAndGo(t *testing.T) {
	_, cluster, ref := open(t)
	var seen sync.WaitGroup
	absent := make(chan struct{})
	seen.Go(func() {
		var once sync.Once
		err := cluster.Await(t.Context(), ref, func(object kube.Object) (bool, error) {
			if object == nil {
				once.Do(func() { close(absent) })
			}
			return object != nil, nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-absent
	if _, err := cluster.Apply(t.Context(), ref, kube.Object{}); err != nil {
		t.Fatal(err)
	}
	seen.Wait()
	if err := cluster.Delete(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Await(t.Context(), ref, func(object kube.Object) (bool, error) { return object == nil, nil }); err != nil {
		t.Error(err)
	}
	wrong := errors.New("wrong")
	if err := cluster.Await(t.Context(), ref, func(kube.Object) (bool, error) { return false, wrong }); !errors.Is(err, wrong) {
		t.Errorf("await returned %v", err)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	_, cluster, ref := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	looks := 0
	began := time.Now()
	err := cluster.Await(ctx, ref, func(kube.Object) (bool, error) {
		if looks++; looks == 3 {
			cancel()
		}
		return false, nil
	})
	if !errors.Is(err, context.Canceled) || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

func TestAwaitDoesNotWaitForARight(t *testing.T) {
	real, _, ref := open(t)
	cluster, err := kube.New(plugintest.Env(t.TempDir())).Open(real.KubeconfigFor(t, "nobody"), "")
	if err != nil {
		t.Fatal(err)
	}
	err = cluster.Await(t.Context(), ref, func(kube.Object) (bool, error) { return false, nil })
	if !kube.Forbidden(err) {
		t.Errorf("await returned %v", err)
	}
}

func TestFinalizersHoldWhatWasDeleted(t *testing.T) {
	real, cluster, ref := open(t)
	held := kube.Object{"metadata": map[string]any{"finalizers": []any{"example.com/x"}}}
	if _, err := cluster.Apply(t.Context(), ref, held); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := cluster.Delete(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := cluster.Await(ctx, ref, func(o kube.Object) (bool, error) { return o == nil, nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("await returned %v", err)
	}
	var object *unstructured.Unstructured
	object, err := real.Dynamic().Resource(maps).Namespace(ref.Namespace).Get(t.Context(), ref.Name, metav1.GetOptions{})
	if err != nil || object.GetDeletionTimestamp() == nil {
		t.Fatalf("%v, %v", object, err)
	}
	if _, err := cluster.Merge(t.Context(), ref, kube.Object{"metadata": map[string]any{"finalizers": nil}}); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Await(t.Context(), ref, func(o kube.Object) (bool, error) { return o == nil, nil }); err != nil {
		t.Error(err)
	}
}
