package helm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/kube"
)

// waitEmpty returns what is in the namespace, after it has waited for what is only on its way out.
func (op *operation) waitEmpty(timeout time.Duration) ([]string, error) {
	var rest []string
	late := errors.New("not empty in time")
	err := op.kube.poll(timeout, late, func(ctx context.Context) (bool, error) {
		stay, leaving, err := op.contents(ctx)
		if err != nil {
			return false, err
		}
		rest = append(stay, leaving...)
		if len(stay) == 0 && len(leaving) > 0 {
			plugins.Report(op.ctx, "waiting until "+leaving[0]+" is gone")
		}
		return len(stay) > 0 || len(leaving) == 0, nil
	})
	if err != nil && !errors.Is(err, late) {
		return nil, op.explain(err)
	}
	return rest, nil
}

// stand is what becomes of a thing in a namespace when nobody does anything about it.
type stand int

const (
	staying stand = iota
	// going is being deleted, or owned by something and so its owner's to take along.
	going
	// always is in every namespace.
	always
)

func standing(kind string, m *metav1.ObjectMeta) stand {
	account := m.Annotations[corev1.ServiceAccountNameKey] // of a secret that is the token of one
	switch {
	case kind == "ServiceAccount" && m.Name == "default", kind == "Secret" && account == "default":
		return always
	case kind == "ConfigMap" && slices.Contains([]string{"kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert"}, m.Name):
		return always
	case m.DeletionTimestamp != nil, len(m.OwnerReferences) > 0, kind == "Secret" && account != "":
		return going
	case kind == "Endpoints":
		return going // with their service, which does not own them as other things are owned
	}
	return staying
}

// contents are the things in the namespace that nobody is known to take away, and those that are on their way out.
// What every namespace has, and traces of what was, do not count.
func (op *operation) contents(ctx context.Context) (stay, leaving []string, err error) {
	d, err := op.getter.ToDiscoveryClient()
	if err != nil {
		return nil, nil, err
	}
	lists, err := d.ServerPreferredNamespacedResources()
	if err != nil {
		// What cannot be listed cannot be ruled out.
		return []string{"something that cannot be looked at (" + err.Error() + ")"}, nil, nil
	}
	client, err := metadata.NewForConfig(op.getter.config)
	if err != nil {
		return nil, nil, err
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			continue
		}
		for _, r := range list.APIResources {
			if !slices.Contains(r.Verbs, "list") || !slices.Contains(r.Verbs, "delete") || r.Kind == "Event" || r.Kind == "Lease" {
				continue
			}
			group.Go(func() error {
				found, err := client.Resource(gv.WithResource(r.Name)).Namespace(op.Namespace).List(ctx, metav1.ListOptions{Limit: 50})
				if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
					return nil
				}
				if err != nil && !kube.Passing(err) {
					return fmt.Errorf("%s in namespace %s: %w", r.Name, op.Namespace, err)
				}
				if err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				for i := range found.Items {
					m := &found.Items[i].ObjectMeta
					switch name := r.Kind + " " + m.Name; standing(r.Kind, m) {
					case always:
					case going:
						leaving = append(leaving, name)
					default:
						stay = append(stay, name)
					}
				}
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	slices.Sort(stay)
	slices.Sort(leaving)
	return stay, leaving, nil
}
