package helm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/devstream-io/dtm/plugins"
)

var deleteOptions = metav1.DeleteOptions{}

// theNamespace is the world's, nil if it is not there.
func (w *world) theNamespace() *corev1.Namespace {
	w.t.Helper()
	ns, err := w.client.CoreV1().Namespaces().Get(w.t.Context(), w.namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	w.must(err)
	return ns
}

func (w *world) config(name string, finalizers ...string) {
	w.t.Helper()
	_, err := w.client.CoreV1().ConfigMaps(w.namespace).Create(w.t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name, Finalizers: finalizers},
	}, metav1.CreateOptions{})
	w.must(err)
}

func (w *world) release(name string) {
	w.t.Helper()
	_, err := w.client.CoreV1().ConfigMaps(w.namespace).Patch(context.WithoutCancel(w.t.Context()), name, types.MergePatchType,
		[]byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	if !apierrors.IsNotFound(err) {
		w.must(err)
	}
}

func TestANamespaceIsRemovedIfItIsOursAndOtherwiseEmpty(t *testing.T) {
	t.Parallel()
	full(t)
	for name, c := range map[string]struct {
		before, between func(w *world)
		gone            bool
		said            string
	}{
		"ours and empty":  {gone: true},
		"somebody else's": {before: (*world).makeNamespace},
		"DevStream's": {gone: true, before: func(w *world) {
			w.makeNamespace()
			_, err := w.client.CoreV1().Namespaces().Patch(w.t.Context(), w.namespace, types.MergePatchType,
				[]byte(`{"metadata":{"labels":{"created_by":"DevStream"}}}`), metav1.PatchOptions{})
			w.must(err)
		}},
		"ours with something in it": {between: func(w *world) { w.config("mine") }, said: "namespace %s stays: there is still ConfigMap mine in it"},
		"ours with another release": {between: func(w *world) {
			_, err := w.byHand("install", "mine", chartFolder(w.t, "plain"), `{}`)
			w.must(err)
		}, said: "Deployment mine"},
		"no longer ours": {between: func(w *world) {
			_, err := w.client.CoreV1().Namespaces().Patch(w.t.Context(), w.namespace, types.MergePatchType,
				[]byte(`{"metadata":{"labels":{"app.kubernetes.io/managed-by":null}}}`), metav1.PatchOptions{})
			w.must(err)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.before != nil {
				c.before(w)
			}
			want := w.wish(chartFolder(t, "plain"), `{}`)
			r, err := w.plugin.Create(t.Context(), want)
			w.must(err)
			if c.before == nil && w.theNamespace().Labels["app.kubernetes.io/managed-by"] != "dtm" {
				t.Errorf("its labels are %v", w.theNamespace().Labels)
			}
			if c.between != nil {
				c.between(w)
			}
			ctx, said := listen(t.Context())
			w.must(w.plugin.Delete(ctx, want, r))
			if ns := w.theNamespace(); (ns == nil) != c.gone {
				t.Errorf("afterwards there is %+v", ns)
			}
			part := strings.ReplaceAll(c.said, "%s", w.namespace)
			if heard := strings.Join(said(), "\n"); !strings.Contains(heard, part) {
				t.Errorf("nobody said %q, but\n%s", part, heard)
			}
		})
	}
}

func TestWithoutANamespaceThereIsAnError(t *testing.T) {
	t.Parallel()
	full(t)
	w := newWorld(t)
	want := w.wish(chartFolder(t, "plain"), `{}`)
	want.CreateNamespace = false
	_, err := w.plugin.Create(t.Context(), want)
	says(t, err, "there is no namespace "+w.namespace)
	hints(t, err, "create_namespace: true")
	_, err = w.plugin.Preview(t.Context(), want, Options{}, Resource{})
	says(t, err, "there is no namespace "+w.namespace)
	if ns := w.theNamespace(); ns != nil {
		t.Errorf("there is %+v", ns)
	}
}

func TestANamespaceThatIsBeingDeletedIsWaitedFor(t *testing.T) {
	t.Parallel()
	full(t)
	w := newWorld(t)
	w.makeNamespace()
	w.config("stubborn", "dtm.test/stay")
	t.Cleanup(func() { w.release("stubborn") })
	w.must(w.client.CoreV1().Namespaces().Delete(t.Context(), w.namespace, deleteOptions))
	w.cluster.Until(t, "the namespace says what it waits for", func(context.Context) (bool, error) {
		ns := w.theNamespace()
		return slices.ContainsFunc(ns.Status.Conditions, func(c corev1.NamespaceCondition) bool {
			return c.Type == corev1.NamespaceFinalizersRemaining && c.Status == corev1.ConditionTrue
		}), nil
	})
	want := w.wish(chartFolder(t, "plain"), `{}`)
	preview, err := w.plugin.Preview(t.Context(), want, Options{}, Resource{})
	w.must(err)
	if notes := strings.Join(preview.Notes, "\n"); !strings.Contains(notes, "is being deleted: that is waited for") {
		t.Errorf("notes: %q", notes)
	}

	hasty := want
	hasty.Chart.Timeout = "1s"
	_, err = w.plugin.Create(t.Context(), hasty)
	says(t, err, "the namespace "+w.namespace+" was still being deleted after 1s", "dtm.test/stay")
	hints(t, err, "finalizers")

	ctx, said := listen(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := w.plugin.Create(ctx, want)
		ended <- err
	}()
	var heard []string
	w.cluster.Until(t, "somebody waits", func(context.Context) (bool, error) {
		heard = append(heard, said()...)
		return strings.Contains(strings.Join(heard, "\n"), "waiting until the namespace "+w.namespace+" is gone"), nil
	})
	w.release("stubborn")
	w.must(<-ended)
	if ns := w.theNamespace(); ns == nil || ns.Labels["app.kubernetes.io/managed-by"] != "dtm" {
		t.Errorf("there is %+v", ns)
	}
}

// What Helm would forget: it removes its record although an object is still there.
func TestWhatDoesNotGoKeepsItsRelease(t *testing.T) {
	t.Parallel()
	w, want, r := settledWorld(t, "plain", `{}`)
	_, err := w.client.CoreV1().ConfigMaps(w.namespace).Patch(t.Context(), "r", types.MergePatchType,
		[]byte(`{"metadata":{"finalizers":["dtm.test/stay"]}}`), metav1.PatchOptions{})
	w.must(err)
	t.Cleanup(func() { w.release("r") })
	hasty := want
	hasty.Chart.Timeout = "1s"
	err = w.plugin.Delete(t.Context(), hasty, r)
	says(t, err, "not gone in time after 1s", "ConfigMap "+w.namespace+"/r")
	if got := w.drifts(want, r); got.State != "uninstalling" {
		t.Errorf("it is read as %+v", got)
	}
	w.release("r")
	w.must(w.plugin.Delete(t.Context(), want, r))
	w.isEmpty()
}

func TestReleasesAtTheSameTimeDoNotDisturbOneAnother(t *testing.T) {
	t.Parallel()
	full(t)
	for _, spaces := range []int{1, 2, 8} {
		t.Run(fmt.Sprintf("in %d namespaces", spaces), func(t *testing.T) {
			t.Parallel()
			worlds := make([]*world, spaces)
			for i := range worlds {
				worlds[i] = newWorld(t)
				worlds[i].plugin = worlds[0].plugin // one plugin for all, as in dtm
			}
			path := chartFolder(t, "plain")
			wishes := make([]Options, 8)
			made := make([]Resource, 8)
			group, ctx := errgroup.WithContext(t.Context())
			for i := range wishes {
				w := worlds[i%spaces]
				wishes[i] = called(w.wish(path, fmt.Sprintf(`{"greeting": "%d", "configs": 3}`, i)), fmt.Sprintf("r-%d", i))
				group.Go(func() (err error) {
					made[i], err = w.plugin.Create(ctx, wishes[i])
					return err
				})
			}
			worlds[0].must(group.Wait())
			for i, want := range wishes {
				worlds[0].readsAs(want, made[i])
			}
			group, ctx = errgroup.WithContext(t.Context())
			for i, want := range wishes {
				group.Go(func() error { return worlds[0].plugin.Delete(ctx, want, made[i]) })
			}
			worlds[0].must(group.Wait())
			for _, w := range worlds {
				w.hasNoNamespace()
			}
		})
	}
}

// The namespace of the one that goes is the namespace of the one that comes, at whatever moment of its going.
func TestAReleaseMayComeWhileAnotherGoes(t *testing.T) {
	t.Parallel()
	full(t)
	for _, moment := range []string{"", "uninstalling", "waiting until Pod", "waiting until the namespace"} {
		t.Run("after "+moment, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			path := chartFolder(t, "plain")
			going, coming := called(w.wish(path, `{}`), "going"), called(w.wish(path, `{}`), "coming")
			r, err := w.plugin.Create(t.Context(), going)
			w.must(err)
			now := make(chan struct{})
			come := sync.OnceFunc(func() { close(now) })
			ctx := plugins.WithReport(t.Context(), func(text string) {
				if strings.HasPrefix(text, moment) {
					come()
				}
			})
			ended := make(chan error, 1)
			go func() {
				defer come()
				ended <- w.plugin.Delete(ctx, going, r)
			}()
			if moment != "" {
				<-now
			}
			r, err = w.plugin.Create(t.Context(), coming)
			w.must(err)
			w.must(<-ended)
			w.readsAs(coming, r)
			w.must(w.plugin.Delete(t.Context(), coming, r))
			w.hasNoNamespace()
		})
	}
}
