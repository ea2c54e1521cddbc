// Package all is the one list of the plugins that are built into dtm.
package all

import (
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/argocd"
	"github.com/devstream-io/dtm/plugins/argocdapp"
	"github.com/devstream-io/dtm/plugins/devlake"
	hashicorpvault "github.com/devstream-io/dtm/plugins/hashicorp-vault"
	helmgeneric "github.com/devstream-io/dtm/plugins/helm-generic"
	"github.com/devstream-io/dtm/plugins/internal/kube"
	"github.com/devstream-io/dtm/plugins/jenkins"
	kubeprometheus "github.com/devstream-io/dtm/plugins/kube-prometheus"
	"github.com/devstream-io/dtm/plugins/localfile"
	"github.com/devstream-io/dtm/plugins/openldap"
	"github.com/devstream-io/dtm/plugins/tekton"
)

// Set makes every built-in plugin, each with env. An error is a mistake in this list.
func Set(env plugins.Env) (plugins.Set, error) {
	clusters := kube.New(env)
	return plugins.NewSet(
		argocd.New(env, clusters),
		argocdapp.New(env, clusters),
		devlake.New(env, clusters),
		hashicorpvault.New(env, clusters),
		helmgeneric.New(env, clusters),
		jenkins.New(env, clusters),
		kubeprometheus.New(env, clusters),
		localfile.New(env),
		openldap.New(env, clusters),
		tekton.New(env, clusters),
	)
}
