package helm

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
)

// The tests of this file stop the API server, one after the other, in a cluster of their own.
func TestTheServerMayGoAndComeBack(t *testing.T) {
	t.Parallel()
	full(t)
	cluster := parts.StartCluster(t)
	slow := chartFolder(t, "slow")

	t.Run("an install that waits survives it", func(t *testing.T) {
		w := worldOf(t, cluster, cluster.Kubeconfig())
		want := w.wish(slow, `{"delay": "4s"}`)
		ctx, said := listen(t.Context())
		type outcome struct {
			r   Resource
			err error
		}
		ended := make(chan outcome, 1)
		go func() {
			r, err := w.plugin.Create(ctx, want)
			ended <- outcome{r, err}
		}()
		var heard []string
		hear := func(what string) {
			t.Helper()
			cluster.Until(t, "somebody says "+what, func(context.Context) (bool, error) {
				heard = append(heard, said()...)
				return slices.ContainsFunc(heard, func(text string) bool { return strings.Contains(text, what) }), nil
			})
		}
		hear("0 of 2 workloads ready")
		cluster.StopAPI(t)
		hear("the cluster does not answer")
		cluster.StartAPI(t)
		o := <-ended
		w.must(o.err)
		w.readsAs(want, o.r)
		if o.r.Revision != 1 || o.r.Status.Ready != "2 of 2" {
			t.Errorf("there is %+v", o.r)
		}
	})

	t.Run("an install that cannot go on fails and can be repeated", func(t *testing.T) {
		between := newProxy(t, cluster)
		w := worldOf(t, cluster, between.kubeconfig)
		w.makeNamespace()
		// No workloads: controllers that have lost their server twice take half a minute to come back.
		path, err := absolute("testdata/tiny")
		w.must(err)
		want := w.wish(path, `{}`)
		between.meet(func(request string) {
			if request == "POST /api/v1/namespaces/"+w.namespace+"/configmaps" {
				cluster.StopAPI(t)
			}
		})
		_, err = w.plugin.Create(t.Context(), want)
		between.meet(nil)
		cluster.StartAPI(t)
		if _, again := plugins.RetryAfter(err); !again {
			t.Errorf("it failed, and nobody will try again: %v", err)
		}
		says(t, err, "could not be cleaned up")
		hints(t, err, "apply again")
		ctx, said := listen(t.Context())
		r, err := w.plugin.Create(ctx, want)
		w.must(err)
		if text := strings.Join(said(), "\n"); !strings.Contains(text, "release r was left pending-install at revision 1") {
			t.Errorf("nobody said why, but\n%s", text)
		}
		w.readsAs(want, r)
		w.must(w.plugin.Delete(t.Context(), want, r))
	})

	t.Run("every verb says that the server is away", func(t *testing.T) {
		w := worldOf(t, cluster, cluster.Kubeconfig())
		w.makeNamespace()
		path, err := absolute("testdata/tiny")
		w.must(err)
		want := w.wish(path, `{}`)
		r, err := w.plugin.Create(t.Context(), want)
		w.must(err)
		cluster.StopAPI(t)
		verbs := map[string]func() error{
			"create": func() error { _, err := w.plugin.Create(t.Context(), want); return err },
			"read":   func() error { _, err := w.plugin.Read(t.Context(), want, r); return err },
			"update": func() error { _, err := w.plugin.Update(t.Context(), want, want, r); return err },
			"delete": func() error { return w.plugin.Delete(t.Context(), want, r) },
		}
		for name, verb := range verbs {
			err := verb()
			says(t, err, "does not answer")
			hints(t, err, "is the cluster up")
			if _, again := plugins.RetryAfter(err); !again {
				t.Errorf("%s failed, and nobody will try again: %v", name, err)
			}
		}
		cluster.StartAPI(t)
		w.readsAs(want, r)
	})
}
