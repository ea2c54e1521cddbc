package trello

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/devstream-io/dtm/plugins"
)

// Member is a user of Trello.
type Member struct {
	ID       string `json:"id"`
	Username string `json:"username"`
}

// Board is a board. IDs are 24 hexadecimal digits, and later boards have greater ones.
type Board struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Description is the user's text, in Markdown.
	Description string `json:"desc"`
	// Closed tells whether the board is archived.
	Closed bool `json:"closed"`
	// URL is for browsers.
	URL string `json:"url"`
}

// boardFields are those of a [Board].
const boardFields = "id,name,desc,closed,url"

// List is a list of a board.
type List struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Closed tells whether the list is archived.
	Closed bool `json:"closed"`
}

// Change is what is to become of a board or a list. What is nil stays.
type Change struct {
	Name        *string
	Description *string // of boards alone
	Closed      *bool
}

// Empty tells whether nothing is to change.
func (c Change) Empty() bool { return c == Change{} }

func (c Change) values() url.Values {
	values := url.Values{}
	if c.Name != nil {
		values.Set("name", *c.Name)
	}
	if c.Description != nil {
		values.Set("desc", *c.Description)
	}
	if c.Closed != nil {
		values.Set("closed", strconv.FormatBool(*c.Closed))
	}
	return values
}

// Me is the user whose token it is.
func (c *Client) Me(ctx context.Context) (Member, error) {
	var m Member
	err := c.server.Call(ctx, http.MethodGet, "/members/me", url.Values{"fields": {"id,username"}}, &m)
	return m, err
}

// Boards are all boards of the user, the archived ones too, in no order.
func (c *Client) Boards(ctx context.Context) ([]Board, error) {
	var all []Board
	err := c.server.Call(ctx, http.MethodGet, "/members/me/boards", url.Values{"filter": {"all"}, "fields": {boardFields}}, &all)
	return all, err
}

// Board is the board of that id, archived or not.
func (c *Client) Board(ctx context.Context, id string) (Board, error) {
	var b Board
	err := c.server.Call(ctx, http.MethodGet, "/boards/"+url.PathEscape(id), url.Values{"fields": {boardFields}}, &b)
	return b, err
}

// CreateBoard makes a board that only its members see, without any list. Trello makes another one each time.
func (c *Client) CreateBoard(ctx context.Context, name, description string) (Board, error) {
	var b Board
	err := c.server.Call(ctx, http.MethodPost, "/boards", url.Values{
		"name": {name}, "desc": {description},
		"defaultLists": {"false"}, "prefs_permissionLevel": {"private"}, "prefs_selfJoin": {"true"}, "prefs_cardCovers": {"true"},
	}, &b)
	return b, err
}

// UpdateBoard changes a board.
func (c *Client) UpdateBoard(ctx context.Context, id string, change Change) (Board, error) {
	var b Board
	err := c.server.Call(ctx, http.MethodPut, "/boards/"+url.PathEscape(id), change.values(), &b)
	return b, err
}

// DeleteBoard removes a board with all of its cards. That it is gone is no error.
func (c *Client) DeleteBoard(ctx context.Context, id string) error {
	err := c.server.Call(ctx, http.MethodDelete, "/boards/"+url.PathEscape(id), nil, nil)
	if errors.Is(err, plugins.ErrNotFound) {
		return nil
	}
	return err
}

// Lists are the lists of a board, the archived ones too, from left to right.
func (c *Client) Lists(ctx context.Context, board string) ([]List, error) {
	var all []List
	err := c.server.Call(ctx, http.MethodGet, "/boards/"+url.PathEscape(board)+"/lists", url.Values{"filter": {"all"}, "fields": {"id,name,closed"}}, &all)
	return all, err
}

// CreateList makes a list at the right end of a board. Trello makes another one each time.
func (c *Client) CreateList(ctx context.Context, board, name string) (List, error) {
	var l List
	err := c.server.Call(ctx, http.MethodPost, "/lists", url.Values{"idBoard": {board}, "name": {name}, "pos": {"bottom"}}, &l)
	return l, err
}

// UpdateList changes a list.
func (c *Client) UpdateList(ctx context.Context, id string, change Change) (List, error) {
	var l List
	err := c.server.Call(ctx, http.MethodPut, "/lists/"+url.PathEscape(id), change.values(), &l)
	return l, err
}
