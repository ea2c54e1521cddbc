package schema

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAStateMayBeInAConfigMapUntilItIsTakenOver(t *testing.T) {
	loader := testLoader(t)
	const head = "package toolchain\n\nimport \"devstream.io/dtm/schema\"\n\nschema.#Toolchain\n\n"
	for _, test := range []struct {
		name, state string
		want        StateConfig
		wrong       string
	}{
		{name: "not at all", want: StateConfig{Backend: "local", StateFile: "devstream.db"}},
		{name: "where DevStream put it", state: "state: options: configMap: {}", want: StateConfig{
			Backend: "local", StateFile: "devstream.db", ConfigMap: &ConfigMap{Namespace: "devstream", Name: "state"},
		}},
		{name: "elsewhere", state: `state: {backend: "local", options: {stateFile: "a.db", configMap: {namespace: "n", name: "c", kubeconfig: "k", context: "x"}}}`, want: StateConfig{
			Backend: "local", StateFile: "a.db", ConfigMap: &ConfigMap{Namespace: "n", Name: "c", Kubeconfig: "k", Context: "x"},
		}},
		{name: "a typo", state: `state: options: configMap: {namespce: "n"}`, wrong: "state.options.configMap.namespce: field not allowed"},
		{name: "beside a bucket", state: `state: {backend: "s3", options: {bucket: "b", configMap: {}}}`, wrong: "state.options.configMap: field not allowed"},
		{name: "as DevStream wrote it", state: `state: {backend: "k8s", options: {namespace: "n"}}`, wrong: "state.backend"},
	} {
		path := filepath.Join(t.TempDir(), "toolchain.cue")
		write(t, path, head+test.state+"\n")
		config, err := loader.Load(t.Context(), path, nil)
		if test.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%s: got %v", test.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		test.want.Retention = DefaultRetention
		if diff := cmp.Diff(test.want, config.State); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.name, diff)
		}
	}
}
