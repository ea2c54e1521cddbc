package helm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/devstream-io/dtm/plugins"
)

// history are the revisions of the release, oldest first; none if there is no release. It is one request.
func (op *operation) history() ([]*release.Release, error) {
	all, err := op.cfg.Releases.History(op.Release)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, op.explain(fmt.Errorf("history of release %s/%s: %w", op.Namespace, op.Release, err))
	}
	slices.SortFunc(all, func(a, b *release.Release) int { return cmp.Compare(a.Version, b.Version) })
	return all, nil
}

// latest is the newest revision, nil if there is none or what was uninstalled has only left its history.
func latest(history []*release.Release) *release.Release {
	if len(history) == 0 {
		return nil
	}
	last := history[len(history)-1]
	if last.Info.Status == release.StatusUninstalled {
		return nil
	}
	return last
}

// observe says what exists of the release: the one place that makes a resource. What it asks of the cluster, beside the
// history that it is given, is one list for each kind and namespace that the manifest has.
func (p *plugin[O]) observe(op *operation, history []*release.Release, o Options, own O) (Resource, error) {
	rel := latest(history)
	if rel == nil {
		return Resource{}, fmt.Errorf("release %s/%s: %w", op.Namespace, op.Release, plugins.ErrNotFound)
	}
	asked, err := parse(rel.Manifest, rel.Namespace)
	if err != nil {
		return Resource{}, err
	}
	declared, err := asked.workloads()
	if err != nil {
		return Resource{}, err
	}
	live, err := op.live(declared)
	if err != nil {
		return Resource{}, op.explain(fmt.Errorf("workloads of release %s/%s: %w", op.Namespace, op.Release, err))
	}
	absent, err := op.absent(asked)
	if err != nil {
		return Resource{}, op.explain(fmt.Errorf("objects of release %s/%s: %w", op.Namespace, op.Release, err))
	}
	r := Resource{
		Release: rel.Name, Namespace: rel.Namespace, Revision: rel.Version, State: rel.Info.Status.String(),
		Chart:  ChartVersion{Name: rel.Chart.Name(), Version: rel.Chart.Metadata.Version},
		Absent: absent,
		Outputs: Outputs{
			Namespace: rel.Namespace, Release: rel.Name, URLs: asked.urls(), Secrets: asked.secrets(),
		},
	}
	if m, ok := markOf(rel.Info.Description); ok {
		r.Chart.Digest, r.ValuesHash = m.digest, m.hash(rel.Config)
	}
	ready := 0
	r.Workloads = []Workload{}
	for _, id := range sortedIdents(live) {
		w, wish := live[id], declared[id]
		if w.ready {
			ready++
		}
		out := Workload{Kind: id.kind, Namespace: id.namespace, Name: id.name, Images: declaredImages(wish, w)}
		if wish.replicas != nil {
			out.Replicas = w.replicas
		}
		if o.Chart.Wait && !wish.byHand {
			out.Ready = &w.ready
		}
		r.Workloads = append(r.Workloads, out)
	}
	r.Status.Ready = fmt.Sprintf("%d of %d", ready, len(declared))
	r.Outputs.URL = p.mainURL(rel.Name, r.Outputs.URLs)
	if p.preset.AdminSecret != nil {
		r.Outputs.AdminSecret = p.preset.AdminSecret(rel.Name)
	}
	if p.preset.Status != nil {
		more, err := p.preset.Status(op.ctx, op.Target, own)
		if err != nil {
			// It is a remark: without it everything else is as true as with it.
			more = map[string]string{"error": err.Error()}
		}
		r.Status.More = more
	}
	return r, nil
}

// declaredImages are those of the containers that the chart has asked for. Somebody may have added others, as service
// meshes do; an upgrade leaves those alone, and so they are nobody's business here.
func declaredImages(wish, live workload) map[string]string {
	images := map[string]string{}
	for name := range wish.images {
		if image, ok := live.images[name]; ok {
			images[name] = image
		}
	}
	return images
}

// mainURL is the tool's own: an ingress before a service, what the preset names before the rest.
func (p *plugin[O]) mainURL(name string, urls map[string]string) string {
	var wished []string
	if p.preset.Services != nil {
		wished = p.preset.Services(name)
	}
	for _, prefix := range []string{"ingress/", ""} {
		for _, w := range wished {
			if url := urls[prefix+w]; url != "" {
				return url
			}
		}
	}
	if len(wished) == 0 {
		for _, name := range slices.Sorted(maps.Keys(urls)) {
			return urls[name]
		}
	}
	return ""
}

// live are those of the declared workloads that exist.
func (op *operation) live(declared map[ident]workload) (map[ident]workload, error) {
	found := map[ident]workload{}
	type where struct{ kind, namespace string }
	asked := map[where]bool{}
	for _, id := range sortedIdents(declared) {
		at := where{id.kind, id.namespace}
		if asked[at] {
			continue
		}
		asked[at] = true
		all, err := op.list(op.ctx, at.kind, at.namespace)
		if err != nil {
			return nil, err
		}
		for _, w := range all {
			if _, ok := declared[w.ident]; ok {
				found[w.ident] = w
			}
		}
	}
	return found, nil
}

func (op *operation) list(ctx context.Context, kind, namespace string) ([]workload, error) {
	var all []workload
	apps := op.typed.AppsV1()
	switch kind {
	case "Deployment":
		list, err := apps.Deployments(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			all = append(all, deployment(&list.Items[i]))
		}
	case "StatefulSet":
		list, err := apps.StatefulSets(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			all = append(all, statefulSet(&list.Items[i]))
		}
	default:
		list, err := apps.DaemonSets(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			all = append(all, daemonSet(&list.Items[i]))
		}
	}
	return all, nil
}

func sortedIdents(m map[ident]workload) []ident {
	return slices.SortedFunc(maps.Keys(m), func(a, b ident) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
}

// intact tells whether everything declared exists, and the workloads as they were declared.
func (op *operation) intact(rel *release.Release) (bool, error) {
	asked, err := parse(rel.Manifest, rel.Namespace)
	if err != nil {
		return false, err
	}
	declared, err := asked.workloads()
	if err != nil {
		return false, err
	}
	live, err := op.live(declared)
	if err != nil {
		return false, op.explain(err)
	}
	for id, wish := range declared {
		have, ok := live[id]
		if !ok || !maps.Equal(wish.images, declaredImages(wish, have)) || wish.replicas != nil && wanted(have.replicas) != *wish.replicas {
			return false, nil
		}
	}
	absent, err := op.absent(asked)
	return len(absent) == 0, op.explain(err)
}
