package kube

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/devstream-io/dtm/plugins"
)

// Explain makes an error of the cluster into one for the user: what is not found wraps [plugins.ErrNotFound], what may
// pass is [plugins.Retryable], and there is a hint where something can be done. Of nil it makes nil.
func (c *Cluster) Explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var status *apierrors.StatusError
	if errors.As(err, &status) {
		return c.explainStatus(err, status)
	}
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		return plugins.Hinted(
			fmt.Errorf("%s: %w", c.Name, err),
			"is it the right server, and does the kubeconfig have its certificate authority (certificate-authority-data)?")

	case strings.Contains(err.Error(), "getting credentials: "):
		return plugins.Hinted(
			fmt.Errorf("%s: %w", c.Name, err),
			"the kubeconfig gets its credentials from a program: does it work by hand?")

	case meta.IsNoMatchError(err):
		return plugins.Hinted(err, "the cluster does not know this kind: is what defines it (a CustomResourceDefinition) installed? dependsOn says what comes first")
	case Passing(err):
		return plugins.Retryable(plugins.Hinted(
			fmt.Errorf("%s does not answer: %w", c.Name, err),
			"is the cluster up, and does `kubectl version` reach it with the same kubeconfig?"),

			0)
	}
	return err
}

func (c *Cluster) explainStatus(err error, status *apierrors.StatusError) error {
	switch {
	case apierrors.IsNotFound(status):
		return &notFound{err}
	case apierrors.IsUnauthorized(status):
		return plugins.Hinted(fmt.Errorf("%s: %w", c.Name, err), "the credentials in the kubeconfig are not, or no longer, valid")
	case apierrors.IsForbidden(status) && strings.Contains(status.Error(), "exceeded quota"):
		return plugins.Hinted(err, "raise the ResourceQuota of the namespace, or ask for less")
	case apierrors.HasStatusCause(status, namespaceTerminating):
		return plugins.Retryable(plugins.Hinted(err, "the namespace is being deleted: wait until it is gone, or look at its finalizers"), 0)
	case apierrors.IsForbidden(status):
		return plugins.Hinted(err, "the user of "+c.Name+" lacks a right: ask for a Role that grants what the message names")
	case passingStatus(status):
		after, _ := apierrors.SuggestsClientDelay(status)
		return plugins.Retryable(err, time.Duration(after)*time.Second)
	}
	return err
}

// Late tells whether a request was not made because its turn would have come only after the end of its context. client-go
// says so some time before that end, and has no error for it but a text.
func Late(err error) bool {
	return err != nil && strings.Contains(err.Error(), "would exceed context deadline")
}

// Passing tells whether an error is of the kind that goes by: no connection, an overloaded server.
func Passing(err error) bool {
	if err == nil {
		return false
	}
	var status *apierrors.StatusError
	if errors.As(err, &status) {
		return passingStatus(status)
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) || strings.Contains(err.Error(), "getting credentials: ") {
		return false
	}
	var network net.Error
	var request *url.Error
	return errors.Is(err, errSilent) || errors.As(err, &network) || errors.As(err, &request) || utilnet.IsConnectionReset(err) ||
		utilnet.IsConnectionRefused(err) || utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err)
}

// Forbidden tells whether an error says that the user lacks a right.
func Forbidden(err error) bool {
	var status *apierrors.StatusError
	return errors.As(err, &status) && apierrors.IsForbidden(status)
}

// Conflict tells whether an error says that an object is another than that which was to be changed.
func Conflict(err error) bool {
	var status *apierrors.StatusError
	return errors.As(err, &status) && apierrors.IsConflict(status)
}

func passingStatus(status *apierrors.StatusError) bool {
	// A conflict is that of two writers at the same moment: who owns a field is not asked after here.
	return apierrors.IsConflict(status) || apierrors.IsTooManyRequests(status) || apierrors.IsServerTimeout(status) || apierrors.IsTimeout(status) ||
		apierrors.IsServiceUnavailable(status) || apierrors.IsInternalError(status) || status.Status().Code >= 500
}

// namespaceTerminating is why nothing new can be made in a namespace.
const namespaceTerminating metav1.CauseType = "NamespaceTerminating"

// notFound is what the cluster says of what is not there.
type notFound struct{ err error }

func (e *notFound) Error() string   { return e.err.Error() }
func (e *notFound) Unwrap() []error { return []error{e.err, plugins.ErrNotFound} }
