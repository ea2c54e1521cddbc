// Package configmap reads the ConfigMap in which DevStream 0.9 and newer could keep its state, and marks it when somebody has
// taken it over.
//
// It is no plugin. It stands among them because the door to clusters, plugins/internal/kube, is closed to everybody else, and
// cmd/dtm, which takes states over, is to know neither client-go nor a kubeconfig.
package configmap

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/kube"
)

// The annotations of a ConfigMap whose state somebody takes over.
const (
	// TakenBy says who.
	TakenBy = "devstream.io/taken-over-by"
	// TakenAt says when that was done, and is missing until then.
	TakenAt = "devstream.io/taken-over-at"
)

const (
	// key is where DevStream keeps the state in the ConfigMap.
	key = "state"
	// behindBackup is what the name of the backup ends with.
	behindBackup = ".bak"
)

// Where says where a ConfigMap is.
type Where struct {
	// Kubeconfig and Context are as for the plugins that manage something in a cluster: empty for $KUBECONFIG or
	// ~/.kube/config, and the current context.
	Kubeconfig, Context string
	Namespace, Name     string
}

// Old is a state of DevStream in a ConfigMap as it was read. Its methods may not be called at the same time.
type Old struct {
	// Text is the state, empty and not nil if DevStream had no tools.
	Text []byte
	// TakenBy is who takes it over, empty if nobody does, and TakenAt when that was done (RFC 3339), empty if it is not.
	TakenBy, TakenAt string

	cluster *kube.Cluster
	ref     kube.Ref
	version any
}

// Read reads the ConfigMap. That there is none, or none with a state, is no error: then it returns nil. That there is no
// cluster, or that it does not answer, is one. It changes nothing.
func Read(ctx context.Context, env plugins.Env, at Where) (*Old, error) {
	cluster, err := kube.New(env).Open(at.Kubeconfig, at.Context)
	if err != nil {
		return nil, err
	}
	o := &Old{cluster: cluster, ref: ref(at.Namespace, at.Name)}
	found, err := o.get(ctx, o.ref)
	if err != nil || found == nil {
		return nil, err
	}
	text, ok := textOf(found)
	if !ok {
		return nil, nil
	}
	meta, _ := found["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	o.Text, o.version = []byte(text), meta["resourceVersion"]
	o.TakenBy, _ = annotations[TakenBy].(string)
	o.TakenAt, _ = annotations[TakenAt].(string)
	return o, nil
}

// Mark says in the cluster that by takes the state over, and copies it to a ConfigMap beside it whose name ends with
// ".bak". The state itself stays as it is. It wraps fs.ErrExist if there is a backup of something else already, or if
// the ConfigMap has changed since it was read, so that of several who take it over at once only one does. Who has marked it
// may do so again.
func (o *Old) Mark(ctx context.Context, by string) error {
	at := ref(o.ref.Namespace, o.ref.Name+behindBackup)
	kept, err := o.get(ctx, at)
	if err != nil {
		return err
	}
	if text, ok := textOf(kept); kept != nil && (!ok || text != string(o.Text)) {
		return plugins.Hinted(fmt.Errorf("%s: there is another backup already: %w", at, fs.ErrExist), "move it away, then run again")
	}
	_, err = o.cluster.Merge(ctx, o.ref, kube.Object{"metadata": map[string]any{
		// With the version of what was read the cluster refuses to change anything newer.
		"resourceVersion": o.version, "annotations": map[string]any{TakenBy: by},
	}})
	if kube.Conflict(err) {
		return plugins.Hinted(fmt.Errorf("%s has changed since it was read: %w", o.ref, fs.ErrExist), "run again")
	}
	if err != nil || kept != nil {
		return o.explain(o.ref, err)
	}
	// Behind the mark: a state that has changed must not leave the backup of what it was.
	_, err = o.cluster.Apply(ctx, at, kube.Object{"data": map[string]any{key: string(o.Text)}})
	return o.explain(at, err)
}

// Finish says in the cluster that who has marked the state has it now.
func (o *Old) Finish(ctx context.Context, at time.Time) error {
	_, err := o.cluster.Merge(ctx, o.ref, kube.Object{"metadata": map[string]any{
		"annotations": map[string]any{TakenAt: at.UTC().Format(time.RFC3339)},
	}})
	return o.explain(o.ref, err)
}

// get is an object, nil if there is none.
func (o *Old) get(ctx context.Context, at kube.Ref) (kube.Object, error) {
	found, err := o.cluster.Get(ctx, at)
	if errors.Is(err, plugins.ErrNotFound) {
		return nil, nil
	}
	return found, o.explain(at, err)
}

func (o *Old) explain(at kube.Ref, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s in %s: %w", at, o.cluster.Name, err)
}

func textOf(object kube.Object) (string, bool) {
	data, _ := object["data"].(map[string]any)
	text, ok := data[key].(string)
	return text, ok
}

func ref(namespace, name string) kube.Ref {
	return kube.Ref{Kind: kube.Kind{Version: "v1", Name: "ConfigMap", Resource: "configmaps"}, Namespace: namespace, Name: name}
}
