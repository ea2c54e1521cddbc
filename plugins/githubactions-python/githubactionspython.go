// Package githubactionspython keeps a workflow of GitHub Actions in a repository, for what is written in Python.
package githubactionspython

import (
	_ "embed"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
	"github.com/devstream-io/dtm/plugins/internal/workflow"
)

//go:embed schema.cue
var schema string

// New makes the plugin, which finds GitHub among hosts.
func New(env plugins.Env, hosts *scm.Hosts) plugins.Kind {
	return workflow.Python(env, hosts, "githubactions-python", schema)
}
