package trello

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/plugins"
	api "github.com/devstream-io/dtm/plugins/internal/trello"
)

// A board's description has a line that says for which repository it is, so that it is found again when nothing was
// recorded. What counts in it are letters and digits alone: Trello's editor rewrites the rest as it likes.
var anyMark = regexp.MustCompile(`(?m)^.*\bdtm-[0-9a-f]{16}\b.*$`)

func mark(o Options) string {
	sum := sha256.Sum256([]byte(strings.ToLower(o.repository())))
	return "dtm-" + hex.EncodeToString(sum[:8])
}

// devStream is how DevStream's descriptions begin; the repository follows.
const devStream = "Description is managed by DevStream, please don't modify. "

func isMarked(description string) bool {
	return anyMark.MatchString(description) || strings.HasPrefix(description, devStream)
}

// belongs tells whether a board's description says that it is the one for these options.
func belongs(b api.Board, o Options) bool {
	if o.Repo == "" {
		return false
	}
	if strings.Contains(b.Description, mark(o)) {
		return true
	}
	// DevStream knew the owner alone, also where there was an organisation.
	name := cmp.Or(o.KanbanBoardName, o.Owner+"/"+o.Repo)
	return b.Description == devStream+o.Owner+"/"+o.Repo && b.Name == name
}

// describe is a description with the mark of o in it. What else people have written stays.
func describe(description string, o Options) string {
	if strings.Contains(description, mark(o)) {
		return description
	}
	if strings.HasPrefix(description, devStream) {
		description = ""
	}
	description = strings.TrimSpace(anyMark.ReplaceAllString(description, ""))
	line := fmt.Sprintf("Managed by dtm for %s: please keep this line (%s).", o.repository(), mark(o))
	if description == "" {
		return line
	}
	return description + "\n\n" + line
}

// found is what a search for a board has come to.
type found struct {
	// board is nil if there is none. It may be archived.
	board *api.Board
	// others are all boards of the user. They are nil where the recorded one was there.
	others []api.Board
}

// find looks for the board with that ID, and else for one that belongs to any of these options: an open one, or else the
// one that was archived last.
func find(ctx context.Context, client *api.Client, id string, wishes ...Options) (found, error) {
	var recorded *api.Board
	if id != "" {
		b, err := client.Board(ctx, id)
		switch {
		case err == nil && !b.Closed:
			return found{board: &b}, nil
		case err == nil:
			recorded = &b
		case !errors.Is(err, plugins.ErrNotFound):
			return found{}, err
		}
	}
	boards, err := client.Boards(ctx)
	if err != nil {
		return found{}, err
	}
	f := found{board: recorded, others: boards}
	var ours []api.Board
	for _, b := range boards {
		if slices.ContainsFunc(wishes, func(o Options) bool { return belongs(b, o) }) {
			ours = append(ours, b)
		}
	}
	slices.SortFunc(ours, func(a, b api.Board) int { return cmp.Compare(a.ID, b.ID) })
	if i := slices.IndexFunc(ours, func(b api.Board) bool { return !b.Closed }); i >= 0 {
		f.board = &ours[i]
	} else if recorded == nil && len(ours) > 0 {
		f.board = &ours[len(ours)-1]
	}
	return f, nil
}

// bring makes the board that was found, or a new one, into what is wanted.
func bring(ctx context.Context, client *api.Client, f found, want Options) (api.Board, error) {
	if f.board == nil {
		namesake, err := f.namesake(want)
		if err != nil {
			return api.Board{}, err
		}
		if namesake == nil {
			return client.CreateBoard(ctx, want.name(), describe("", want))
		}
		f.board = namesake
	}
	var change api.Change
	if name := want.name(); f.board.Name != name {
		change.Name = &name
	}
	if text := describe(f.board.Description, want); text != f.board.Description {
		change.Description = &text
	}
	if f.board.Closed {
		plugins.Report(ctx, "the board was archived and is opened again")
		closed := false
		change.Closed = &closed
	}
	if change.Empty() {
		return *f.board, nil
	}
	return client.UpdateBoard(ctx, f.board.ID, change)
}

// namesake is the board of the wanted name that is to be taken over, nil if there is none. That there is one which may not
// be is an error.
func (f found) namesake(want Options) (*api.Board, error) {
	var same []api.Board
	for _, b := range f.others {
		if b.Name == want.name() && !b.Closed && !anyMark.MatchString(b.Description) {
			same = append(same, b)
		}
	}
	switch {
	case len(same) == 0:
		return nil, nil
	case !want.Adopt:
		return nil, plugins.Hinted(fmt.Errorf("there is a board called %q already, and dtm has not made it: %s", want.name(), same[0].URL),
			"set adopt: true to take it over, or choose another kanbanBoardName")
	case len(same) > 1:
		return nil, plugins.Hinted(fmt.Errorf("there are %d boards called %q", len(same), want.name()),
			"rename those that are not to be taken over")
	}
	return &same[0], nil
}
