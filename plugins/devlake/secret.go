package devlake

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/helm"
	"github.com/devstream-io/dtm/plugins/internal/kube"
)

var (
	secrets = kube.Kind{Version: "v1", Name: "Secret", Resource: "secrets"}
	claims  = kube.Kind{Version: "v1", Name: "PersistentVolumeClaim", Resource: "persistentvolumeclaims"}
)

// common names a secret of dtm's own where the values name none: the chart cannot be installed without the key that
// DevLake's records are encrypted with, and a key is nothing to be written into a configuration.
func common(o helm.Options) helm.Options {
	values, err := o.Merged()
	if err != nil || named(values) {
		return o
	}
	// What is in values_yaml stays there: only what goes beside it is written here.
	own := map[string]any{}
	if len(o.Chart.Values) > 0 && json.Unmarshal(o.Chart.Values, &own) != nil {
		return o // the engine says what is wrong with them
	}
	lake := within(own, "lake")
	within(lake, "encryptionSecret")["secretName"] = secretName(o)
	if text, err := json.Marshal(own); err == nil {
		o.Chart.Values = text
	}
	return o
}

// named tells whether the values say where the key comes from.
func named(values map[string]any) bool {
	lake, _ := values["lake"].(map[string]any)
	key, _ := lake["encryptionSecret"].(map[string]any)
	for _, field := range []string{"secret", "secretName"} {
		if text, _ := key[field].(string); text != "" {
			return true
		}
	}
	return false
}

// within is the mapping below key, which it makes if there is none.
func within(m map[string]any, key string) map[string]any {
	inner, ok := m[key].(map[string]any)
	if !ok {
		inner = map[string]any{}
		m[key] = inner
	}
	return inner
}

func secretName(o helm.Options) string {
	if o.Chart.ReleaseName == "" {
		return "devlake-encryption"
	}
	return o.Chart.ReleaseName + "-encryption"
}

// prepare makes the secret once, with a key that nobody knows.
func prepare(ctx context.Context, at helm.Target, o helm.Options) error {
	if values, err := o.Merged(); err != nil || named(values) {
		return err
	}
	ref := kube.Ref{Kind: secrets, Namespace: at.Namespace, Name: secretName(o)}
	_, err := at.Cluster.Get(ctx, ref)
	if !errors.Is(err, plugins.ErrNotFound) {
		return err
	}
	key := newKey()
	_, err = at.Cluster.Apply(ctx, ref, kube.Object{
		"metadata": map[string]any{"labels": map[string]any{kube.ManagedBy: kube.Us, "app.kubernetes.io/instance": at.Release}},
		// Charts have asked for it by either name.
		"stringData": map[string]any{"encryptionSecret": key, "ENCRYPTION_SECRET": key},
	})
	return err
}

// newKey is 128 capital letters, as DevLake's documentation wants it.
func newKey() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	key := make([]byte, 0, 128)
	for len(key) < cap(key) {
		var b [1]byte
		_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
		// Numbers above the last multiple of 26 would make the first letters likelier.
		if int(b[0]) < 256/len(letters)*len(letters) {
			key = append(key, letters[int(b[0])%len(letters)])
		}
	}
	return string(key)
}

// clean removes the secret, unless there is still a volume of records that nobody could read without it.
func clean(ctx context.Context, at helm.Target, o helm.Options) error {
	if values, err := o.Merged(); err != nil || named(values) {
		return nil
	}
	left, err := at.Cluster.List(ctx, kube.Ref{Kind: claims, Namespace: at.Namespace}, "")
	if err != nil {
		return err
	}
	if len(left) > 0 {
		plugins.Report(ctx, "the secret "+secretName(o)+" stays: without it the volumes that are left cannot be read")
		return nil
	}
	return at.Cluster.Delete(ctx, kube.Ref{Kind: secrets, Namespace: at.Namespace, Name: secretName(o)})
}
