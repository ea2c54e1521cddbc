package helm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	helmkube "helm.sh/helm/v3/pkg/kube"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/kube"
)

// How long it takes until something that is waited for is looked at again: much is done at once, the rest takes minutes.
const (
	firstGlance = 100 * time.Millisecond
	lastGlance  = 500 * time.Millisecond
)

// Wait waits until the resources are ready.
func (c *client) Wait(resources helmkube.ResourceList, timeout time.Duration) error {
	return c.waitReady(resources, timeout, helmkube.NewReadyChecker(c.typed, c.log, helmkube.PausedAsReady(true)))
}

// WaitWithJobs waits until the resources are ready and the jobs among them complete.
func (c *client) WaitWithJobs(resources helmkube.ResourceList, timeout time.Duration) error {
	return c.waitReady(resources, timeout, helmkube.NewReadyChecker(c.typed, c.log, helmkube.PausedAsReady(true), helmkube.CheckJobs(true)))
}

func (c *client) waitReady(resources helmkube.ResourceList, timeout time.Duration, checker helmkube.ReadyChecker) error {
	total := len(workloadsAmong(resources))
	late := errors.New("not ready in time")
	pending := resources
	err := c.poll(timeout, late, func(ctx context.Context) (bool, error) {
		left, err := c.unready(ctx, pending, checker)
		if err != nil {
			return false, err
		}
		if len(left) == 0 && len(pending) < len(resources) {
			// What was ready a while ago need not be so now.
			if left, err = c.unready(ctx, resources, checker); err != nil {
				return false, err
			}
		}
		if len(left) > 0 {
			plugins.Report(c.ctx, waitingFor(left, total))
		}
		pending = left
		return len(left) == 0, nil
	})
	if errors.Is(err, late) {
		return plugins.Hinted(
			fmt.Errorf("%w after %s: %s", late, timeout, c.diagnose(pending)),
			"chart.timeout says how long to wait, chart.wait whether to")
	}
	return err
}

// unready are the resources that are not ready yet.
func (c *client) unready(ctx context.Context, resources helmkube.ResourceList, checker helmkube.ReadyChecker) (helmkube.ResourceList, error) {
	var left helmkube.ResourceList
	for _, info := range resources {
		ready, err := checker.IsReady(ctx, info)
		if ready && err == nil {
			ready, err = c.whole(ctx, info)
		}
		switch {
		case apierrors.IsNotFound(err):
			ready = false // its maker has not come to it yet, or somebody has removed it
		case err != nil:
			return nil, fmt.Errorf("%s: %w", nameOf(info), err)
		}
		if !ready {
			left = append(left, info)
		}
	}
	return left, nil
}

// whole tells whether all pods of a workload are ready. Helm is content when as many are as the strategy of the workload
// would leave during an update; here ready is what observe says it is, or the first Read would find another number.
func (c *client) whole(ctx context.Context, info *resource.Info) (bool, error) {
	if !isOurWorkload(info) {
		return true, nil
	}
	w, err := c.workload(ctx, info)
	return w.ready || w.byHand, err
}

func (c *client) workload(ctx context.Context, info *resource.Info) (workload, error) {
	apps := c.typed.AppsV1()
	switch info.Mapping.GroupVersionKind.Kind {
	case "Deployment":
		d, err := apps.Deployments(info.Namespace).Get(ctx, info.Name, getOptions)
		if err != nil {
			return workload{}, err
		}
		return deployment(d), nil
	case "StatefulSet":
		s, err := apps.StatefulSets(info.Namespace).Get(ctx, info.Name, getOptions)
		if err != nil {
			return workload{}, err
		}
		return statefulSet(s), nil
	}
	d, err := apps.DaemonSets(info.Namespace).Get(ctx, info.Name, getOptions)
	if err != nil {
		return workload{}, err
	}
	return daemonSet(d), nil
}

// WatchUntilReady waits for hooks: until a Job is complete and a Pod has succeeded. Everything else is ready as soon as
// it is there.
func (c *client) WatchUntilReady(resources helmkube.ResourceList, timeout time.Duration) error {
	late := errors.New("hook not done in time")
	for _, info := range resources {
		err := c.poll(timeout, late, func(ctx context.Context) (bool, error) {
			done, err := c.hookDone(ctx, info)
			if !done && err == nil {
				plugins.Report(c.ctx, "waiting for the hook "+nameOf(info))
			}
			return done, err
		})
		if errors.Is(err, late) {
			return fmt.Errorf("%w after %s: %s", late, timeout, c.diagnose(helmkube.ResourceList{info}))
		}
		if err != nil {
			return c.hear(fmt.Errorf("hook %s: %w", nameOf(info), err))
		}
	}
	return nil
}

func (c *client) hookDone(ctx context.Context, info *resource.Info) (bool, error) {
	switch info.Mapping.GroupVersionKind.GroupKind().String() {
	case "Job.batch":
		job, err := c.typed.BatchV1().Jobs(info.Namespace).Get(ctx, info.Name, getOptions)
		if apierrors.IsNotFound(err) {
			return true, nil // it was there a moment ago: a job may say that it wants to be removed when it is done
		}
		if err != nil {
			return false, err
		}
		for _, condition := range job.Status.Conditions {
			if condition.Status != corev1.ConditionTrue {
				continue
			}
			switch condition.Type {
			case batchv1.JobComplete:
				return true, nil
			case batchv1.JobFailed:
				return false, fmt.Errorf("the job has failed: %s", cmp.Or(c.why(ctx, info), condition.Message))
			}
		}
		return false, nil
	case "Pod":
		pod, err := c.typed.CoreV1().Pods(info.Namespace).Get(ctx, info.Name, getOptions)
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if pod.Status.Phase == corev1.PodFailed {
			return false, fmt.Errorf("the pod has failed: %s", cmp.Or(whyPod(pod), pod.Status.Message))
		}
		return pod.Status.Phase == corev1.PodSucceeded, nil
	}
	return true, nil
}

// WaitForDelete waits until the resources are gone.
func (c *client) WaitForDelete(resources helmkube.ResourceList, timeout time.Duration) error {
	late := errors.New("not gone in time")
	left := resources
	err := c.poll(timeout, late, func(context.Context) (bool, error) {
		var still helmkube.ResourceList
		for _, info := range left {
			switch err := info.Get(); {
			case apierrors.IsNotFound(err):
			case err != nil:
				return false, err
			default:
				still = append(still, info)
			}
		}
		left = still
		if len(left) > 0 {
			plugins.Report(c.ctx, fmt.Sprintf("waiting until %d of %d objects are gone: %s", len(left), len(resources), nameOf(left[0])))
		}
		return len(left) == 0, nil
	})
	if errors.Is(err, late) {
		err = plugins.Hinted(
			fmt.Errorf("%w after %s: %s", late, timeout, names(left)),
			"look at their metadata.finalizers: who is to take those away?")

		c.still = err
	}
	return c.hear(err)
}

// poll looks until it is done, fails for good, or the time is over; then its error is late. A server that does not answer
// is no failure, but for one that does not answer at the end.
func (c *client) poll(timeout time.Duration, late error, look func(ctx context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(c.ctx, timeout, late)
	defer cancel()
	var trouble error
	ended := func() error {
		if trouble != nil && c.ctx.Err() == nil {
			return fmt.Errorf("%w (waited %s)", trouble, timeout)
		}
		return context.Cause(ctx)
	}
	for wait := firstGlance; ; wait = min(wait*3/2, lastGlance) {
		done, err := look(ctx)
		if kube.Late(err) {
			<-ctx.Done()
		}
		switch {
		case ctx.Err() != nil:
			return ended()
		case err != nil && !kube.Passing(err):
			return err
		case err != nil:
			plugins.Report(c.ctx, "the cluster does not answer: "+err.Error())
		case done:
			return nil
		}
		trouble = err
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ended()
		}
	}
}
