// Package jenkins installs Jenkins by its chart.
package jenkins

import (
	_ "embed"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/helm"
	"github.com/devstream-io/dtm/plugins/internal/kube"
)

//go:embed schema.cue
var schema string

// Options is #Options of schema.cue.
type Options struct {
	helm.Options
	// HostPath is an absolute folder on the node, or empty.
	HostPath string `json:"host_path"`
}

// New makes the plugin, which finds its cluster among clusters.
func New(env plugins.Env, clusters *kube.Clusters) plugins.Kind {
	return helm.New(env, clusters, helm.Preset[Options]{
		Name:    "jenkins",
		Schema:  schema,
		Common:  common,
		Prepare: prepare,
		Clean:   clean,
		Services: func(release string) []string {
			return []string{helm.Fullname(release, "jenkins")}
		},
		AdminSecret: func(release string) string {
			return helm.Fullname(release, "jenkins")
		},
	})
}
