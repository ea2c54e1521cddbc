package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/flowcontrol"

	"github.com/devstream-io/dtm/plugins"
)

func TestErrorsOfTheClusterAreExplained(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	request := func(err error) error { return &url.Error{Op: "Get", URL: "https://c/api", Err: err} }
	terminating := apierrors.NewForbidden(pods, "a", errors.New("unable to create new content in namespace x because it is being terminated"))
	terminating.ErrStatus.Details.Causes = append(terminating.ErrStatus.Details.Causes, metav1.StatusCause{Type: namespaceTerminating})
	for name, c := range map[string]struct {
		err error
		// gone and may are what it wraps, hint a part of its hint.
		gone, may bool
		after     time.Duration
		hint      string
	}{
		"not found":              {err: apierrors.NewNotFound(pods, "a"), gone: true},
		"not found, wrapped":     {err: fmt.Errorf("x: %w", apierrors.NewNotFound(pods, "a")), gone: true},
		"unauthorized":           {err: apierrors.NewUnauthorized("no"), hint: "credentials"},
		"forbidden":              {err: apierrors.NewForbidden(pods, "a", errors.New("no")), hint: "Role"},
		"quota":                  {err: apierrors.NewForbidden(pods, "a", errors.New("exceeded quota: q")), hint: "ResourceQuota"},
		"a namespace that goes":  {err: terminating, may: true, hint: "finalizers"},
		"too many requests":      {err: apierrors.NewTooManyRequests("slow down", 7), may: true, after: 7 * time.Second},
		"server timeout":         {err: apierrors.NewServerTimeout(pods, "get", 3), may: true, after: 3 * time.Second},
		"unavailable":            {err: apierrors.NewServiceUnavailable("later"), may: true},
		"internal":               {err: apierrors.NewInternalError(errors.New("webhook refused")), may: true},
		"bad gateway":            {err: apierrors.NewGenericServerResponse(http.StatusBadGateway, "get", pods, "a", "", 0, true), may: true},
		"conflict":               {err: apierrors.NewConflict(pods, "a", errors.New("modified")), may: true},
		"invalid":                {err: apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "a", nil)},
		"already there":          {err: apierrors.NewAlreadyExists(pods, "a")},
		"no such kind":           {err: &meta.NoKindMatchError{GroupKind: schema.GroupKind{Kind: "X"}}, hint: "CustomResourceDefinition"},
		"refused":                {err: request(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), may: true, hint: "kubectl version"},
		"reset":                  {err: request(syscall.ECONNRESET), may: true, hint: "kubectl version"},
		"cut":                    {err: request(io.ErrUnexpectedEOF), may: true, hint: "kubectl version"},
		"silent":                 {err: request(errSilent), may: true, hint: "kubectl version"},
		"no such host":           {err: request(&net.DNSError{Err: "no such host", IsNotFound: true}), may: true, hint: "kubectl version"},
		"a wrong certificate":    {err: request(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), hint: "certificate authority"},
		"no program to log in":   {err: request(errors.New("getting credentials: exec: executable aws not found")), hint: "program"},
		"cancelled":              {err: request(context.Canceled)},
		"out of time":            {err: request(context.DeadlineExceeded)},
		"something else":         {err: errors.New("x")},
		"a wait that was ended":  {err: fmt.Errorf("waiting: %w", context.Canceled)},
		"a status that is wrong": {err: &apierrors.StatusError{}},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := &Cluster{Name: "context c of f"}
			got := cluster.Explain(c.err)
			if !errors.Is(got, c.err) {
				t.Errorf("%v does not wrap %v", got, c.err)
			}
			if errors.Is(got, plugins.ErrNotFound) != c.gone {
				t.Errorf("%v: not found is %t", got, !c.gone)
			}
			after, may := plugins.RetryAfter(got)
			if may != c.may || after != c.after {
				t.Errorf("%v: may pass is %t after %s, want %t after %s", got, may, after, c.may, c.after)
			}
			var hinted interface{ Hint() string }
			hint := ""
			if errors.As(got, &hinted) {
				hint = hinted.Hint()
			}
			if (hint == "") != (c.hint == "") || !strings.Contains(hint, c.hint) {
				t.Errorf("%v: hint %q, want %q", got, hint, c.hint)
			}
			if strings.Count(got.Error(), "not found") > 1 {
				t.Errorf("said twice: %v", got)
			}
		})
	}
	if (&Cluster{}).Explain(nil) != nil || Passing(nil) || Forbidden(nil) {
		t.Error("no error is one")
	}
	if !Forbidden(fmt.Errorf("x: %w", apierrors.NewForbidden(pods, "a", nil))) || Forbidden(apierrors.NewUnauthorized("")) {
		t.Error("forbidden is something else")
	}
}

func TestARequestWhoseTurnComesTooLateIsKnown(t *testing.T) {
	turns := flowcontrol.NewTokenBucketRateLimiter(0.001, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := turns.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	if err := turns.Wait(ctx); !Late(err) || ctx.Err() != nil {
		t.Errorf("client-go says it in other words: %v", err)
	}
	if Late(nil) || Late(context.DeadlineExceeded) {
		t.Error("it is told of other errors, too")
	}
}
