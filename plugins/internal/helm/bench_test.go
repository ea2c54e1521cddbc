package helm

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins/internal/kube"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// Eight releases that do not depend on each other, whose pods need six seconds each, against one of them alone in the same
// round. The ratio is to be at most 1.10: nothing that one does is to wait for another.
//
//	go test -run '^$' -bench EightReleases -benchtime 3x ./plugins/internal/helm
//
// What dominates is the waiting: of 68 s that two rounds take, 1.1 s is processor time of this process, a quarter of it
// looking whether pods are ready. Before [client.Build] left out what the server does it was 1.6 s, and the ratio 1.11
// instead of 1.08 on two processors that the control plane shares.
func BenchmarkEightReleases(b *testing.B) {
	const releases = 8
	cluster := parts.SharedCluster(b)
	env := plugintest.Env(b.TempDir())
	p := &plugin[Options]{preset: Preset[Options]{Common: Plain}, clusters: kube.New(env), charts: newCharts(env)}
	path := parts.ChartFolder(b, "slow")
	install := func(n int) time.Duration {
		wishes := make([]Options, n)
		for i := range wishes {
			wishes[i] = Options{
				CreateNamespace: true, Kubeconfig: cluster.Kubeconfig(),
				Chart: Chart{
					ChartName: path, ReleaseName: fmt.Sprintf("r-%d", i), Namespace: cluster.Namespace(b), Wait: true,
					Values: []byte(`{"delay": "6s"}`),
				},
			}
		}
		all := func(do func(ctx context.Context, o Options) error) time.Duration {
			began := time.Now()
			group, ctx := errgroup.WithContext(b.Context())
			for _, o := range wishes {
				group.Go(func() error { return do(ctx, o) })
			}
			if err := group.Wait(); err != nil {
				b.Fatal(err)
			}
			return time.Since(began)
		}
		took := all(func(ctx context.Context, o Options) error {
			_, err := p.Create(ctx, o)
			return err
		})
		all(func(ctx context.Context, o Options) error { return p.Delete(ctx, o, Resource{}) })
		return took
	}
	install(1) // what is compiled, started and cached once is nobody's in particular
	var alone, together time.Duration
	for b.Loop() {
		alone += install(1)
		together += install(releases)
	}
	b.ReportMetric(alone.Seconds()/float64(b.N), "s/one")
	b.ReportMetric(together.Seconds()/float64(b.N), "s/eight")
	b.ReportMetric(together.Seconds()/alone.Seconds(), "x-one")
}
