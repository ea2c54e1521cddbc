package main

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// argoTurns has a mutex for each namespace.
var argoTurns sync.Map

// playArgo does what Argo CD's application controller would, for the Applications of a namespace and until the script
// ends: each is synced and healthy a moment after it has changed, and lets go of its name when it is deleted. The pods of
// the test's cluster run nothing.
//
// A namespace is one script's at a time: whatever else wants it waits here.
func playArgo(ts *testscript.TestScript, namespace string) {
	turn, _ := argoTurns.LoadOrStore(namespace, &sync.Mutex{})
	turn.(*sync.Mutex).Lock()
	ts.Defer(turn.(*sync.Mutex).Unlock)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	apps := objects(ts, "Application", namespace+"/")
	go func() {
		defer close(ended)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				reconcile(ctx, apps)
			}
		}
	}()
	ts.Defer(func() {
		cancel()
		<-ended
	})
}

// reconcile looks at each Application once. What fails is done the next time, as controllers do it.
func reconcile(ctx context.Context, apps dynamic.ResourceInterface) {
	all, err := apps.List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	for i := range all.Items {
		app := &all.Items[i]
		if app.GetDeletionTimestamp() != nil {
			_, _ = apps.Patch(ctx, app.GetName(), types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
			continue
		}
		source, _, _ := unstructured.NestedMap(app.Object, "spec", "source")
		destination, _, _ := unstructured.NestedMap(app.Object, "spec", "destination")
		patch, err := json.Marshal(map[string]any{"status": map[string]any{
			"sync":   map[string]any{"status": "Synced", "revision": "c0ffee", "comparedTo": map[string]any{"source": source, "destination": destination}},
			"health": map[string]any{"status": "Healthy"},
		}})
		if err == nil {
			_, _ = apps.Patch(ctx, app.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "argocd-application-controller"})
		}
	}
}
