package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/devstream-io/dtm/plugins"
)

// FieldManager is the name under which the cluster remembers which fields are dtm's.
const FieldManager = "dtm"

// ManagedBy is the label that says who made an object, and Us what dtm writes there: such an object goes with its tool.
const ManagedBy, Us = "app.kubernetes.io/managed-by", "dtm"

// Kind is a kind of object, under both of its names. That they are given saves asking the cluster for them.
type Kind struct {
	// Group is empty for the core's.
	Group, Version string
	// Name is as in "Application", Resource as in "applications".
	Name, Resource string
}

func (k Kind) apiVersion() string {
	return schema.GroupVersion{Group: k.Group, Version: k.Version}.String()
}

// Ref names an object. Its namespace is empty where the kind knows none.
type Ref struct {
	Kind
	Namespace, Name string
}

func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind.Name + " " + r.Name
	}
	return r.Kind.Name + " " + r.Namespace + "/" + r.Name
}

// Object is an object as JSON decodes it: of map[string]any, []any, string, int64, float64, bool and nil.
type Object = map[string]any

// Get reads an object. That there is none, or no such kind, wraps [plugins.ErrNotFound].
func (c *Cluster) Get(ctx context.Context, ref Ref) (Object, error) {
	objects, err := c.objects(ctx, ref)
	if err != nil {
		return nil, err
	}
	found, err := objects.Get(ctx, ref.Name, metav1.GetOptions{})
	if err != nil {
		return nil, c.Explain(err)
	}
	return found.Object, nil
}

// List reads the objects of ref's kind and namespace, or of all namespaces if it has none, that carry the labels of a
// selector as in "app=x". ref's name does not count.
func (c *Cluster) List(ctx context.Context, ref Ref, selector string) ([]Object, error) {
	objects, err := c.objects(ctx, ref)
	if err != nil {
		return nil, err
	}
	found, err := objects.List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, c.Explain(err)
	}
	all := make([]Object, 0, len(found.Items))
	for i := range found.Items {
		all = append(all, found.Items[i].Object)
	}
	return all, nil
}

// Apply makes an object, or changes it, so that the fields given have these values (server-side apply). Those that an
// earlier Apply gave and this one does not are removed, unless somebody else wants them, too; those of others stay. A
// field that somebody else has set otherwise is taken back. The kind, the name and the namespace are filled in. It
// returns what is there then.
func (c *Cluster) Apply(ctx context.Context, ref Ref, object Object) (Object, error) {
	whole := maps.Clone(object)
	meta, _ := whole["metadata"].(map[string]any)
	meta = maps.Clone(meta)
	if meta == nil {
		meta = map[string]any{}
	}
	meta["name"] = ref.Name
	if ref.Namespace != "" {
		meta["namespace"] = ref.Namespace
	}
	whole["apiVersion"], whole["kind"], whole["metadata"] = ref.apiVersion(), ref.Kind.Name, meta
	force := true
	applied, err := c.patch(ctx, ref, types.ApplyPatchType, whole, metav1.PatchOptions{FieldManager: FieldManager, Force: &force})
	var status *apierrors.StatusError
	if errors.As(err, &status) && apierrors.IsNotFound(status) {
		return nil, c.homeless(ref, status)
	}
	return applied, c.Explain(err)
}

// Merge changes an object that is there by a JSON merge patch: null removes a field. It returns what is there then.
func (c *Cluster) Merge(ctx context.Context, ref Ref, patch Object) (Object, error) {
	merged, err := c.patch(ctx, ref, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
	return merged, c.Explain(err)
}

// Delete asks for an object to be removed, and all that it owns. It may be there for some time yet, until whoever put
// finalizers on it has taken them away: see [Cluster.Await]. That it is gone already is no error.
func (c *Cluster) Delete(ctx context.Context, ref Ref) error {
	objects, err := c.objects(ctx, ref)
	if err != nil {
		return err
	}
	inBackground := metav1.DeletePropagationBackground
	err = objects.Delete(ctx, ref.Name, metav1.DeleteOptions{PropagationPolicy: &inBackground})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return c.Explain(err)
}

func (c *Cluster) patch(ctx context.Context, ref Ref, how types.PatchType, patch Object, opts metav1.PatchOptions) (Object, error) {
	objects, err := c.objects(ctx, ref)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(patch)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	found, err := objects.Patch(ctx, ref.Name, how, data, opts)
	if err != nil {
		return nil, err
	}
	return found.Object, nil
}

// objects is a client for the objects of ref's kind and namespace.
func (c *Cluster) objects(ctx context.Context, ref Ref) (dynamic.ResourceInterface, error) {
	client, err := dynamic.NewForConfig(c.Config(ctx))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	kind := client.Resource(schema.GroupVersionResource{Group: ref.Group, Version: ref.Version, Resource: ref.Resource})
	if ref.Namespace == "" {
		return kind, nil
	}
	return kind.Namespace(ref.Namespace), nil
}

// homeless explains that an object could not be made because something around it is not there.
func (c *Cluster) homeless(ref Ref, status *apierrors.StatusError) error {
	if d := status.Status().Details; d != nil && d.Kind == "namespaces" {
		return plugins.Hinted(
			fmt.Errorf("%s: there is no namespace %q: %w", ref, ref.Namespace, status),
			"is it the right cluster ("+c.Name+")? What makes the namespace comes first: name it in dependsOn")
	}
	// A kind that was defined a moment ago may not be known to every server yet.
	return plugins.Retryable(plugins.Hinted(
		fmt.Errorf("%s: the cluster does not know the kind %s (%s): %w", ref, ref.Kind.Name, ref.apiVersion(), status),
		"what defines it (a CustomResourceDefinition) comes first: name the tool that installs it in dependsOn"),

		0)
}
