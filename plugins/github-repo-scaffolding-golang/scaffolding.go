// Package scaffolding makes a repository on GitHub with a first version of a service in it.
package scaffolding

import (
	"context"
	_ "embed"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scaffold"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

//go:embed schema.cue
var schema string

// New makes the plugin, which finds GitHub among hosts. Folders of templates that are relative begin at env.Dir.
func New(env plugins.Env, hosts *scm.Hosts) plugins.Kind {
	return scaffold.New(env, scaffold.Service{
		Name:   "github-repo-scaffolding-golang",
		Schema: schema,
		Open: func(ctx context.Context, baseURL string) (scm.Host, error) {
			return hosts.GitHub(ctx, baseURL)
		},
		BaseURL: func() string { return env.Getenv("GITHUB_API_URL") },
	})
}
