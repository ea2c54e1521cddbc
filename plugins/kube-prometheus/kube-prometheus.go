// Package kubeprometheus installs Prometheus, Alertmanager and Grafana by the chart kube-prometheus-stack.
package kubeprometheus

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
		Name:   "kube-prometheus",
		Schema: schema,
		Common: helm.Plain,
		Services: func(release string) []string {
			stack := helm.ShortFullname(release, "kube-prometheus-stack", 26)
			return []string{helm.Fullname(release, "grafana"), stack + "-prometheus", stack + "-alertmanager"}
		},
		AdminSecret: func(release string) string {
			return helm.Fullname(release, "grafana")
		},
	})
}
