package helm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/devstream-io/dtm/plugins"
)

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// upgradeCRDs makes the definitions in the chart's crds folder what the chart says. Helm only ever installs them, and
// only where they are missing.
func (op *operation) upgradeCRDs(chrt *chart.Chart, timeout time.Duration) error {
	crds := chrt.CRDObjects()
	if len(crds) == 0 {
		return nil
	}
	client, err := dynamic.NewForConfig(op.getter.config)
	if err != nil {
		return err
	}
	applied := map[string]bool{}
	for _, crd := range crds {
		m, err := parse(string(crd.File.Data), "")
		if err != nil {
			return fmt.Errorf("%s: %w", crd.Filename, err)
		}
		for _, id := range m.sorted() {
			if id.kind != "CustomResourceDefinition" {
				continue
			}
			plugins.Report(op.ctx, "upgrading the definition "+id.name)
			// What Helm has written once is Helm's in the eyes of the server: without force this would be refused.
			_, err := client.Resource(definitions).Apply(op.ctx, id.name, m[id].Unstructured, metav1.ApplyOptions{FieldManager: managedByDTM, Force: true})
			if err != nil {
				return fmt.Errorf("definition %s: %w", id.name, err)
			}
			applied[id.name] = true
		}
	}
	late := errors.New("definitions not established in time")
	return op.kube.poll(min(timeout, time.Minute), late, func(ctx context.Context) (bool, error) {
		for name := range applied {
			crd, err := client.Resource(definitions).Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return false, err
			}
			if !established(crd) {
				return false, nil
			}
		}
		return true, nil
	})
}

func established(crd *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["type"] == "Established" && m["status"] == "True" {
			return true
		}
	}
	return false
}
