// Package devlake installs Apache DevLake by its chart. DevStream applied a manifest whose address is dead.
package devlake

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
		Name:    "devlake",
		Schema:  schema,
		Common:  common,
		Prepare: prepare,
		Clean:   clean,
		Services: func(release string) []string {
			return []string{helm.Fullname(release, "devlake") + "-ui"}
		},
	})
}
