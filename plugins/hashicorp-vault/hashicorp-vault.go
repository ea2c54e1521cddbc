// Package hashicorpvault installs HashiCorp's Vault by its chart. It neither initialises nor unseals it: keys are their owner's business.
package hashicorpvault

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
		Name:   "hashicorp-vault",
		Schema: schema,
		Common: helm.Plain,
		Services: func(release string) []string {
			vault := helm.Fullname(release, "vault")
			return []string{vault + "-ui", vault + "-active", vault}
		},
		Status: seals,
	})
}
