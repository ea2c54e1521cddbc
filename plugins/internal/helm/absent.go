package helm

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
)

// side is how many lists are asked for side by side.
const side = 8

// absent are the objects of the manifest that are not there, sorted by name. Workloads are left to live, which looks
// closer, and so is what goes by itself when it is done. Of what may not be listed nothing is said.
//
// It is one request for each kind and namespace, of names and labels alone: a secret's value never comes here.
func (op *operation) absent(asked manifest) ([]string, error) {
	client, err := metadata.NewForConfig(op.getter.config)
	if err != nil {
		return nil, err
	}
	type where struct {
		schema.GroupVersionKind
		namespace string
	}
	wanted := map[where][]ident{}
	for id, o := range asked {
		if id.group == "apps" && isWorkload(id.kind) || id.kind == "Job" || id.kind == "Pod" || id.name == "" {
			continue
		}
		at := where{o.GroupVersionKind(), id.namespace}
		wanted[at] = append(wanted[at], id)
	}
	var mu sync.Mutex
	var names []string
	group, ctx := errgroup.WithContext(op.ctx)
	group.SetLimit(side)
	for at, ids := range wanted {
		group.Go(func() error {
			there, known, err := namesOf(ctx, client, at.GroupVersionKind, at.namespace)
			if err != nil || !known {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for _, id := range ids {
				if !there[id.name] {
					names = append(names, id.String())
				}
			}
			return nil
		})
	}
	err = group.Wait()
	slices.Sort(names)
	return names, err
}

// namesOf are the names of what Helm has made of a kind in a namespace, "" for none. known is false where that cannot be
// told.
func namesOf(ctx context.Context, client metadata.Interface, kind schema.GroupVersionKind, namespace string) (there map[string]bool, known bool, err error) {
	// The cluster could say what it calls the kind, but it is asked for little else as long; nearly every kind keeps to
	// the rule, and of one that does not nothing is known.
	resource, _ := meta.UnsafeGuessKindToResource(kind)
	list, err := client.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=Helm"})
	switch {
	case apierrors.IsForbidden(err), apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("%s: %w", resource.Resource, err)
	}
	there = make(map[string]bool, len(list.Items))
	for i := range list.Items {
		there[list.Items[i].Name] = true
	}
	return there, true, nil
}
