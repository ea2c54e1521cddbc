// Package gitlabcigeneric keeps a pipeline of GitLab CI in a project, made of a template of your own.
package gitlabcigeneric

import (
	_ "embed"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
	"github.com/devstream-io/dtm/plugins/internal/workflow"
)

//go:embed schema.cue
var schema string

// New makes the plugin, which finds GitLab among hosts.
func New(env plugins.Env, hosts *scm.Hosts) plugins.Kind {
	return workflow.GitLabGeneric(env, hosts, "gitlabci-generic", schema)
}
