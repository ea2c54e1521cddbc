// Package tekton installs Tekton Pipelines by a Helm chart. It has no face: people see it through its dashboard, which is another chart.
package tekton

import (
	_ "embed"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/helm"
	"github.com/devstream-io/dtm/plugins/internal/kube"
)

//go:embed schema.cue
var schema string

// New makes the plugin, which finds its cluster among clusters.
func New(env plugins.Env, clusters *kube.Clusters) plugins.Kind {
	return helm.New(env, clusters, helm.Preset[helm.Options]{
		Name:   "tekton",
		Schema: schema,
		Common: helm.Plain,
	})
}
