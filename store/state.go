package store

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/devstream-io/dtm/schema"
)

// State is the fold of a journal.
type State struct {
	// Serial is the Seq of the last entry; 0 if there is none.
	Serial uint64 `json:"serial"`
	// Lineage names the journal for ever: two stores with one lineage have one origin. Empty if the store does not exist.
	Lineage string `json:"lineage"`
	// Key is the key of the digests of secrets: random, or made of the old state that was taken over. It is no secret
	// itself in the sense that it opens nothing, but it is never shown. Empty if the store does not exist.
	Key []byte `json:"-"`
	// Tools are all tools that exist or may exist.
	Tools map[schema.ID]*Tool `json:"tools"`
}

// Tool is what is remembered of one tool.
type Tool struct {
	ID schema.ID `json:"id"`
	// Exists tells that an Applied or TakenOver was recorded; what follows is what it said. Without it there is only Doubt.
	Exists bool `json:"exists"`
	// DependsOn is what it waited for when it was applied, references included.
	DependsOn []schema.ID       `json:"dependsOn,omitempty"`
	Options   json.RawMessage   `json:"options,omitempty"`
	Digests   map[string]string `json:"digests,omitempty"`
	Resource  json.RawMessage   `json:"resource,omitempty"`
	// Lifecycle is how the tool is to be treated; nil for what schema.DefaultLifecycle says.
	Lifecycle *schema.Lifecycle `json:"lifecycle,omitempty"`
	// TakenOver tells that Resource has DevStream's shape.
	TakenOver bool `json:"takenOver,omitempty"`
	// Adopted tells that the tool was there before dtm knew of it, so that nobody knows whether it is as Options say.
	Adopted bool `json:"adopted,omitempty"`
	// Applied is when, Took how long the last verb ran.
	Applied time.Time     `json:"applied,omitzero"`
	Took    time.Duration `json:"took,omitempty"`
	// Doubt is the intent that has no good outcome: the process died, or the verb failed. Nil if all is known.
	Doubt *Doubt `json:"doubt,omitempty"`
	// Earlier are doubts about other options than Doubt's that came before it and are not settled either, oldest first.
	Earlier []*Doubt `json:"earlier,omitempty"`
}

// Doubt is a step that was begun and of which nobody knows how far it came.
type Doubt struct {
	Run string `json:"run"`
	// Action is what was begun.
	Action string `json:"action"`
	// Error is what the verb returned; empty if the process died.
	Error string `json:"error,omitempty"`
	// DependsOn, Options, Digests and Lifecycle are what was wanted, for a create or update.
	DependsOn []schema.ID       `json:"dependsOn,omitempty"`
	Options   json.RawMessage   `json:"options,omitempty"`
	Digests   map[string]string `json:"digests,omitempty"`
	Lifecycle *schema.Lifecycle `json:"lifecycle,omitempty"`
}

// NewState returns the state of a store that does not exist yet.
func NewState() *State { return &State{Tools: map[schema.ID]*Tool{}} }

// Clone returns a state that can be folded on while this one stays: Apply changes no Tool in place, so two maps are enough.
func (s *State) Clone() *State {
	out := *s
	out.Tools = maps.Clone(s.Tools)
	return &out
}

// IDs are the tools' IDs, sorted.
func (s *State) IDs() []schema.ID { return slices.Sorted(maps.Keys(s.Tools)) }

// Apply folds one entry into the state. It replaces the Tools it touches and changes none in place, so that a shallow
// copy of the map is a copy of the state.
func (s *State) Apply(e Entry) {
	s.Serial = e.Seq
	old := s.Tools[e.Tool]
	switch e.Kind {
	case Intent:
		t := &Tool{ID: e.Tool}
		if old != nil {
			*t = *old
		}
		d := &Doubt{Run: e.Run, Action: e.Action, DependsOn: e.DependsOn, Options: e.Options, Digests: e.Digests, Lifecycle: e.Lifecycle}
		t.Earlier = t.unsettled(d)
		t.Doubt = d
		s.Tools[e.Tool] = t
	case Failed:
		if old == nil || old.Doubt == nil {
			return
		}
		t, d := *old, *old.Doubt
		d.Error = e.Error
		t.Doubt = &d
		s.Tools[e.Tool] = &t
	case Applied, TakenOver:
		s.Tools[e.Tool] = &Tool{
			ID: e.Tool, Exists: true,
			DependsOn: e.DependsOn, Options: e.Options, Digests: e.Digests, Resource: e.Resource, Lifecycle: e.Lifecycle,
			TakenOver: e.Kind == TakenOver, Adopted: e.Action == ActionAdopt, Applied: e.Time, Took: e.Duration,
		}
	case Deleted, Forgotten:
		delete(s.Tools, e.Tool)
	case Moved:
		s.move(e.Tool, e.To)
	case Started, MorePlanned, Skipped, Finished:
	}
}

// unsettled are the doubts that stay when next begins: those about other options.
func (t *Tool) unsettled(next *Doubt) []*Doubt {
	var stay []*Doubt
	for _, d := range append(t.Earlier[:len(t.Earlier):len(t.Earlier)], t.Doubt) {
		if d != nil && d.Options != nil && !bytes.Equal(d.Options, next.Options) {
			stay = append(stay, d)
		}
	}
	return stay
}

// Doubts are all that is not settled, the newest first.
func (t *Tool) Doubts() []*Doubt {
	var all []*Doubt
	if t.Doubt != nil {
		all = append(all, t.Doubt)
	}
	for _, d := range slices.Backward(t.Earlier) {
		all = append(all, d)
	}
	return all
}

// move gives a tool another ID, also where others depend on it.
func (s *State) move(from, to schema.ID) {
	old := s.Tools[from]
	if old == nil || from == to {
		return
	}
	rename := func(ids []schema.ID) []schema.ID {
		if !slices.Contains(ids, from) {
			return ids
		}
		ids = slices.Clone(ids)
		for i, id := range ids {
			if id == from {
				ids[i] = to
			}
		}
		return ids
	}
	t := *old
	t.ID = to
	delete(s.Tools, from)
	s.Tools[to] = &t
	doubt := func(d *Doubt) *Doubt {
		if d == nil || !slices.Contains(d.DependsOn, from) {
			return d
		}
		changed := *d
		changed.DependsOn = rename(d.DependsOn)
		return &changed
	}
	for id, tool := range s.Tools {
		changed := *tool
		changed.DependsOn, changed.Doubt, changed.Earlier = rename(tool.DependsOn), doubt(tool.Doubt), nil
		for _, d := range tool.Earlier {
			changed.Earlier = append(changed.Earlier, doubt(d))
		}
		s.Tools[id] = &changed
	}
}

// Apply folds one entry of the run into its summary. The first entry, whatever its kind, gives the zero Run its identity.
func (r *Run) Apply(e Entry) {
	if r.First == 0 {
		r.ID, r.First, r.StartedAt = e.Run, e.Seq, e.Time
	}
	r.Last = e.Seq
	switch e.Kind {
	case Started:
		r.StartedAt, r.Command, r.Author, r.ConfigDigest = e.Time, e.Command, e.Author, e.ConfigDigest
		r.Version, r.Message = e.Version, e.Message
	case Applied:
		switch e.Action {
		case ActionCreate:
			r.Counts.Created++
		case ActionUpdate:
			r.Counts.Updated++
		case ActionReplace:
			r.Counts.Replaced++
		case ActionAdopt, ActionRefresh, ActionPush:
			r.Counts.Recorded++
		}
	case Forgotten, Moved:
		r.Counts.Recorded++
	case Deleted:
		// The first half of a replace is not a delete of its own.
		if e.Action != ActionReplace {
			r.Counts.Deleted++
		}
	case Failed:
		r.Counts.Failed++
	case Skipped:
		r.Counts.Skipped++
	case Finished:
		r.Result, r.Duration = e.Result, e.Duration
	case MorePlanned, Intent, TakenOver:
	}
}
