package helm

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

func TestKeepsThePromiseOfAPlugin(t *testing.T) {
	t.Parallel()
	full(t)
	path := chartFolder(t, "plain")
	plugintest.Run(t, func(t *testing.T) plugintest.Subject {
		w := newWorld(t)
		w.makeNamespace()
		s := w.subject(path, `{}`, `{"replicas": 2, "greeting": "ahoy"}`)
		s.Renamed = w.json(called(w.wish(path, `{}`), "other"))
		for i := range 3 {
			s.Others = append(s.Others, w.json(called(w.wish(path, `{}`), fmt.Sprintf("other-%d", i))))
		}
		s.Drift = func() error {
			patch := []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"plain","image":"registry.test/edited:1"}]}}}}`)
			_, err := w.client.AppsV1().Deployments(w.namespace).Patch(t.Context(), "r", types.StrategicMergePatchType, patch, metav1.PatchOptions{})
			return err
		}
		return s
	})
}

// The chart is the smallest there is and nothing is waited for: each request of each verb fails in a world of its own.
func TestEveryRequestMayFail(t *testing.T) {
	t.Parallel()
	full(t)
	cluster := parts.SharedCluster(t)
	path, err := absolute("testdata/tiny")
	if err != nil {
		t.Fatal(err)
	}
	plugintest.Run(t, func(t *testing.T) plugintest.Subject {
		between := newProxy(t, cluster)
		w := worldOf(t, cluster, between.kubeconfig)
		w.makeNamespace()
		s := w.subject(path, `{}`, `{"greeting": "ahoy"}`)
		s.Fail = between.fail
		return s
	})
}

// subject is the world with a chart in it whose release is "r".
func (w *world) subject(path, values, changed string) plugintest.Subject {
	return plugintest.Subject{
		Kind:      w.kind,
		Want:      w.json(w.wish(path, values)),
		Changed:   w.json(w.wish(path, changed)),
		Remove:    func() error { return w.removeByHand("r") },
		Exists:    w.exists,
		Leftovers: func() ([]string, error) { return w.leftovers(w.t.Context()) },
	}
}

// called are options for a release of another name.
func called(o Options, release string) Options {
	o.Chart.ReleaseName = release
	return o
}

func (w *world) json(o Options) json.RawMessage {
	w.t.Helper()
	text, err := json.Marshal(o)
	w.must(err)
	return text
}

// removeByHand is `helm uninstall`, as somebody else would do it.
func (w *world) removeByHand(release string) error {
	_, err := w.byHand("uninstall", release)
	return err
}

func (w *world) exists(options json.RawMessage) (bool, error) {
	var o Options
	if err := json.Unmarshal(options, &o); err != nil {
		return false, err
	}
	secrets, err := w.client.CoreV1().Secrets(w.namespace).List(w.t.Context(), metav1.ListOptions{LabelSelector: "owner=helm,status=deployed,name=" + o.release()})
	if err != nil || len(secrets.Items) == 0 {
		return false, err
	}
	_, err = w.client.CoreV1().ConfigMaps(w.namespace).Get(w.t.Context(), o.release(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// leftovers are the things in the namespace that are not on their way out. Pods take their time.
func (w *world) leftovers(ctx context.Context) ([]string, error) {
	at, err := w.plugin.target(w.wish("x", `{}`))
	if err != nil {
		return nil, err
	}
	op, err := operate(ctx, at)
	if err != nil {
		return nil, err
	}
	stay, _, err := op.contents(ctx)
	return stay, err
}

// deployment is one in the world's namespace.
func (w *world) deployment(name string) *appsv1.Deployment {
	w.t.Helper()
	d, err := w.client.AppsV1().Deployments(w.namespace).Get(w.t.Context(), name, metav1.GetOptions{})
	w.must(err)
	return d
}
