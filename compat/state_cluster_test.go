package compat

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/schema"
)

func TestAStateInAClusterGoesOnInAFile(t *testing.T) {
	const tools = "---\ntools: []\n"
	for _, test := range []struct {
		name, yaml, file string
		at               schema.ConfigMap
	}{
		{"nothing said", "state: {backend: k8s}\n", "devstream.db", schema.ConfigMap{Namespace: "devstream", Name: "state"}},
		{"all said", "state: {backend: kubernetes, options: {namespace: a, configmap: b, kubeconfig: c, context: d, stateFile: e}}\n", "e",
			schema.ConfigMap{Namespace: "a", Name: "b", Kubeconfig: "c", Context: "d"}},
		{"as in 0.12", "config: {state: {backend: k8s, options: {namespace: a, configmap: }}}\n", "devstream.db",
			schema.ConfigMap{Namespace: "a", Name: "state"}},
	} {
		src, err := read(test.yaml + tools)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		want := schema.StateConfig{Backend: "local", StateFile: test.file, ConfigMap: &test.at, Retention: schema.DefaultRetention}
		if diff := cmp.Diff(want, src.State); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.name, diff)
		}
	}
	if _, err := read("state: {backend: k8s, options: {bucket: x}}\n" + tools); err == nil {
		t.Error("a bucket has no meaning there")
	}
}
