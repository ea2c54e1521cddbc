// Package jiragithubinteg manages a workflow of GitHub Actions that keeps an issue in Jira for each issue of a repository, and
// the secret that it needs.
package jiragithubinteg

import (
	"cmp"
	"context"
	"embed"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
	"github.com/devstream-io/dtm/plugins/internal/tracker"
	"github.com/devstream-io/dtm/plugins/internal/workflow"
)

var (
	//go:embed schema.cue
	schema string
	//go:embed workflow.yml *.sh
	files embed.FS
)

// Options is #Options of schema.cue.
type Options struct {
	tracker.Repository
	JiraBaseURL    string      `json:"jiraBaseUrl"`
	JiraUserEmail  string      `json:"jiraUserEmail"`
	JiraProjectKey string      `json:"jiraProjectKey"`
	IssueType      string      `json:"issueType"`
	Transitions    Transitions `json:"transitions"`
	TokenEnv       string      `json:"tokenEnv"`
}

// Transitions are the statuses that issues go to, "" to leave them where they are.
type Transitions struct {
	Edited   string `json:"edited"`
	Closed   string `json:"closed"`
	Reopened string `json:"reopened"`
}

const (
	name = "jira-github-integ"
	// file is the name of the workflow where the options have none. DevStream knew no other.
	file = "jira-github-integ.yml"
	// usualVariable has the token of the user that is named by the options, where they name no variable.
	usualVariable = "JIRA_API_TOKEN"
)

// variable is the one with the token. Old options name none.
func (o Options) variable() string { return cmp.Or(o.TokenEnv, usualVariable) }

// formerFile is the name that DevStream 0.10 to 0.12 gave the workflow.
const formerFile = ".github/workflows/jiraIssueBuilder.yml"

// formerSecrets are those that DevStream set. GH_TOKEN was the operator's own token.
var formerSecrets = []string{"JIRA_API_TOKEN", "GH_TOKEN"}

// New makes the plugin. Its repositories are on one of hosts.
func New(env plugins.Env, hosts *scm.Hosts) plugins.Kind {
	return workflow.New(env, workflow.Preset[Options, workflow.Outputs]{
		Name: name, Schema: schema, Open: hosts.GitHub,
		Place:   func(o Options) workflow.Place { return o.Place(file, o.secret()) },
		Outputs: workflow.Place.Outputs,
		Legacy: func(o Options) workflow.Place {
			at := o.Legacy(file, formerSecrets...)
			at.Files = append(at.Files, formerFile)
			return at
		},
		Render: func(ctx context.Context, want Options) (workflow.Document, error) { return render(ctx, env, want) },
	})
}

// secret is what the workflow's own one is made of.
func (o Options) secret() workflow.Secret {
	return workflow.Secret{
		Variable: o.variable(),
		Hint:     "https://id.atlassian.com/manage-profile/security/api-tokens gives the user " + o.JiraUserEmail + " a token: set " + o.variable() + " to it",
	}
}

// render makes the workflow, once Jira has shown that it will find what it needs.
func render(ctx context.Context, env plugins.Env, want Options) (workflow.Document, error) {
	j, err := open(ctx, env, want)
	if err != nil {
		return workflow.Document{}, err
	}
	if err := j.examine(ctx, want); err != nil {
		return workflow.Document{}, err
	}
	want.JiraBaseURL, want.TokenEnv = j.server.Base, want.variable()
	return want.Render(files, file, want)
}
