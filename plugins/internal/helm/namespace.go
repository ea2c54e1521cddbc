package helm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/kube"
)

// DevStream's label of namespaces: they are ours to remove, as those with [kube.ManagedBy].
const createdBy, createdByDevStream = "created_by", "DevStream"

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
		return false, plugins.Hinted(
			fmt.Errorf("the namespace %s was still being deleted after %s: %s", op.Namespace, timeout, whyTerminating(last)),
			"what is to take away the finalizers that are named there?")
	}
	return made, op.explain(err)
}

func (op *operation) noNamespace() error {
	return plugins.Hinted(fmt.Errorf("there is no namespace %s", op.Namespace), "make it, or set create_namespace: true")
}

func ownLabel(ns *corev1.Namespace) bool {
	return ns.Labels[kube.ManagedBy] == kube.Us || ns.Labels[createdBy] == createdByDevStream
}

func (op *operation) makeNamespace(ctx context.Context) (made bool, err error) {
	_, err = op.typed.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: op.Namespace, Labels: map[string]string{kube.ManagedBy: kube.Us}},
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
		return plugins.Hinted(
			fmt.Errorf("the namespace %s is not gone after %s: %s", op.Namespace, timeout, whyTerminating(ns)),
			"what is to take away the finalizers that are named there?")
	}
	return op.explain(err)
}
