package jenkins

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/helm"
	"github.com/devstream-io/dtm/plugins/internal/kube"
)

// volumeName is the name that DevStream gave to its volume and to that volume's storage class.
const volumeName = "jenkins-pv"

var (
	volumes  = kube.Kind{Version: "v1", Name: "PersistentVolume", Resource: "persistentvolumes"}
	classes  = kube.Kind{Group: "storage.k8s.io", Version: "v1", Name: "StorageClass", Resource: "storageclasses"}
	accounts = kube.Kind{Version: "v1", Name: "ServiceAccount", Resource: "serviceaccounts"}
)

// ours marks what is to go with the tool.
var ours = map[string]any{kube.ManagedBy: kube.Us}

// common are the options that all charts share. A folder on the node is no use unless the chart's claim asks for it.
func common(o Options) helm.Options {
	out := o.Options
	if o.HostPath == "" || storageClass(out) != "" {
		return out
	}
	values := map[string]any{}
	if len(out.Chart.Values) > 0 && json.Unmarshal(out.Chart.Values, &values) != nil {
		return out // the engine says what is wrong with them
	}
	persistence, ok := values["persistence"].(map[string]any)
	if !ok {
		persistence = map[string]any{}
	}
	persistence["storageClass"] = volumeName
	values["persistence"] = persistence
	if text, err := json.Marshal(values); err == nil {
		out.Chart.Values = text
	}
	return out
}

// storageClass is the one that the values ask for, "" for the cluster's default.
func storageClass(o helm.Options) string {
	values, err := o.Merged()
	if err != nil {
		return ""
	}
	persistence, _ := values["persistence"].(map[string]any)
	class, _ := persistence["storageClass"].(string)
	return class
}

// account is the service account that the values name and leave for others to make, "" if the chart makes its own.
func account(o helm.Options) string {
	values, err := o.Merged()
	if err != nil {
		return ""
	}
	a, _ := values["serviceAccount"].(map[string]any)
	if create, ok := a["create"].(bool); !ok || create {
		return ""
	}
	name, _ := a["name"].(string)
	return name
}

// prepare makes what the chart's values take for granted, as DevStream's did: the volume, on request, and the service
// account. The account gets the rights that the chart itself grants, and none in the rest of the cluster.
func prepare(ctx context.Context, at helm.Target, want Options) error {
	o := common(want)
	if want.HostPath != "" {
		if err := makeVolume(ctx, at, want.HostPath); err != nil {
			return err
		}
	} else if storageClass(o) == volumeName {
		if err := checkVolume(ctx, at); err != nil {
			return err
		}
	}
	name := account(o)
	if name == "" {
		return nil
	}
	ref := kube.Ref{Kind: accounts, Namespace: at.Namespace, Name: name}
	_, err := at.Cluster.Get(ctx, ref)
	if err == nil || !errors.Is(err, plugins.ErrNotFound) {
		return err
	}
	_, err = at.Cluster.Apply(ctx, ref, kube.Object{"metadata": map[string]any{"labels": ours}})
	return err
}

// makeVolume makes the volume, and frees one that an earlier Jenkins has left, with its data.
func makeVolume(ctx context.Context, at helm.Target, folder string) error {
	ref := kube.Ref{Kind: volumes, Name: volumeName}
	have, err := at.Cluster.Get(ctx, ref)
	if err != nil && !errors.Is(err, plugins.ErrNotFound) {
		return err
	}
	if err == nil {
		status, _ := have["status"].(map[string]any)
		if status["phase"] != "Released" {
			return nil
		}
		_, err := at.Cluster.Merge(ctx, ref, kube.Object{"spec": map[string]any{"claimRef": nil}})
		return err
	}
	_, err = at.Cluster.Apply(ctx, ref, kube.Object{
		"metadata": map[string]any{"labels": ours},
		"spec": map[string]any{
			"storageClassName":              volumeName,
			"accessModes":                   []any{"ReadWriteOnce"},
			"capacity":                      map[string]any{"storage": "10Gi"},
			"persistentVolumeReclaimPolicy": "Retain",
			"hostPath":                      map[string]any{"path": folder, "type": "DirectoryOrCreate"},
		},
	})
	return err
}

// checkVolume makes sure that somebody offers what the values ask for: the claim would wait for it in silence.
func checkVolume(ctx context.Context, at helm.Target) error {
	_, err := at.Cluster.Get(ctx, kube.Ref{Kind: classes, Name: volumeName})
	if errors.Is(err, plugins.ErrNotFound) {
		_, err = at.Cluster.Get(ctx, kube.Ref{Kind: volumes, Name: volumeName})
	}
	if errors.Is(err, plugins.ErrNotFound) {
		return &unofferedError{}
	}
	if kube.Forbidden(err) {
		return nil // who may not look may still be given one
	}
	return err
}

// unofferedError says that the values ask for DevStream's volume and nobody offers one.
type unofferedError struct{}

func (*unofferedError) Error() string {
	return fmt.Sprintf("the values ask for storage class %s, and there is neither such a class nor such a volume", volumeName)
}

// Hint says what the user can do about it.
func (*unofferedError) Hint() string {
	return "set host_path to a folder on the node, as DevStream did it, or take persistence.storageClass out of the values for the cluster's own storage"
}

// clean removes the service account if dtm has made it. The volume stays, with the data in it.
func clean(ctx context.Context, at helm.Target, have Options) error {
	name := account(common(have))
	if name == "" {
		return nil
	}
	ref := kube.Ref{Kind: accounts, Namespace: at.Namespace, Name: name}
	found, err := at.Cluster.Get(ctx, ref)
	if errors.Is(err, plugins.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	meta, _ := found["metadata"].(map[string]any)
	labels, _ := meta["labels"].(map[string]any)
	if labels[kube.ManagedBy] != kube.Us {
		return nil
	}
	return at.Cluster.Delete(ctx, ref)
}
