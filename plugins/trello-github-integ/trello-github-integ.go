// Package trellogithubinteg manages a workflow of GitHub Actions that keeps a card on a Trello board for each issue of a
// repository, and the secrets that it needs.
package trellogithubinteg

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"slices"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
	"github.com/devstream-io/dtm/plugins/internal/tracker"
	"github.com/devstream-io/dtm/plugins/internal/trello"
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
	BoardID     string `json:"boardId"`
	TodoListID  string `json:"todoListId"`
	DoingListID string `json:"doingListId"`
	DoneListID  string `json:"doneListId"`
	TrelloURL   string `json:"trelloURL"`
	KeyEnv      string `json:"keyEnv"`
	TokenEnv    string `json:"tokenEnv"`
}

// variables are those with the workflow's credentials. Old options name none.
func (o Options) variables() trello.Variables {
	usual := trello.Usual()
	return trello.Variables{Key: cmp.Or(o.KeyEnv, usual.Key), Token: cmp.Or(o.TokenEnv, usual.Token)}
}

// secrets are what the workflow's own are made of.
func (o Options) secrets() []workflow.Secret {
	v := o.variables()
	return []workflow.Secret{{Variable: v.Key, Hint: v.Hint()}, {Variable: v.Token, Hint: v.Hint()}}
}

const (
	name = "trello-github-integ"
	// file is the name of the workflow where the options have none. DevStream knew no other.
	file = "trello-github-integ.yml"
)

// formerFile is the name that DevStream 0.10 to 0.12 gave the workflow.
const formerFile = ".github/workflows/trelloIssueBuilder.yml"

// formerSecrets are those that DevStream set.
var formerSecrets = []string{
	"TRELLO_API_KEY", "TRELLO_TOKEN", "TRELLO_BOARD_ID", "TRELLO_TODO_LIST_ID", "TRELLO_DOING_LIST_ID", "TRELLO_DONE_LIST_ID", "TRELLO_MEMBER_MAP",
}

// New makes the plugin. Its repositories are on one of hosts.
func New(env plugins.Env, hosts *scm.Hosts) plugins.Kind {
	service := trello.New(env)
	return workflow.New(env, workflow.Preset[Options, workflow.Outputs]{
		Name: name, Schema: schema, Open: hosts.GitHub,
		Place:   func(o Options) workflow.Place { return o.Place(file, o.secrets()...) },
		Outputs: workflow.Place.Outputs,
		Legacy: func(o Options) workflow.Place {
			at := o.Legacy(file, formerSecrets...)
			at.Files = append(at.Files, formerFile)
			return at
		},
		Render: func(ctx context.Context, want Options) (workflow.Document, error) { return render(ctx, service, want) },
	})
}

// render makes the workflow, once Trello has shown that it will find what it needs with the credentials that it is given.
func render(ctx context.Context, service *trello.Service, want Options) (workflow.Document, error) {
	client, err := service.Open(ctx, want.TrelloURL, want.variables())
	if err != nil {
		return workflow.Document{}, err
	}
	if err := examine(ctx, client, want); err != nil {
		return workflow.Document{}, err
	}
	api, err := service.Base(want.TrelloURL)
	if err != nil {
		return workflow.Document{}, err
	}
	return document(want, api)
}

// document is the workflow that speaks to the API at that address.
func document(want Options, api string) (workflow.Document, error) {
	return want.Render(files, file, struct {
		Options
		API       string
		Variables trello.Variables
	}{want, api, want.variables()})
}

// examine looks at the credentials, the board and its lists.
func examine(ctx context.Context, client *trello.Client, want Options) error {
	if _, err := client.Me(ctx); err != nil {
		return fmt.Errorf("the credentials for Trello: %w", err)
	}
	lists, err := client.Lists(ctx, want.BoardID)
	if err != nil {
		return tracker.Missing(fmt.Errorf("the board %s: %w", want.BoardID, err), "boardId is the output of that name of a trello tool")
	}
	for _, l := range []struct{ option, id string }{
		{"todoListId", want.TodoListID}, {"doingListId", want.DoingListID}, {"doneListId", want.DoneListID},
	} {
		if !slices.ContainsFunc(lists, func(have trello.List) bool { return have.ID == l.id && !have.Closed }) {
			return fmt.Errorf("%s: the board %s has no list %s that is not archived", l.option, want.BoardID, l.id)
		}
	}
	return nil
}
