// Package openldap installs OpenLDAP by the chart openldap-stack-ha.
package openldap

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
		Name:   "openldap",
		Schema: schema,
		Common: helm.Plain,
		Services: func(release string) []string {
			// The chart calls its objects by the release since version 4, and before by release and chart.
			return []string{release, helm.Fullname(release, "openldap-stack-ha"), release + "-phpldapadmin"}
		},
		AdminSecret: func(release string) string {
			return release
		},
	})
}
