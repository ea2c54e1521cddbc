// Package all is the one list of the plugins that are built into dtm.
package all

import (
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/argocd"
	"github.com/devstream-io/dtm/plugins/argocdapp"
	"github.com/devstream-io/dtm/plugins/devlake"
	githubscaffolding "github.com/devstream-io/dtm/plugins/github-repo-scaffolding-golang"
	githubactionsgolang "github.com/devstream-io/dtm/plugins/githubactions-golang"
	githubactionsnodejs "github.com/devstream-io/dtm/plugins/githubactions-nodejs"
	githubactionspython "github.com/devstream-io/dtm/plugins/githubactions-python"
	gitlabcedocker "github.com/devstream-io/dtm/plugins/gitlab-ce-docker"
	gitlabscaffolding "github.com/devstream-io/dtm/plugins/gitlab-repo-scaffolding-golang"
	gitlabcigeneric "github.com/devstream-io/dtm/plugins/gitlabci-generic"
	gitlabcigolang "github.com/devstream-io/dtm/plugins/gitlabci-golang"
	hashicorpvault "github.com/devstream-io/dtm/plugins/hashicorp-vault"
	helmgeneric "github.com/devstream-io/dtm/plugins/helm-generic"
	"github.com/devstream-io/dtm/plugins/internal/kube"
	"github.com/devstream-io/dtm/plugins/internal/scm"
	"github.com/devstream-io/dtm/plugins/jenkins"
	jiragithub "github.com/devstream-io/dtm/plugins/jira-github-integ"
	kubeprometheus "github.com/devstream-io/dtm/plugins/kube-prometheus"
	"github.com/devstream-io/dtm/plugins/localfile"
	"github.com/devstream-io/dtm/plugins/openldap"
	"github.com/devstream-io/dtm/plugins/tekton"
	"github.com/devstream-io/dtm/plugins/trello"
	trellogithub "github.com/devstream-io/dtm/plugins/trello-github-integ"
)

// Set makes every built-in plugin, each with env. An error is a mistake in this list.
func Set(env plugins.Env) (plugins.Set, error) {
	clusters, hosts := kube.New(env), scm.New(env)
	return plugins.NewSet(
		argocd.New(env, clusters),
		argocdapp.New(env, clusters),
		devlake.New(env, clusters),
		githubactionsgolang.New(env, hosts),
		githubactionsnodejs.New(env, hosts),
		githubactionspython.New(env, hosts),
		githubscaffolding.New(env, hosts),
		gitlabcedocker.New(env),
		gitlabcigeneric.New(env, hosts),
		gitlabcigolang.New(env, hosts),
		gitlabscaffolding.New(env, hosts),
		hashicorpvault.New(env, clusters),
		helmgeneric.New(env, clusters),
		jenkins.New(env, clusters),
		jiragithub.New(env, hosts),
		kubeprometheus.New(env, clusters),
		localfile.New(env),
		openldap.New(env, clusters),
		tekton.New(env, clusters),
		trello.New(env),
		trellogithub.New(env, hosts),
	)
}
