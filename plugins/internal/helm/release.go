package helm

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"

	"github.com/devstream-io/dtm/plugins"
)

const (
	// revisions is how many of them are kept in the cluster: Helm's own default.
	revisions = 10
	// tidying is how long it may take to clean up after a verb that was cancelled.
	tidying = 30 * time.Second
)

// bring makes the release into what is wanted, wherever it stands, and returns what is there then. installed is the
// version of the chart that is remembered, "" if none is.
func (p *plugin[O]) bring(ctx context.Context, own O, installed string) (Resource, error) {
	o := p.preset.Common(own)
	timeout, err := o.timeout()
	if err != nil {
		return Resource{}, err
	}
	o.conceal(ctx)
	vals, err := o.values()
	if err != nil {
		return Resource{}, err
	}
	at, err := p.target(o)
	if err != nil {
		return Resource{}, err
	}
	op, err := operate(ctx, at)
	if err != nil {
		return Resource{}, err
	}
	leave, err := at.Cluster.Enter(ctx, at.Namespace)
	if err != nil {
		return Resource{}, err
	}
	defer leave()
	history, err := op.history()
	if err != nil {
		return Resource{}, err
	}
	// The chart comes first: without it there is nothing to make room for.
	chrt, err := p.charts.get(ctx, o, installed)
	if err != nil {
		return Resource{}, err
	}
	if history, err = op.recover(history, timeout); err != nil {
		return Resource{}, err
	}
	made, err := op.ensureNamespace(o.CreateNamespace, timeout)
	if err != nil {
		return Resource{}, err
	}
	rel := latest(history)
	if err := p.put(op, rel, own, chrt, vals, timeout); err != nil {
		if rel == nil {
			err = p.undo(ctx, op, own, made, leave, err)
		} else {
			err = op.rollBack(timeout, err)
		}
		return Resource{}, err
	}
	return p.arrived(op, o, own)
}

// arrived looks at what is there now. What was brought there is not given up because a look at it fails.
func (p *plugin[O]) arrived(op *operation, o Options, own O) (r Resource, err error) {
	err = op.kube.poll(tidying, context.DeadlineExceeded, func(context.Context) (bool, error) {
		history, err := op.history()
		if err == nil {
			r, err = p.observe(op, history, o, own)
		}
		return err == nil, err
	})
	return r, err
}

// put installs, upgrades or finds that there is nothing to do but wait. rel is what is deployed, nil if nothing is.
func (p *plugin[O]) put(op *operation, rel *release.Release, own O, chrt *found, vals map[string]any, timeout time.Duration) error {
	o := p.preset.Common(own)
	if p.preset.Prepare != nil {
		if err := p.preset.Prepare(op.ctx, op.Target, own); err != nil {
			return op.Cluster.Explain(err)
		}
	}
	if rel != nil {
		same, err := op.same(rel, chrt, vals)
		if err != nil {
			return err
		}
		if same {
			return op.await(rel, o.Chart.Wait, timeout)
		}
	}
	if o.Chart.UpgradeCRDs {
		if err := op.upgradeCRDs(chrt.chart, timeout); err != nil {
			return op.explain(err)
		}
	}
	m := newMark(chrt.digest)
	var err error
	if rel == nil {
		plugins.Report(op.ctx, fmt.Sprintf("installing %s %s", chrt.chart.Name(), chrt.chart.Metadata.Version))
		a := action.NewInstall(op.cfg)
		a.ReleaseName, a.Namespace, a.Description = op.Release, op.Namespace, m.String()
		a.Wait, a.Timeout = o.Chart.Wait, timeout
		a.Replace = true // a history that an uninstall has kept is no release
		_, err = a.Run(chrt.chart, vals)
	} else {
		plugins.Report(op.ctx, fmt.Sprintf("upgrading %s %s to %s", chrt.chart.Name(), rel.Chart.Metadata.Version, chrt.chart.Metadata.Version))
		a := action.NewUpgrade(op.cfg)
		a.Namespace, a.Description = op.Namespace, m.String()
		a.Wait, a.Timeout, a.MaxHistory = o.Chart.Wait, timeout, revisions
		a.ResetValues = true // the options are the whole truth
		// Not with the context: Helm would return at its end and leave the upgrade running. The client ends it.
		_, err = a.Run(op.Release, chrt.chart, vals)
	}
	if err != nil {
		return op.explain(err)
	}
	return op.recorded(m)
}

// recorded makes sure that the revision is in the cluster as deployed: Helm only logs that it could not write that.
func (op *operation) recorded(m mark) error {
	var history []*release.Release
	err := op.kube.poll(tidying, context.DeadlineExceeded, func(context.Context) (_ bool, err error) {
		history, err = op.history()
		return err == nil, err
	})
	if err != nil {
		return err
	}
	rel := latest(history)
	if rel == nil || rel.Info.Status != release.StatusDeployed || rel.Info.Description != m.String() {
		return plugins.Retryable(fmt.Errorf("the outcome of release %s/%s could not be written to the cluster", op.Namespace, op.Release), 0)
	}
	return nil
}

// same tells whether the release is of this chart and these values, and its workloads are as it says.
func (op *operation) same(rel *release.Release, chrt *found, vals map[string]any) (bool, error) {
	m, ok := markOf(rel.Info.Description)
	if !ok || rel.Info.Status != release.StatusDeployed || m.digest != chrt.digest ||
		!bytes.Equal(canonical(rel.Config), canonical(vals)) {
		return false, nil
	}
	return op.intact(rel)
}

// await waits for what is there already.
func (op *operation) await(rel *release.Release, wait bool, timeout time.Duration) error {
	if !wait {
		return nil
	}
	resources, err := op.kube.Build(bytes.NewBufferString(rel.Manifest), false)
	if err == nil {
		err = op.kube.Wait(resources, timeout)
	}
	return op.explain(err)
}

// remedy is what a release needs before anything else can be done with it.
type remedy int

const (
	// sound is a release that is deployed, or none at all.
	sound remedy = iota
	// upgradeable is one whose last upgrade failed: the next one goes on from what was deployed last.
	upgradeable
	// rollBackFirst is one that was left in the middle of an upgrade or a rollback.
	rollBackFirst
	// removeFirst is one that was never ready, or was about to be removed.
	removeFirst
)

// diagnosed says what a release needs. rel is its newest revision and good the one that was ready last, nil if there is
// none.
func diagnosed(history []*release.Release) (rel, good *release.Release, what remedy) {
	if rel = latest(history); rel == nil {
		return nil, nil, sound
	}
	good = lastDeployed(history)
	switch state := rel.Info.Status; {
	case state == release.StatusDeployed:
		return rel, good, sound
	case good == nil, state == release.StatusUninstalling, state == release.StatusPendingInstall:
		return rel, good, removeFirst
	case state == release.StatusFailed:
		return rel, good, upgradeable
	}
	return rel, good, rollBackFirst
}

// recover brings a release that somebody has left in the middle of an operation to where another can begin, and says
// what it does and why. The history it returns is the one after that.
func (op *operation) recover(history []*release.Release, timeout time.Duration) ([]*release.Release, error) {
	rel, good, what := diagnosed(history)
	switch what {
	case removeFirst:
		plugins.Report(op.ctx, fmt.Sprintf("release %s was left %s at revision %d and is not in use: removing what is there of it", op.Release, rel.Info.Status, rel.Version))
		if err := op.uninstall(everything, timeout); err != nil {
			return nil, fmt.Errorf("remove what an interrupted operation has left (%s): %w", rel.Info.Status, err)
		}
	case rollBackFirst:
		plugins.Report(op.ctx, fmt.Sprintf("release %s was left %s at revision %d: rolling back to revision %d", op.Release, rel.Info.Status, rel.Version, good.Version))
		if err := op.back(good.Version, false, timeout); err != nil {
			return nil, fmt.Errorf("roll back what an interrupted operation has left (%s): %w", rel.Info.Status, err)
		}
	default:
		return history, nil
	}
	return op.history()
}

// lastDeployed is the newest revision that was ready once, nil if none ever was. What is marked as deployed goes before
// what is marked as superseded: Helm marks failed revisions so, too, when a rollback from them fails.
func lastDeployed(history []*release.Release) *release.Release {
	for _, status := range []release.Status{release.StatusDeployed, release.StatusSuperseded} {
		for _, rel := range slices.Backward(history) {
			if rel.Info.Status == status {
				return rel
			}
		}
	}
	return nil
}

// undo removes what a failed install has made, so that nothing stays that nobody knows of. It calls leave on the way: a
// namespace cannot be removed by who is still in it.
func (p *plugin[O]) undo(ctx context.Context, failed *operation, own O, madeNamespace bool, leave func(), failure error) error {
	plugins.Report(ctx, "install failed, removing what is there of it: "+failure.Error())
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidying)
	defer cancel()
	op, err := operate(tidy, failed.Target)
	if err == nil && failed.begun {
		err = op.uninstall(everything, tidying)
	}
	if err == nil && p.preset.Clean != nil {
		err = p.preset.Clean(tidy, failed.Target, own)
	}
	leave()
	if err == nil && madeNamespace {
		err = op.removeNamespace(tidying)
	}
	if err != nil {
		return &left{failure: failure, tidying: err}
	}
	return failure
}

// rollBack brings a release back to what was deployed before a failed upgrade. It never uninstalls.
func (op *operation) rollBack(timeout time.Duration, failure error) error {
	if !op.begun {
		return failure
	}
	ctx, again := op.ctx, op
	wait := ctx.Err() == nil
	if !wait {
		tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidying)
		defer cancel()
		var err error
		if again, err = operate(tidy, op.Target); err != nil {
			return &left{failure: failure, tidying: err}
		}
	}
	history, err := again.history()
	if err != nil {
		return &left{failure: failure, tidying: err}
	}
	_, good, what := diagnosed(history)
	if good == nil || what == sound {
		return failure
	}
	plugins.Report(ctx, fmt.Sprintf("upgrade failed, rolling back to revision %d: %v", good.Version, failure))
	if err := again.back(good.Version, wait, timeout); err != nil {
		return &left{failure: failure, tidying: err}
	}
	return failure
}

// back is Helm's rollback.
func (op *operation) back(revision int, wait bool, timeout time.Duration) error {
	a := action.NewRollback(op.cfg)
	a.Version, a.Wait, a.Timeout, a.MaxHistory = revision, wait, timeout, revisions
	return op.explain(a.Run(op.Release))
}

// left is a failure after which something stays that should not.
type left struct{ failure, tidying error }

func (e *left) Error() string {
	return fmt.Sprintf("%v; and what was begun could not be cleaned up: %v", e.failure, e.tidying)
}

// Unwrap is the failure: what came of cleaning up decides nothing.
func (e *left) Unwrap() error { return e.failure }

// Hint says what the user can do about it.
func (e *left) Hint() string { return "apply again: dtm goes on from where it was" }
