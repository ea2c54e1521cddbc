// Package argocd installs Argo CD by the chart argo-cd of Argo's community.
package argocd

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
		Name:   "argocd",
		Schema: schema,
		Common: helm.Plain,
		Services: func(release string) []string {
			return []string{helm.Truncated(helm.Fullname(release, "argocd")+"-server", 63)}
		},
		AdminSecret: func(release string) string {
			// Argo CD itself makes it, under a name of its own, and its users are told to remove it.
			return "argocd-initial-admin-secret"
		},
	})
}
