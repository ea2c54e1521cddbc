// Package helmgeneric installs any Helm chart: the preset that presets nothing.
package helmgeneric

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
		Name:   "helm-generic",
		Schema: schema,
		Common: helm.Plain,
	})
}
