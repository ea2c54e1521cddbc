package compat

import "github.com/devstream-io/dtm/schema"

// inCluster tells whether a backend is that of DevStream 0.9 and newer which kept the state in a ConfigMap.
func inCluster(backend string) bool { return backend == "k8s" || backend == "kubernetes" }

// clusterState reads namespace and configmap, and what this dtm has besides: which cluster, and the file in which it goes on.
// A ConfigMap holds one MiB and cannot be locked, so what was kept there becomes a local store.
func (r *reader) clusterState(options schema.Value, state *schema.StateConfig) {
	at := &schema.ConfigMap{Namespace: "devstream", Name: "state"}
	// Not DevStream's name: a file of that name would be a state of its own.
	state.Backend, state.StateFile, state.ConfigMap = "local", "devstream.db", at
	into := map[string]*string{
		"namespace": &at.Namespace, "configmap": &at.Name, "kubeconfig": &at.Kubeconfig, "context": &at.Context, "stateFile": &state.StateFile,
	}
	for _, f := range r.mapping(options, "state.options") {
		path := "state.options." + f.Name
		field := into[f.Name]
		if field == nil {
			r.unknown(f, "state.options", "namespace", "configmap", "kubeconfig", "context", "stateFile")
			continue
		}
		if t, ok := r.text(f.Value, path); ok && t.Text != "" {
			*field = t.Text
		}
	}
}
