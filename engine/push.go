package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// StateFormat is the version of the document that NewStateDocument makes.
const StateFormat = "1.0"

// StateDocument is a state as one document, for people who have to look at it or to mend it; schema/state.cue says what
// is in it as #StateDocument. It has no secret, and not the key of the digests of secrets.
type StateDocument struct {
	FormatVersion string        `json:"formatVersion"`
	Serial        uint64        `json:"serial"`
	Lineage       string        `json:"lineage"`
	Tools         []*store.Tool `json:"tools"`
}

// NewStateDocument is the document of a state. It shares the state's tools.
func NewStateDocument(state *store.State) StateDocument {
	doc := StateDocument{FormatVersion: StateFormat, Serial: state.Serial, Lineage: state.Lineage, Tools: []*store.Tool{}}
	for _, id := range state.IDs() {
		doc.Tools = append(doc.Tools, state.Tools[id])
	}
	return doc
}

// ErrPush is wrapped when a document is not one of the present state or of a later one.
var ErrPush = errors.New("the document does not fit the state")

// Push records what a document says. Without force it must be of the same lineage and not older than the state.
func Push(doc StateDocument, force bool) Amendment {
	return func(_ context.Context, state *store.State) ([]store.Entry, error) {
		switch {
		case force:
		case doc.Lineage != state.Lineage:
			return nil, fmt.Errorf("%w: it is of another one (lineage %s, here %s)", ErrPush, orNone(doc.Lineage), orNone(state.Lineage))
		case doc.Serial < state.Serial:
			return nil, fmt.Errorf("%w: it is of entry %d, and the state is at %d", ErrPush, doc.Serial, state.Serial)
		}
		wanted := make(map[schema.ID]bool, len(doc.Tools))
		var entries []store.Entry
		for _, t := range doc.Tools {
			if wanted[t.ID] {
				return nil, fmt.Errorf("%w: it has %s twice", ErrPush, t.ID)
			}
			wanted[t.ID] = true
			same, err := sameTool(t, state.Tools[t.ID])
			if err != nil {
				return nil, err
			}
			if !same {
				entries = append(entries, pushed(t, state.Tools[t.ID] != nil)...)
			}
		}
		for _, id := range state.IDs() {
			if !wanted[id] {
				entries = append(entries, store.Entry{Kind: store.Forgotten, Tool: id, Action: store.ActionForget})
			}
		}
		return entries, nil
	}
}

func sameTool(a, b *store.Tool) (bool, error) {
	if b == nil {
		return false, nil
	}
	x, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	y, err := json.Marshal(b)
	if err != nil {
		return false, err
	}
	s, errS := decodeTree(x)
	t, errT := decodeTree(y)
	return reflect.DeepEqual(s, t), errors.Join(errS, errT)
}

// pushed are the entries whose fold is the tool.
func pushed(t *store.Tool, there bool) []store.Entry {
	var entries []store.Entry
	switch {
	case t.Exists:
		e := store.Entry{
			Kind: store.Applied, Action: store.ActionPush, Tool: t.ID, DependsOn: t.DependsOn, Options: t.Options,
			Digests: t.Digests, Resource: t.Resource, Lifecycle: t.Lifecycle, Duration: t.Took,
		}
		if t.TakenOver {
			e.Kind = store.TakenOver
		}
		if t.Adopted {
			e.Action = store.ActionAdopt
		}
		entries = append(entries, e)
	case there:
		entries = append(entries, store.Entry{Kind: store.Forgotten, Tool: t.ID, Action: store.ActionForget})
	}
	for _, d := range slices.Backward(t.Doubts()) {
		entries = append(entries, doubted(t.ID, d)...)
	}
	return entries
}

// doubted are the entries whose fold is the doubt.
func doubted(id schema.ID, d *store.Doubt) []store.Entry {
	entries := []store.Entry{{
		Kind: store.Intent, Action: d.Action, Tool: id, DependsOn: d.DependsOn, Options: d.Options, Digests: d.Digests,
		Lifecycle: d.Lifecycle,
	}}
	if d.Error != "" {
		entries = append(entries, store.Entry{Kind: store.Failed, Action: d.Action, Tool: id, Error: d.Error})
	}
	return entries
}
