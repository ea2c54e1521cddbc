package helm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/kube"
)

var definitions = kube.Kind{Group: "apiextensions.k8s.io", Version: "v1", Name: "CustomResourceDefinition", Resource: "customresourcedefinitions"}

// upgradeCRDs makes the definitions in the chart's crds folder what the chart says. Helm only ever installs them, and
// only where they are missing.
func (op *operation) upgradeCRDs(chrt *chart.Chart, timeout time.Duration) error {
	var applied []kube.Ref
	for _, crd := range chrt.CRDObjects() {
		m, err := parse(string(crd.File.Data), "")
		if err != nil {
			return fmt.Errorf("%s: %w", crd.Filename, err)
		}
		for _, id := range m.sorted() {
			if id.kind != definitions.Name {
				continue
			}
			plugins.Report(op.ctx, "upgrading the definition "+id.name)
			ref := kube.Ref{Kind: definitions, Name: id.name}
			// What Helm has written once is Helm's in the eyes of the server, until it is taken over like this.
			if _, err := op.Cluster.Apply(op.ctx, ref, m[id].Object); err != nil {
				return fmt.Errorf("definition %s: %w", id.name, err)
			}
			applied = append(applied, ref)
		}
	}
	late := errors.New("definitions not established in time")
	ctx, cancel := context.WithTimeoutCause(op.ctx, min(timeout, time.Minute), late)
	defer cancel()
	for _, ref := range applied {
		err := op.Cluster.Await(ctx, ref, func(crd kube.Object) (bool, error) { return established(crd), nil })
		if err != nil && context.Cause(ctx) == late {
			return fmt.Errorf("%s: %w", ref, late)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func established(crd kube.Object) bool {
	conditions, _, _ := unstructured.NestedSlice(crd, "status", "conditions")
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["type"] == "Established" && m["status"] == "True" {
			return true
		}
	}
	return false
}
