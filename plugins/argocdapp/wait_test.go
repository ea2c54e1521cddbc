package argocdapp

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
)

// verb runs a verb beside the test. heard is every new report.
func verb(ctx context.Context, do func(ctx context.Context) error) (heard <-chan string, ended <-chan error) {
	lines, end := make(chan string, 1000), make(chan error, 1)
	go func() {
		end <- do(plugins.WithReport(ctx, func(text string) { lines <- text }))
	}()
	return lines, end
}

// hear waits for a report.
func hear(t *testing.T, heard <-chan string, want string) {
	t.Helper()
	for !strings.Contains(await(t, "a report of "+want, heard, 10*time.Second), want) {
	}
}

func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func TestCreateWaitsUntilArgoCDHasSyncedAndAllIsHealthy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, parts.SharedCluster(t))
	a := w.playArgo(t, nil)
	var made Resource
	heard, ended := verb(t.Context(), func(ctx context.Context) error {
		r, err := w.kind.Create(ctx, encode(w.options("hello")))
		if err == nil {
			made = decode[Resource](r)
		}
		return err
	})
	hear(t, heard, "waiting for Argo CD to look at it")
	a.sees(func(app map[string]any) map[string]any {
		status := well(app)
		status["sync"].(map[string]any)["status"] = "OutOfSync"
		status["operationState"] = map[string]any{"phase": "Running", "message": "waiting for hook", "startedAt": "2026-01-01T00:00:00Z"}
		status["health"] = map[string]any{"status": "Missing"}
		return status
	})
	hear(t, heard, "out of sync, syncing: waiting for hook, health: Missing")
	a.sees(func(app map[string]any) map[string]any {
		status := ill(app)
		status["health"] = map[string]any{"status": "Progressing"}
		return status
	})
	hear(t, heard, "synced, health: Progressing: waiting for Deployment hello (exceeded its progress deadline)")
	a.sees(well)
	if err := await(t, "the end of create", ended, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if want := (Status{Sync: "Synced", Health: "Healthy", Revision: "c0ffee"}); made.Status != want {
		t.Errorf("status %+v, want %+v", made.Status, want)
	}
}

func TestAnUpdateIsNotTakenForSyncedByWhatWasSaidBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, parts.SharedCluster(t))
	a := w.playArgo(t, well)
	have := w.options("hello")
	made := w.create(t, have)
	a.sees(nil)
	want := w.options("hello", func(o *Options) { o.Source.Revision = "v2" })
	heard, ended := verb(t.Context(), func(ctx context.Context) error {
		_, err := w.kind.Update(ctx, encode(want), encode(have), encode(made))
		return err
	})
	hear(t, heard, "waiting for Argo CD to look at it")
	a.sees(well)
	if err := await(t, "the end of update", ended, 10*time.Second); err != nil {
		t.Error(err)
	}
}

func TestWhatDoesNotBecomeHealthyIsAnErrorThatSaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, parts.SharedCluster(t))
	a := w.playArgo(t, ill)
	o := w.options("hello", func(o *Options) { o.Timeout = "1s" })
	for want, see := range map[string]func(map[string]any) map[string]any{
		"not synced and healthy after 1s: synced, health: Degraded: waiting for Deployment hello (exceeded its progress deadline)": ill,
		"ComparisonError: no such branch": func(app map[string]any) map[string]any {
			return map[string]any{
				"sync":       map[string]any{"status": "Unknown", "comparedTo": comparedTo(app)},
				"conditions": []any{map[string]any{"type": "ComparisonError", "message": "no such branch"}},
			}
		},
	} {
		a.sees(see)
		_, err := w.kind.Create(t.Context(), encode(o))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
			continue
		}
		if hint := hintOf(err); !strings.Contains(hint, "StatefulSet "+w.namespace+"/argocd-application-controller") {
			t.Errorf("hint %q does not say who logs it", hint)
		}
	}
	// It is there nevertheless, and can be put right.
	a.sees(well)
	if _, err := w.kind.Update(t.Context(), encode(o), encode(o), nil); err != nil {
		t.Error(err)
	}
}

func TestASyncThatFailsEndsTheWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, parts.SharedCluster(t))
	broken := func(app map[string]any) map[string]any {
		status := well(app)
		status["sync"].(map[string]any)["status"] = "OutOfSync"
		status["operationState"] = map[string]any{
			"phase": "Failed", "message": "namespaces \"web\" not found", "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:01Z",
		}
		return status
	}
	a := w.playArgo(t, broken)
	o := w.options("hello", func(o *Options) { o.Timeout = "5m" })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := w.kind.Create(ctx, encode(o))
	if err == nil || !strings.HasSuffix(err.Error(), `the sync of Application `+w.namespace+`/hello failed: namespaces "web" not found`) {
		t.Fatal(err)
	}

	// Of a sync that failed before the change, nothing follows.
	want := w.options("hello", func(o *Options) { o.SyncPolicy.SyncOptions = []string{"CreateNamespace=true"} })
	heard, ended := verb(ctx, func(ctx context.Context) error {
		_, err := w.kind.Update(ctx, encode(want), encode(o), nil)
		return err
	})
	hear(t, heard, "out of sync")
	a.sees(well)
	if err := await(t, "the end of update", ended, 10*time.Second); err != nil {
		t.Error(err)
	}
}

func TestNobodyIsWaitedForWhereNobodyActs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		argo   bool
		change func(*Options)
		said   string
	}{
		"no controller":  {change: func(*Options) {}, said: "not waiting for a sync: no application controller of Argo CD runs in namespace "},
		"not automated":  {argo: true, change: func(o *Options) { o.SyncPolicy.Automated = false }, said: "not waiting for a sync: syncPolicy.automated is off"},
		"not to be done": {argo: true, change: func(o *Options) { o.Wait = false }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, parts.SharedCluster(t))
			if c.argo {
				w.makeController(t)
			}
			var said reports
			if _, err := w.kind.Create(said.listen(t.Context()), encode(w.options("hello", c.change))); err != nil {
				t.Fatal(err)
			}
			lines := said.said()
			if c.said == "" && len(lines) > 0 || c.said != "" && (len(lines) != 1 || !strings.HasPrefix(lines[0], c.said)) {
				t.Errorf("said %q, want %q", lines, c.said)
			}
		})
	}
}

func TestACancelledWaitEndsSoon(t *testing.T) {
	t.Parallel()
	w := newWorld(t, parts.SharedCluster(t))
	w.playArgo(t, ill)
	ctx, cancel := context.WithCancel(t.Context())
	heard, ended := verb(ctx, func(ctx context.Context) error {
		_, err := w.kind.Create(ctx, encode(w.options("hello", func(o *Options) { o.Timeout = "5m" })))
		return err
	})
	hear(t, heard, "Degraded")
	cancel()
	if err := await(t, "the end of create", ended, time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("create returned %v", err)
	}
}

func TestADeleteTakesNoFinalizerFromAnArgoCDThatRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, parts.SharedCluster(t))
	o := w.options("hello", func(o *Options) { o.Wait, o.Timeout = false, "1s" })
	w.create(t, o)
	w.makeController(t)
	err := w.kind.Delete(t.Context(), encode(o), nil)
	if err == nil || !strings.Contains(err.Error(), "is not gone after 1s: it is held by "+finalizer) || hintOf(err) == "" {
		t.Errorf("delete returned %v", err)
	}
	w.playArgo(t, well)
	o.Timeout = "20s"
	if err := w.kind.Delete(t.Context(), encode(o), nil); err != nil {
		t.Error(err)
	}
	if w.get(t, "hello") != nil {
		t.Error("the Application is still there")
	}
}

func TestADeleteWithoutArgoCDSaysThatWhatWasDeployedStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, parts.SharedCluster(t))
	o := w.options("hello")
	w.create(t, o)
	var said reports
	if err := w.kind.Delete(said.listen(t.Context()), encode(o), nil); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(said.said(), func(s string) bool { return strings.Contains(s, "what it deployed stays") }) {
		t.Errorf("said %q", said.said())
	}
	if w.get(t, "hello") != nil {
		t.Error("the Application is still there")
	}
}

func TestADeleteLeavesTheFinalizersOfOthersAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, parts.SharedCluster(t))
	o := w.options("hello", func(o *Options) { o.Timeout = "500ms" })
	w.create(t, o)
	w.mustEdit(t, "hello", `{"metadata":{"finalizers":["`+finalizer+`","example.com/audit"]}}`)
	err := w.kind.Delete(t.Context(), encode(o), nil)
	if err == nil || !strings.Contains(err.Error(), "held by example.com/audit") {
		t.Errorf("delete returned %v", err)
	}
	if got := w.get(t, "hello").GetFinalizers(); !slices.Equal(got, []string{"example.com/audit"}) {
		t.Errorf("the finalizers are %q", got)
	}
}

func TestAnApplicationThatIsGoingIsMadeAnew(t *testing.T) {
	t.Parallel()
	for name, finalizers := range map[string]string{"held by both": `["` + finalizer + `","example.com/audit"]`, "held by another": `["example.com/audit"]`} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, parts.SharedCluster(t))
			o := w.options("hello")
			made := w.create(t, o)
			w.mustEdit(t, "hello", `{"metadata":{"finalizers":`+finalizers+`}}`)
			if err := w.apps().Delete(t.Context(), "hello", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			old := w.get(t, "hello").GetUID()
			if found := w.read(t, o); !found.Deleting {
				t.Errorf("read does not see that it is going: %+v", found)
			}
			heard, ended := verb(t.Context(), func(ctx context.Context) error {
				r, err := w.kind.Update(ctx, encode(o), encode(o), encode(made))
				if err == nil && string(r) != string(encode(made)) {
					t.Errorf("made anew it is %s, it was %s", r, encode(made))
				}
				return err
			})
			hear(t, heard, "waiting for example.com/audit")
			w.mustEdit(t, "hello", `{"metadata":{"finalizers":null}}`)
			if err := await(t, "the end of update", ended, 10*time.Second); err != nil {
				t.Fatal(err)
			}
			if w.get(t, "hello").GetUID() == old {
				t.Error("it is still the old one")
			}
		})
	}
}

func TestAnArgoCDElsewhereCountsWhereItHasLookedAtTheApplication(t *testing.T) {
	t.Parallel()
	cluster := parts.SharedCluster(t)
	argocd, w := newWorld(t, cluster), newWorld(t, cluster)
	argocd.makeController(t)
	o := w.options("hello", func(o *Options) { o.Wait, o.Timeout = false, "1s" })
	w.create(t, o)
	w.mustEdit(t, "hello", `{"status":{"sync":{"status":"Synced"}}}`)
	if err := w.kind.Delete(t.Context(), encode(o), nil); err == nil || !strings.Contains(err.Error(), "held by "+finalizer) {
		t.Errorf("delete returned %v", err)
	}
}

func TestAControllerWithoutReplicasDoesNotRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, parts.SharedCluster(t))
	w.makeController(t)
	patch := []byte(`{"spec":{"replicas":0}}`)
	if _, err := w.cluster.Dynamic().Resource(statefulSets).Namespace(w.namespace).
		Patch(t.Context(), "argocd-application-controller", "application/merge-patch+json", patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	w.create(t, w.options("hello"))
}

// Nothing that people write into an Application, or an Argo CD of another age, may make a verb panic.
func TestEveryShapeOfAnApplicationIsRead(t *testing.T) {
	t.Parallel()
	odd := []any{nil, "x", int64(1), true, []any{}, []any{nil, "x", int64(1), map[string]any{}}, map[string]any{}, map[string]any{"x": "y"}}
	paths := [][]string{
		{"metadata"}, {"metadata", "finalizers"}, {"spec"}, {"spec", "source"}, {"spec", "source", "helm"}, {"spec", "source", "kustomize"},
		{"spec", "source", "helm", "parameters"}, {"spec", "source", "helm", "valueFiles"}, {"spec", "sources"}, {"spec", "destination"},
		{"spec", "syncPolicy"}, {"spec", "syncPolicy", "automated"}, {"spec", "syncPolicy", "syncOptions"},
		{"status"}, {"status", "sync"}, {"status", "sync", "comparedTo"}, {"status", "health"}, {"status", "conditions"}, {"status", "operationState"}, {"status", "resources"},
	}
	for _, path := range paths {
		for _, value := range odd {
			object := named(manifest(every), App{Name: "a", Namespace: "b"})
			object["status"] = ill(object)
			_ = unstructured.SetNestedField(object, value, path...)
			observe(object)
			describe(object)
			compared(object)
			_, _ = excess(owned(object), owned(manifest(Options{})))
		}
	}
}
