package argocdapp

import (
	"context"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// argo plays Argo CD's application controller in one namespace: it writes the status of Applications as it is told to,
// and takes its finalizer away from those that are deleted.
type argo struct {
	mu sync.Mutex
	// see makes the status of an Application out of what is there; nil leaves it as it is.
	see func(app map[string]any) map[string]any
	// looked counts how often the Application was looked at, by its UID.
	looked map[types.UID]int
}

// playArgo starts a controller that sees what see says. Its workload is there, too, for that is how it is found.
func (w world) playArgo(t *testing.T, see func(app map[string]any) map[string]any) *argo {
	t.Helper()
	w.makeController(t)
	a := &argo{see: see, looked: map[types.UID]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() {
		for ctx.Err() == nil {
			a.look(ctx, w)
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		ended.Wait()
	})
	return a
}

// makeController makes what runs the controller, as an installation of Argo CD does.
func (w world) makeController(t *testing.T) {
	t.Helper()
	labels := map[string]any{"app.kubernetes.io/name": "argocd-application-controller"}
	w.make(t, statefulSets, w.namespace, unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "StatefulSet",
		"metadata": map[string]any{"name": "argocd-application-controller", "labels": labels},
		"spec": map[string]any{
			"serviceName": "x",
			"selector":    map[string]any{"matchLabels": labels},
			"template": map[string]any{
				"metadata": map[string]any{"labels": labels},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "c", "image": "argocd:v3"}}},
			},
		},
	}})
}

func (a *argo) sees(see func(app map[string]any) map[string]any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.see = see
}

// look reconciles every Application once. What fails is tried the next time, as controllers do.
func (a *argo) look(ctx context.Context, w world) {
	a.mu.Lock()
	defer a.mu.Unlock()
	apps, err := w.apps().List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	for i := range apps.Items {
		app := &apps.Items[i]
		switch {
		case app.GetDeletionTimestamp() != nil && held(app.Object):
			_, _ = w.apps().Patch(ctx, app.GetName(), types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		case app.GetDeletionTimestamp() == nil && a.see != nil:
			a.looked[app.GetUID()]++
			if status := a.see(app.Object); status != nil {
				patch := encode([]any{map[string]any{"op": "add", "path": "/status", "value": status}})
				_, _ = w.apps().Patch(ctx, app.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: "argocd-application-controller"})
			}
		}
	}
}

// comparedTo is what a status says it is about.
func comparedTo(app map[string]any) map[string]any {
	return map[string]any{"source": at[any](app, "spec", "source"), "destination": at[any](app, "spec", "destination")}
}

// well is the status of an Application with which nothing is wrong.
func well(app map[string]any) map[string]any {
	return map[string]any{
		"sync":   map[string]any{"status": "Synced", "revision": "c0ffee", "comparedTo": comparedTo(app)},
		"health": map[string]any{"status": "Healthy"},
	}
}

// ill is the status of an Application that is synced and does not come up.
func ill(app map[string]any) map[string]any {
	status := well(app)
	status["health"] = map[string]any{"status": "Degraded"}
	status["resources"] = []any{
		map[string]any{"kind": "Service", "name": "hello", "health": map[string]any{"status": "Healthy"}},
		map[string]any{"kind": "Deployment", "name": "hello", "health": map[string]any{"status": "Degraded", "message": "exceeded its progress deadline"}},
	}
	return status
}
