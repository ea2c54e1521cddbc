package argocdapp

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/kube"
)

// target is an Application in a cluster.
type target struct {
	cluster *kube.Cluster
	ref     kube.Ref
	// timeout is how long to wait for Argo CD.
	timeout time.Duration
}

func (p plugin) target(o Options) (target, error) {
	timeout, err := timeoutOf(o.Timeout)
	if err != nil {
		return target{}, err
	}
	cluster, err := p.clusters.Open(o.Kubeconfig, o.Context)
	if err != nil {
		return target{}, err
	}
	if o.App.Name == "" {
		return target{}, errors.New("app.name is empty")
	}
	return target{
		cluster: cluster,
		ref:     kube.Ref{Kind: application, Namespace: cmp.Or(o.App.Namespace, "argocd"), Name: o.App.Name},
		timeout: timeout,
	}, nil
}

// apply makes the Application what the manifest says, and returns it.
func (t target) apply(ctx context.Context, manifest kube.Object) (kube.Object, error) {
	object, err := t.cluster.Apply(ctx, t.ref, manifest)
	if err != nil && ctx.Err() == nil {
		// An Application that is going takes no finalizer, which reads like a mistake in the manifest.
		if going, getErr := t.cluster.Get(ctx, t.ref); getErr == nil && deleting(going) {
			object, err = going, nil
		}
	}
	if err != nil {
		return nil, err
	}
	if deleting(object) {
		plugins.Report(ctx, "it was deleted and is not gone yet")
		if err := t.gone(ctx); err != nil {
			return nil, err
		}
		if object, err = t.cluster.Apply(ctx, t.ref, manifest); err != nil {
			return nil, err
		}
	}
	patch, _ := excess(owned(object), owned(manifest))
	if patch == nil {
		return object, nil
	}
	// What others have set, and what an older way of applying has left.
	return t.cluster.Merge(ctx, t.ref, kube.Object{"spec": patch})
}
