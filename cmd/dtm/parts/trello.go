package parts

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A TrelloBoard is a board as it is, with its lists from left to right.
type TrelloBoard struct {
	ID, Name, Desc string
	Closed         bool
	Lists          []TrelloList
	// permission is prefs.permissionLevel.
	permission string
}

// A TrelloList is a list with its cards from top to bottom.
type TrelloList struct {
	ID, Name string
	Closed   bool
	Cards    []TrelloCard
}

// A TrelloCard is a card with its comments, the oldest first.
type TrelloCard struct {
	ID, Name, Desc string
	Closed         bool
	Comments       []TrelloComment
}

// A TrelloComment is what somebody wrote on a card. Trello calls it an action.
type TrelloComment struct{ ID, Text string }

// A Kanban is a stand-in for Trello on the loopback: one user with boards, lists, cards and comments that stay what requests
// have made of them. It is strict: a request with a parameter that Trello's reference does not have for it, or with a value
// that is not allowed, is answered as Trello does and fails the test; so does one with credentials in its address.
//
// What is allowed is written down by hand in trello_rules.go, from https://developer.atlassian.com/cloud/trello/rest/.
//
// Its methods may be called by many goroutines at the same time, and while clients ask.
type Kanban struct {
	troubles

	// URL is the address of the API, without the "/1": what TRELLO_API_URL is set to.
	URL string
	// Key and Token are those of the only user.
	Key, Token string

	t testing.TB

	mu     sync.Mutex
	last   int // the number of the last ID
	boards []*TrelloBoard
}

// Trello serves a Trello with no board until the test ends.
func Trello(t testing.TB) *Kanban {
	t.Helper()
	k := &Kanban{
		t:     t,
		Key:   "0123456789abcdef0123456789abcdef",
		Token: "ATTA" + strings.Repeat("5ec2e7", 10),
	}
	server := httptest.NewUnstartedServer(k)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // cut connections are meant
	server.Start()
	t.Cleanup(server.Close)
	k.URL = server.URL
	return k
}

// Getenv is the environment that a user of this Trello has.
func (k *Kanban) Getenv(name string) string {
	return map[string]string{"TRELLO_API_URL": k.URL, "TRELLO_API_KEY": k.Key, "TRELLO_TOKEN": k.Token}[name]
}

// Boards are copies of all boards, archived ones too, the oldest first.
func (k *Kanban) Boards() []TrelloBoard {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []TrelloBoard
	for _, b := range k.boards {
		all = append(all, b.copy())
	}
	return all
}

// Board is a copy of the board with that ID.
func (k *Kanban) Board(id string) (board TrelloBoard, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if b := k.board(id); b != nil {
		return b.copy(), true
	}
	return TrelloBoard{}, false
}

// AddBoard makes a board as somebody in the browser does, with lists of these names, and returns its ID.
func (k *Kanban) AddBoard(name, desc string, lists ...string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	b := &TrelloBoard{ID: k.id(), Name: name, Desc: desc, permission: "private"}
	for _, l := range lists {
		b.Lists = append(b.Lists, TrelloList{ID: k.id(), Name: l})
	}
	k.boards = append(k.boards, b)
	return b.ID
}

// Edit lets somebody in the browser change a board. Lists and cards that change adds get IDs.
func (k *Kanban) Edit(id string, change func(b *TrelloBoard)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	b := k.board(id)
	if b == nil {
		return fmt.Errorf("there is no board %s", id)
	}
	change(b)
	for i := range b.Lists {
		l := &b.Lists[i]
		if l.ID == "" {
			l.ID = k.id()
		}
		for j := range l.Cards {
			if l.Cards[j].ID == "" {
				l.Cards[j].ID = k.id()
			}
		}
	}
	return nil
}

// RemoveBoard lets somebody delete a board.
func (k *Kanban) RemoveBoard(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.boards = slices.DeleteFunc(k.boards, func(b *TrelloBoard) bool { return b.ID == id })
}

// ServeHTTP is how Trello answers.
func (k *Kanban) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.serve(w, r, http.HandlerFunc(k.answer))
}

func (k *Kanban) id() string {
	k.last++
	return fmt.Sprintf("64a0b1c2d3e4f5a6b7%06x", k.last)
}

func (k *Kanban) board(id string) *TrelloBoard {
	for _, b := range k.boards {
		if b.ID == id {
			return b
		}
	}
	return nil
}

func (k *Kanban) list(id string) (*TrelloBoard, *TrelloList) {
	for _, b := range k.boards {
		for i := range b.Lists {
			if b.Lists[i].ID == id {
				return b, &b.Lists[i]
			}
		}
	}
	return nil, nil
}

func (k *Kanban) card(id string) (*TrelloBoard, *TrelloList, *TrelloCard) {
	for _, b := range k.boards {
		for i := range b.Lists {
			for j := range b.Lists[i].Cards {
				if c := &b.Lists[i].Cards[j]; c.ID == id {
					return b, &b.Lists[i], c
				}
			}
		}
	}
	return nil, nil, nil
}

func (b *TrelloBoard) copy() TrelloBoard {
	c := *b
	c.Lists = slices.Clone(b.Lists)
	for i := range c.Lists {
		c.Lists[i].Cards = slices.Clone(c.Lists[i].Cards)
		for j := range c.Lists[i].Cards {
			c.Lists[i].Cards[j].Comments = slices.Clone(c.Lists[i].Cards[j].Comments)
		}
	}
	return c
}
