package engine

import (
	"encoding/json"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// PlanFormat is the version of the document that MarshalJSON makes. Fields may be added within a major version.
const PlanFormat = "1.0"

type planDocument struct {
	FormatVersion string           `json:"formatVersion"`
	Serial        uint64           `json:"serial"`
	Lineage       string           `json:"lineage"`
	Changes       []changeDocument `json:"changes"`
	Errors        []errorDocument  `json:"errors"`
	LeftOut       []schema.ID      `json:"leftOut,omitempty"`
	Notes         []noteDocument   `json:"notes,omitempty"`
	Summary       PlanSummary      `json:"summary"`
}

type noteDocument struct {
	At      string `json:"at"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
}

type changeDocument struct {
	ID        schema.ID         `json:"id"`
	Plugin    string            `json:"plugin"`
	Instance  string            `json:"instance"`
	Action    string            `json:"action"`
	Reason    string            `json:"reason"`
	Before    json.RawMessage   `json:"before"`
	After     json.RawMessage   `json:"after"`
	Diff      []store.FieldDiff `json:"diff"`
	DependsOn []schema.ID       `json:"dependsOn"`
	Unknown   []string          `json:"unknown"`
	// RecordOnly tells that nothing in the world changes.
	RecordOnly bool             `json:"recordOnly,omitempty"`
	Preview    *plugins.Preview `json:"preview,omitempty"`
	Doubts     []doubtDocument  `json:"doubts,omitempty"`
}

type doubtDocument struct {
	Run    string `json:"run"`
	Action string `json:"action"`
	Error  string `json:"error,omitempty"`
}

type errorDocument struct {
	ID      schema.ID `json:"id"`
	Message string    `json:"message"`
}

// MarshalJSON is the document that other programs read; schema/plan.cue says what is in it as #Plan. It holds no secret,
// and its order is the plan's.
func (p *Plan) MarshalJSON() ([]byte, error) {
	doc := planDocument{
		FormatVersion: PlanFormat, Serial: p.Serial, Lineage: p.Lineage, Summary: p.Summary(), LeftOut: p.LeftOut,
		Changes: make([]changeDocument, len(p.Changes)), Errors: make([]errorDocument, len(p.Errors)),
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		d := changeDocument{
			ID: c.ID, Plugin: c.ID.Plugin(), Instance: c.ID.Instance(), Action: c.Action.String(), Reason: c.Reason,
			After: c.After, Diff: list(c.Diff), DependsOn: list(c.DependsOn), Unknown: list(c.Unknown),
			RecordOnly: c.recordOnly, Preview: c.Preview,
		}
		if c.Have != nil && c.Have.Exists {
			d.Before = c.Have.Options
		}
		if c.Have != nil {
			for _, doubt := range c.Have.Doubts() {
				d.Doubts = append(d.Doubts, doubtDocument{Run: doubt.Run, Action: doubt.Action, Error: doubt.Error})
			}
		}
		doc.Changes[i] = d
	}
	if p.config != nil {
		for _, n := range p.config.Notes {
			doc.Notes = append(doc.Notes, noteDocument{At: n.Pos.String(), Path: n.Path, Message: n.Msg})
		}
	}
	for i, e := range p.Errors {
		doc.Errors[i] = errorDocument{ID: e.ID, Message: e.Err.Error()}
	}
	return encodeTree(doc)
}

// list is never null in JSON.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
