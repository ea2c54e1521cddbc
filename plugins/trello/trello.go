// Package trello manages a Trello board for a repository and its three lists.
//
// People work on a board: they rename it, write into its description, add lists and archive it. So a board is known by its
// ID, and where nothing was recorded by a mark in its description (board.go); lists are known by name, and by ID where they
// were renamed (lists.go). Cards are nobody's but the users': nothing here removes one, and what was archived is opened again
// instead of being made anew.
package trello

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/devstream-io/dtm/plugins"
	api "github.com/devstream-io/dtm/plugins/internal/trello"
)

//go:embed schema.cue
var schema string

// Options is #Options of schema.cue.
type Options struct {
	Owner           string `json:"owner"`
	Org             string `json:"org"`
	Repo            string `json:"repo"`
	KanbanBoardName string `json:"kanbanBoardName"`
	Lists           Lists  `json:"lists"`
	Adopt           bool   `json:"adopt"`
	OnDelete        string `json:"onDelete"`
	BaseURL         string `json:"baseURL"`
}

// Lists are the names of the lists.
type Lists struct {
	Todo  string `json:"todo"`
	Doing string `json:"doing"`
	Done  string `json:"done"`
}

// Resource is what exists. A list that is missing has neither an ID nor a name.
type Resource struct {
	BoardID     string `json:"boardId"`
	TodoListID  string `json:"todoListId"`
	DoingListID string `json:"doingListId"`
	DoneListID  string `json:"doneListId"`
	Name        string `json:"name"`
	Lists       Lists  `json:"lists"`
	// Marked tells whether the board's description says whose it is.
	Marked  bool    `json:"marked"`
	Outputs Outputs `json:"outputs"`
}

// Outputs is #Outputs of schema.cue.
type Outputs struct {
	BoardID     string `json:"boardId"`
	TodoListID  string `json:"todoListId"`
	DoingListID string `json:"doingListId"`
	DoneListID  string `json:"doneListId"`
	URL         string `json:"url"`
}

// New makes the plugin. Its boards are precious: nobody can make their cards again.
func New(env plugins.Env) plugins.Kind {
	kind := plugins.New("trello", schema, plugin{service: api.New(env)})
	kind.Precious = true
	return kind
}

type plugin struct {
	service *api.Service
}

var (
	_ plugins.Plugin[Options, Resource]    = plugin{}
	_ plugins.Successor[Options, Resource] = plugin{}
	_ plugins.Identifier[Options]          = plugin{}
)

// Identity is the repository that the board is for, on Trello's server: there is one board for each.
func (p plugin) Identity(o Options) string {
	if o.Repo == "" || o.account() == "" {
		return ""
	}
	return p.service.Host(o.BaseURL) + "/" + strings.ToLower(o.repository())
}

// Create makes the board and its lists. One that an interrupted Create left, or that was archived, is taken instead.
func (p plugin) Create(ctx context.Context, want Options) (Resource, error) {
	return p.put(ctx, want, Options{}, Resource{})
}

// Read looks at the board, whatever it is called by now. One that is archived is gone.
func (p plugin) Read(ctx context.Context, want Options, last Resource) (Resource, error) {
	client, err := p.service.Open(ctx, want.BaseURL, api.Usual())
	if err != nil {
		return Resource{}, err
	}
	found, err := find(ctx, client, last.BoardID, want)
	if err != nil {
		return Resource{}, err
	}
	if found.board == nil || found.board.Closed {
		return Resource{}, fmt.Errorf("trello board %q: %w", want.name(), plugins.ErrNotFound)
	}
	lists, err := client.Lists(ctx, found.board.ID)
	if err != nil {
		return Resource{}, err
	}
	return resource(*found.board, seen(lists, want.Lists, last)), nil
}

// Update renames the board and its lists, and makes what is missing. Nothing is removed.
func (p plugin) Update(ctx context.Context, want, have Options, last Resource) (Resource, error) {
	return p.put(ctx, want, have, last)
}

// Delete archives the board, or removes it, as it is wished for.
func (p plugin) Delete(ctx context.Context, have Options, last Resource) error {
	if have.OnDelete == "keep" {
		return ctx.Err()
	}
	client, err := p.service.Open(ctx, have.BaseURL, api.Usual())
	if err != nil {
		return err
	}
	found, err := find(ctx, client, last.BoardID, have)
	if err != nil || found.board == nil {
		return err
	}
	if have.OnDelete == "delete" {
		return client.DeleteBoard(ctx, found.board.ID)
	}
	if found.board.Closed {
		return nil
	}
	closed := true
	_, err = client.UpdateBoard(ctx, found.board.ID, api.Change{Closed: &closed})
	if errors.Is(err, plugins.ErrNotFound) {
		return nil
	}
	return err
}

// Succeed takes over DevStream's resource, which has the IDs. The rest is what the board is like now.
func (p plugin) Succeed(ctx context.Context, have Options, old []byte) (Resource, error) {
	var was Resource
	if err := json.Unmarshal(old, &was); err != nil {
		return Resource{}, fmt.Errorf("resource of DevStream: %w", err)
	}
	found, err := p.Read(ctx, have, was)
	if errors.Is(err, plugins.ErrNotFound) {
		return was, nil
	}
	return found, err
}

// put makes the board and its lists into what is wanted.
func (p plugin) put(ctx context.Context, want, have Options, last Resource) (Resource, error) {
	if err := check(want); err != nil {
		return Resource{}, err
	}
	client, err := p.service.Open(ctx, want.BaseURL, api.Usual())
	if err != nil {
		return Resource{}, err
	}
	found, err := find(ctx, client, last.BoardID, want, have)
	if err != nil {
		return Resource{}, err
	}
	board, err := bring(ctx, client, found, want)
	if err != nil {
		return Resource{}, err
	}
	lists, err := bringLists(ctx, client, board.ID, want.Lists, have.Lists, last)
	if err != nil {
		return Resource{}, err
	}
	return resource(board, lists), nil
}

// resource is the one place that says what a board looks like in the journal.
func resource(b api.Board, lists [3]api.List) Resource {
	return Resource{
		BoardID: b.ID, TodoListID: lists[0].ID, DoingListID: lists[1].ID, DoneListID: lists[2].ID,
		Name:   b.Name,
		Lists:  Lists{Todo: lists[0].Name, Doing: lists[1].Name, Done: lists[2].Name},
		Marked: isMarked(b.Description),
		Outputs: Outputs{
			BoardID: b.ID, TodoListID: lists[0].ID, DoingListID: lists[1].ID, DoneListID: lists[2].ID,
			URL: b.URL,
		},
	}
}

// account is who owns the repository.
func (o Options) account() string {
	if o.Org != "" {
		return o.Org
	}
	return o.Owner
}

func (o Options) repository() string { return o.account() + "/" + o.Repo }

// name is what the board is to be called.
func (o Options) name() string {
	if o.KanbanBoardName != "" {
		return o.KanbanBoardName
	}
	return o.repository()
}

// check refuses what must not even be tried.
func check(o Options) error {
	l := o.Lists
	switch {
	case o.account() == "":
		return errors.New("neither owner nor org is given")
	case l.Todo == l.Doing || l.Doing == l.Done || l.Done == l.Todo:
		return errors.New("two of the lists have the same name")
	}
	return nil
}
