package helm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// The labels of namespaces that are ours to remove: this dtm's, and DevStream's.
const (
	managedBy, managedByDTM       = "app.kubernetes.io/managed-by", "dtm"
	createdBy, createdByDevStream = "created_by", "DevStream"
)

// ensureNamespace waits until a namespace that is being deleted is gone, and makes one if it may. made tells whether
// it has.
func (op *operation) ensureNamespace(create bool, timeout time.Duration) (made bool, err error) {
	late := errors.New("namespace is being deleted")
	var last *corev1.Namespace
	tried := false
	err = op.kube.poll(timeout, late, func(ctx context.Context) (bool, error) {
		ns, err := op.typed.CoreV1().Namespaces().Get(ctx, op.Namespace, metav1.GetOptions{})
		switch {
		case apierrors.IsForbidden(err):
			return true, nil // who may not look at namespaces may still work in one
		case apierrors.IsNotFound(err) && !create:
			return false, op.noNamespace()
		case apierrors.IsNotFound(err):
			tried = true
			made, err = op.makeNamespace(ctx)
			return err == nil, err
		case err != nil:
			return false, err
		}
		if last = ns; ns.DeletionTimestamp == nil {
			// The answer to an earlier try may have been lost.
			made = tried && ownLabel(ns)
			return true, nil
		}
		plugins.Report(op.ctx, "waiting until the namespace "+op.Namespace+" is gone: "+whyTerminating(ns))
		return false, nil
	})
	if errors.Is(err, late) {
		return false, &hinted{
			err:  fmt.Errorf("the namespace %s was still being deleted after %s: %s", op.Namespace, timeout, whyTerminating(last)),
			hint: "what is to take away the finalizers that are named there?",
		}
	}
	return made, op.explain(err)
}

func (op *operation) noNamespace() error {
	return &hinted{err: fmt.Errorf("there is no namespace %s", op.Namespace), hint: "make it, or set create_namespace: true"}
}

func ownLabel(ns *corev1.Namespace) bool {
	return ns.Labels[managedBy] == managedByDTM || ns.Labels[createdBy] == createdByDevStream
}

func (op *operation) makeNamespace(ctx context.Context) (made bool, err error) {
	_, err = op.typed.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: op.Namespace, Labels: map[string]string{managedBy: managedByDTM}},
	}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return false, nil // another tool was faster
	}
	return err == nil, err
}

// whyTerminating is what the cluster says of a namespace that does not go away: first what keeps it, then what is in it.
func whyTerminating(ns *corev1.Namespace) string {
	if ns == nil {
		return "no answer"
	}
	why := "its contents are being deleted"
	for _, condition := range ns.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		why = condition.Message
		if condition.Type == corev1.NamespaceFinalizersRemaining {
			break
		}
	}
	return why
}

// removeNamespace removes the namespace if it is ours and nothing is left in it; else it stays, and why is reported.
// Somebody who is about to install something there keeps it.
func (op *operation) removeNamespace(timeout time.Duration) error {
	leave, alone := op.Cluster.EnterAlone(op.Namespace)
	if !alone {
		return nil
	}
	defer leave()
	namespaces := op.typed.CoreV1().Namespaces()
	ns, err := namespaces.Get(op.ctx, op.Namespace, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case apierrors.IsForbidden(err):
		return nil // who may not look at it has not made it
	case err != nil:
		return op.explain(err)
	case !ownLabel(ns):
		return nil
	}
	if ns.DeletionTimestamp == nil {
		rest, err := op.waitEmpty(min(timeout, time.Minute))
		if err != nil {
			return err
		}
		if len(rest) > 0 {
			plugins.Report(op.ctx, fmt.Sprintf("namespace %s stays: there is still %s in it", op.Namespace, strings.Join(rest[:min(3, len(rest))], ", ")))
			return nil
		}
		err = namespaces.Delete(op.ctx, op.Namespace, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(ns.UID))})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return op.explain(err)
		}
	}
	late := errors.New("not gone in time")
	err = op.kube.poll(timeout, late, func(ctx context.Context) (bool, error) {
		now, err := namespaces.Get(ctx, op.Namespace, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return true, nil
		case err != nil:
			return false, err
		case now.UID != ns.UID:
			return true, nil // somebody has made a new one meanwhile
		}
		ns = now
		plugins.Report(op.ctx, "waiting until the namespace "+op.Namespace+" is gone: "+whyTerminating(ns))
		return false, nil
	})
	if errors.Is(err, late) {
		return &hinted{
			err:  fmt.Errorf("the namespace %s is not gone after %s: %s", op.Namespace, timeout, whyTerminating(ns)),
			hint: "what is to take away the finalizers that are named there?",
		}
	}
	return op.explain(err)
}

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
