package argocdapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

func TestKeepsThePromise(t *testing.T) {
	cluster := parts.SharedCluster(t)
	for name, with := range map[string]struct {
		argo   bool
		change func(*Options)
		drift  string
	}{
		"without Argo CD": {
			change: func(o *Options) { o.Source.Revision, o.Source.ValueFile = "main", "" },
			drift:  `{"spec":{"source":{"targetRevision":"elsewhere"}}}`,
		},
		"with Argo CD": {
			argo: true,
			change: func(o *Options) {
				o.Source.Parameters = map[string]json.RawMessage{"image.tag": []byte(`"v1"`), "replicas": []byte("3")}
				o.Source.ValueFiles, o.SyncPolicy.SyncOptions = []string{"prod.yaml"}, []string{"CreateNamespace=true"}
				o.Project, o.SyncPolicy.Prune = "web", false
			},
			drift: `{"spec":{"source":{"helm":null,"directory":{"recurse":true}},"syncPolicy":{"automated":null}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plugintest.Run(t, func(t *testing.T) plugintest.Subject {
				w := newWorld(t, cluster)
				if with.argo {
					w.playArgo(t, well)
				}
				return w.subject(t, w.options("hello", with.change), with.drift)
			})
		})
	}
}

func (w world) subject(t *testing.T, changed Options, drift string) plugintest.Subject {
	transport, kubeconfig := failing(t, w.cluster)
	want := w.options("hello")
	s := plugintest.Subject{
		Kind:    kindFor(t, kubeconfig),
		Want:    encode(want),
		Changed: encode(changed),
		Drift:   func() error { return w.edit(context.Background(), "hello", drift) },
		Remove: func() error {
			err := w.edit(context.Background(), "hello", `{"metadata":{"finalizers":null}}`)
			return errors.Join(err, w.apps().Delete(context.Background(), "hello", metav1.DeleteOptions{}))
		},
		Exists: func(options json.RawMessage) (bool, error) {
			o := decode[Options](options)
			app, err := w.apps().Get(context.Background(), o.App.Name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return false, nil
			}
			return err == nil && at[string](app.Object, "spec", "source", "targetRevision") == o.Source.Revision &&
				at[string](app.Object, "spec", "project") == o.Project, err
		},
		Leftovers: func() ([]string, error) {
			left, err := w.apps().List(context.Background(), metav1.ListOptions{})
			if err != nil {
				return nil, err
			}
			var names []string
			for _, app := range left.Items {
				names = append(names, app.GetName())
			}
			return names, nil
		},
		Fail: transport.Fail,
		Old: encode(map[string]any{
			"app":  map[string]any{"name": "hello", "namespace": w.namespace},
			"src":  map[string]any{"repoURL": want.Source.RepoURL, "path": want.Source.Path, "valueFile": "values.yaml"},
			"dest": map[string]any{"server": want.Destination.Server, "namespace": want.Destination.Namespace},
		}),
	}
	for i := range 6 {
		s.Others = append(s.Others, encode(w.options(fmt.Sprintf("other-%d", i))))
	}
	return s
}
