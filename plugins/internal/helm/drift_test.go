package helm

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/devstream-io/dtm/plugins"
)

// settledWorld is a world with its namespace made by somebody else, and the release "r" of a chart in it.
func settledWorld(t *testing.T, chart, values string) (*world, Options, Resource) {
	t.Helper()
	full(t)
	w := newWorld(t)
	w.makeNamespace()
	want := w.wish(chartFolder(t, chart), values)
	r, err := w.plugin.Create(t.Context(), want)
	w.must(err)
	w.readsAs(want, r)
	return w, want, r
}

// readsAs fails the test unless a Read returns what is recorded, but for what changes by itself.
func (w *world) readsAs(want Options, r Resource) {
	w.t.Helper()
	got, err := w.plugin.Read(w.t.Context(), want, r)
	w.must(err)
	if a, b := compared(r), compared(got); a != b {
		w.t.Fatalf("read returns\n%s, recorded is\n%s", b, a)
	}
}

// drifts fails the test unless a Read returns something else than what is recorded.
func (w *world) drifts(want Options, r Resource) Resource {
	w.t.Helper()
	got, err := w.plugin.Read(w.t.Context(), want, r)
	w.must(err)
	if compared(r) == compared(got) {
		w.t.Fatalf("read sees no drift: %s", compared(got))
	}
	return got
}

// compared is what the engine compares.
func compared(r Resource) string {
	r.Status = Status{}
	text, _ := json.Marshal(r)
	return string(text)
}

// repaired updates to what was wished for and expects nothing to do afterwards.
func (w *world) repaired(want Options, r Resource) Resource {
	w.t.Helper()
	again, err := w.plugin.Update(w.t.Context(), want, want, r)
	w.must(err)
	w.readsAs(want, again)
	return again
}

// Each of these is done to a release behind dtm's back; then Read sees it and Update repairs it.
func TestWhatSomebodyElseDoesToAReleaseIsDriftAndRepaired(t *testing.T) {
	t.Parallel()
	full(t)
	plain, plain2 := chartFolder(t, "plain"), chartFolder(t, "plain-2")
	patch := func(text string) func(*world) error {
		return func(w *world) error {
			_, err := w.client.AppsV1().Deployments(w.namespace).Patch(w.t.Context(), "r", types.StrategicMergePatchType, []byte(text), metav1.PatchOptions{})
			return err
		}
	}
	for name, do := range map[string]func(*world) error{
		"edited image":    patch(`{"spec":{"template":{"spec":{"containers":[{"name":"plain","image":"registry.test/edited:1"}]}}}}`),
		"edited replicas": patch(`{"spec":{"replicas":3}}`),
		"scaled to none":  patch(`{"spec":{"replicas":0}}`),
		"deleted deployment": func(w *world) error {
			return w.client.AppsV1().Deployments(w.namespace).Delete(w.t.Context(), "r", metav1.DeleteOptions{})
		},
		"deleted service": func(w *world) error {
			return w.client.CoreV1().Services(w.namespace).Delete(w.t.Context(), "r", metav1.DeleteOptions{})
		},
		"deleted config": func(w *world) error {
			return w.client.CoreV1().ConfigMaps(w.namespace).Delete(w.t.Context(), "r", metav1.DeleteOptions{})
		},
		"deleted secret": func(w *world) error {
			return w.client.CoreV1().Secrets(w.namespace).Delete(w.t.Context(), "r", metav1.DeleteOptions{})
		},
		"upgraded with other values": func(w *world) error { _, err := w.byHand("upgrade", "r", plain, `{"greeting": "mine"}`); return err },
		"upgraded to another chart":  func(w *world) error { _, err := w.byHand("upgrade", "r", plain2, `{}`); return err },
		"upgraded and rolled back": func(w *world) error {
			if _, err := w.byHand("upgrade", "r", plain, `{"greeting": "mine"}`); err != nil {
				return err
			}
			_, err := w.byHand("rollback", "r")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, want, r := settledWorld(t, "plain", `{}`)
			w.must(do(w))
			drifted := w.drifts(want, r)
			again := w.repaired(want, r)
			if again.Revision <= drifted.Revision {
				t.Errorf("revision %d after the repair of %d", again.Revision, drifted.Revision)
			}
			if again.Chart != r.Chart || len(again.Absent) > 0 || !reflect.DeepEqual(again.Workloads, r.Workloads) {
				t.Errorf("after the repair there is\n%+v, not\n%+v", again, r)
			}
			for _, kind := range []string{"ConfigMap r", "Secret r", "Service r", "Deployment r"} {
				if stay, err := w.leftovers(t.Context()); err != nil || !slices.Contains(stay, kind) {
					t.Errorf("there is no %s among %v: %v", kind, stay, err)
				}
			}
		})
	}
}

// Those who add containers would add them again.
func TestAnAddedContainerIsNobodysBusiness(t *testing.T) {
	t.Parallel()
	w, want, r := settledWorld(t, "plain", `{}`)
	_, err := w.client.AppsV1().Deployments(w.namespace).Patch(t.Context(), "r", types.StrategicMergePatchType,
		[]byte(`{"spec":{"template":{"spec":{"containers":[{"name":"mesh","image":"registry.test/mesh:1"}]}}}}`), metav1.PatchOptions{})
	w.must(err)
	if again := w.repaired(want, r); again.Revision != r.Revision {
		t.Errorf("an update has made revision %d", again.Revision)
	}
	w.readsAs(want, r)
}

func TestAReleaseRemovedByHandIsNotFoundAndMadeAgain(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"uninstall", "keep"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			w, want, r := settledWorld(t, "plain", `{}`)
			_, err := w.byHand(how, "r")
			w.must(err)
			if _, err := w.plugin.Read(t.Context(), want, r); !errors.Is(err, plugins.ErrNotFound) {
				t.Fatalf("read: %v, want ErrNotFound", err)
			}
			again, err := w.plugin.Create(t.Context(), want)
			w.must(err)
			w.readsAs(want, again)
			w.must(w.plugin.Delete(t.Context(), want, again))
			w.isEmpty()
		})
	}
}

func (w *world) isEmpty() {
	w.t.Helper()
	left, err := w.leftovers(w.t.Context())
	w.must(err)
	if len(left) > 0 {
		w.t.Errorf("there is still %v", left)
	}
}

func TestWhateverElseIsInTheNamespaceDoesNotMatter(t *testing.T) {
	t.Parallel()
	w, want, r := settledWorld(t, "plain", `{}`)
	_, err := w.byHand("install", "stranger", chartFolder(t, "stuck"), `{"stuck": true}`)
	w.must(err)
	_, err = w.plugin.Create(t.Context(), called(w.wish(chartFolder(t, "plain"), `{"replicas": 2}`), "r-2"))
	w.must(err)
	w.readsAs(want, r)
	if again := w.repaired(want, r); again.Revision != r.Revision {
		t.Errorf("an update has made revision %d", again.Revision)
	}
}

func TestReplicasAreTheAutoscalersWhereThereIsOne(t *testing.T) {
	t.Parallel()
	full(t)
	w := newWorld(t)
	w.makeNamespace()
	path, err := absolute("testdata/scaled")
	w.must(err)
	want := w.wish(path, `{}`)
	r, err := w.plugin.Create(t.Context(), want)
	w.must(err)
	if r.Workloads[0].Replicas != nil {
		t.Errorf("%d replicas are compared", *r.Workloads[0].Replicas)
	}
	scale, err := w.client.AppsV1().Deployments(w.namespace).GetScale(t.Context(), "r", metav1.GetOptions{})
	w.must(err)
	scale.Spec.Replicas = 3
	_, err = w.client.AppsV1().Deployments(w.namespace).UpdateScale(t.Context(), "r", scale, metav1.UpdateOptions{})
	w.must(err)
	w.cluster.Until(t, "there are three pods", func(context.Context) (bool, error) { return w.deployment("r").Status.ReadyReplicas == 3, nil })
	w.readsAs(want, r)
	if again := w.repaired(want, r); again.Revision != r.Revision || *w.deployment("r").Spec.Replicas != 3 {
		t.Errorf("an update has made revision %d with %d replicas", again.Revision, *w.deployment("r").Spec.Replicas)
	}
}

// A pod that fails is for the cluster to replace: Update waits for that and installs nothing.
func TestWhatIsNoLongerReadyIsDriftAndWaitedFor(t *testing.T) {
	t.Parallel()
	w, want, r := settledWorld(t, "plain", `{"podAnnotations": {"note": "mine"}}`)
	w.annotatePods("r", "unready")
	w.cluster.Until(t, "the pod is not ready", func(context.Context) (bool, error) { return w.deployment("r").Status.ReadyReplicas == 0, nil })
	drifted := w.drifts(want, r)
	if drifted.Status.Ready != "0 of 1" {
		t.Errorf("%s are ready", drifted.Status.Ready)
	}
	ctx, said := listen(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := w.plugin.Update(ctx, want, want, r)
		ended <- err
	}()
	var heard []string
	w.cluster.Until(t, "somebody waits", func(context.Context) (bool, error) {
		heard = append(heard, said()...)
		return slices.Contains(heard, "0 of 1 workloads ready: waiting for r"), nil
	})
	w.annotatePods("r", "")
	w.must(<-ended)
	w.readsAs(want, r)
}

// annotatePods tells the pods of a Deployment how to behave, "" for well.
func (w *world) annotatePods(name, behave string) {
	w.t.Helper()
	pods, err := w.client.CoreV1().Pods(w.namespace).List(w.t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/instance=" + name})
	w.must(err)
	value := `"` + behave + `"`
	if behave == "" {
		value = "null"
	}
	for i := range pods.Items {
		_, err := w.client.CoreV1().Pods(w.namespace).Patch(w.t.Context(), pods.Items[i].Name, types.MergePatchType,
			[]byte(`{"metadata":{"annotations":{"dtm.test/behave":`+value+`}}}`), metav1.PatchOptions{})
		if !apierrors.IsNotFound(err) {
			w.must(err)
		}
	}
}

func TestReadinessIsNoDriftWhereNobodyWaits(t *testing.T) {
	t.Parallel()
	full(t)
	w := newWorld(t)
	w.makeNamespace()
	want := w.wish(chartFolder(t, "slow"), `{"delay": "1s"}`)
	want.Chart.Wait = false
	r, err := w.plugin.Create(t.Context(), want)
	w.must(err)
	if r.Status.Ready == "2 of 2" {
		t.Fatal("it was waited for")
	}
	w.readsAs(want, r)
	w.cluster.Until(t, "both are ready", func(ctx context.Context) (bool, error) {
		got, err := w.plugin.Read(ctx, want, r)
		return got.Status.Ready == "2 of 2", err
	})
	w.readsAs(want, r)
	if again := w.repaired(want, r); again.Revision != r.Revision {
		t.Errorf("an update has made revision %d", again.Revision)
	}
}

// A sealed vault is never ready, and its chart says so by its strategy.
func TestWhatIsReplacedByHandIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	full(t)
	w := newWorld(t)
	w.makeNamespace()
	path, err := absolute("testdata/sealed")
	w.must(err)
	want := w.wish(path, `{}`)
	want.Chart.Timeout = "10s"
	r, err := w.plugin.Create(t.Context(), want)
	w.must(err)
	if r.Status.Ready != "0 of 1" || r.Workloads[0].Ready != nil {
		t.Errorf("%s are ready: %+v", r.Status.Ready, r.Workloads)
	}
	w.readsAs(want, r)
	w.must(w.plugin.Delete(t.Context(), want, r))
}

func TestTheSameValuesInAnotherFormAreNoNewRevision(t *testing.T) {
	t.Parallel()
	w, want, r := settledWorld(t, "plain", `{"greeting": "hi", "service": {"port": 81, "enabled": true}}`)
	same := w.wish(want.Chart.ChartName, ``)
	same.Chart.ValuesYAML = "service:\n  enabled: true\n  port: 81\ngreeting: hi # as before\n"
	again, err := w.plugin.Update(t.Context(), same, want, r)
	w.must(err)
	if again.Revision != 1 || compared(again) != compared(r) {
		t.Errorf("there is revision %d: %+v", again.Revision, again)
	}
}

func TestAReleaseOfSomebodyElseIsTakenOver(t *testing.T) {
	t.Parallel()
	full(t)
	w := newWorld(t)
	w.makeNamespace()
	path := chartFolder(t, "plain")
	_, err := w.byHand("install", "r", path, `{"greeting": "mine", "configs": 1}`)
	w.must(err)
	want := w.wish(path, `{"password": "s3cret"}`)
	preview, err := w.plugin.Preview(t.Context(), want, Options{}, Resource{})
	w.must(err)
	if len(preview.Notes) != 1 || !strings.Contains(preview.Notes[0], "there is a release r already (deployed, revision 1, plain 1.0.0): it becomes dtm's") {
		t.Errorf("notes: %q", preview.Notes)
	}
	text, err := json.Marshal(preview)
	w.must(err)
	if strings.Contains(string(text), "s3cret") || !strings.Contains(string(text), "stringData.password") {
		t.Errorf("the preview of a secret: %s", text)
	}
	r, err := w.plugin.Create(t.Context(), want)
	w.must(err)
	if r.Revision != 2 || r.Chart.Digest == "" {
		t.Errorf("taken over as %+v", r)
	}
	if _, err := w.client.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "r-0", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("what only the other values asked for: %v", err)
	}
	w.must(w.plugin.Delete(t.Context(), want, r))
	w.isEmpty()
}
