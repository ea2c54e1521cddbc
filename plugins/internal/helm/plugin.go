package helm

import (
	"context"
	"fmt"
	"path"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/kube"
)

// plugin is a preset with its verbs.
type plugin[O any] struct {
	preset   Preset[O]
	clusters *kube.Clusters
	charts   *charts
}

var (
	_ plugins.Plugin[Options, Resource]    = (*plugin[Options])(nil)
	_ plugins.Identifier[Options]          = (*plugin[Options])(nil)
	_ plugins.Previewer[Options, Resource] = (*plugin[Options])(nil)
)

// Identity is the release in its cluster.
func (p *plugin[O]) Identity(own O) string {
	o := p.preset.Common(own)
	return p.clusters.Identity(o.Kubeconfig, o.Context) + "#" + o.namespace() + "/" + o.release()
}

// release is the name of the release: the chart's own, if the options have none.
func (o Options) release() string {
	if o.Chart.ReleaseName != "" {
		return o.Chart.ReleaseName
	}
	return path.Base(o.Chart.ChartName)
}

func (o Options) namespace() string {
	if o.Chart.Namespace != "" {
		return o.Chart.Namespace
	}
	return "default"
}

// defaultTimeout is for options that were recorded without one.
const defaultTimeout = 5 * time.Minute

func (o Options) timeout() (time.Duration, error) {
	if o.Chart.Timeout == "" {
		return defaultTimeout, nil
	}
	d, err := time.ParseDuration(o.Chart.Timeout)
	if err != nil || d <= 0 {
		return 0, plugins.Hinted(fmt.Errorf("chart.timeout %q is no duration", o.Chart.Timeout), `as in "5m" or "1h30m"`)
	}
	return d, nil
}

func (p *plugin[O]) target(o Options) (Target, error) {
	cluster, err := p.clusters.Open(o.Kubeconfig, o.Context)
	if err != nil {
		return Target{}, err
	}
	return Target{Cluster: cluster, Namespace: o.namespace(), Release: o.release()}, nil
}

// Create installs the release. What an interrupted Create left is removed first; a release that is there is upgraded.
func (p *plugin[O]) Create(ctx context.Context, own O) (Resource, error) {
	return p.bring(ctx, own, "")
}

// Read looks at the release and its workloads.
func (p *plugin[O]) Read(ctx context.Context, own O, last Resource) (Resource, error) {
	o := p.preset.Common(own)
	at, err := p.target(o)
	if err != nil {
		return Resource{}, err
	}
	if last.Release != "" {
		// Wanted may be another one, whose turn has not come.
		at.Release, at.Namespace = last.Release, last.Namespace
	}
	op, err := operate(ctx, at)
	if err != nil {
		return Resource{}, err
	}
	history, err := op.history()
	if err != nil {
		return Resource{}, err
	}
	return p.observe(op, history, o, own)
}

// Update upgrades the release, or installs it where it is gone. A release of another name is removed after the new one
// is there.
func (p *plugin[O]) Update(ctx context.Context, own, had O, last Resource) (Resource, error) {
	r, err := p.bring(ctx, own, last.Chart.Version)
	if err != nil {
		return Resource{}, err
	}
	have := p.preset.Common(had)
	if have.Chart.ChartName == "" || p.Identity(had) == p.Identity(own) {
		return r, nil
	}
	if err := p.Delete(ctx, had, last); err != nil {
		return Resource{}, fmt.Errorf("remove the release of before: %w", err)
	}
	return r, nil
}

// Delete uninstalls the release, and removes the namespace if dtm has made it and nothing is left in it. No chart is
// needed for it.
func (p *plugin[O]) Delete(ctx context.Context, had O, last Resource) error {
	o := p.preset.Common(had)
	at, err := p.target(o)
	if err != nil {
		return err
	}
	if last.Release != "" && o.Chart.ReleaseName == "" {
		at.Release = last.Release
	}
	timeout, err := o.timeout()
	if err != nil {
		timeout = defaultTimeout
	}
	return p.remove(ctx, at, had, timeout)
}

// remove takes everything away that Create may have made.
func (p *plugin[O]) remove(ctx context.Context, at Target, own O, timeout time.Duration) error {
	op, err := operate(ctx, at)
	if err != nil {
		return err
	}
	leave, err := at.Cluster.Enter(ctx, at.Namespace)
	if err != nil {
		return err
	}
	plugins.Report(ctx, "uninstalling")
	err = op.uninstall(runs, timeout)
	if err == nil && p.preset.Clean != nil {
		err = at.Cluster.Explain(p.preset.Clean(ctx, at, own))
	}
	leave()
	if err != nil {
		return err
	}
	return op.removeNamespace(timeout)
}
