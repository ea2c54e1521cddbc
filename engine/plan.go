package engine

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/devstream-io/dtm/graph"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// Plan says what would be done. It is passive data: nothing in it changes once it is made.
type Plan struct {
	// Serial and Lineage are the state's that the plan was made from.
	Serial  uint64
	Lineage string
	// Changes has every tool, also those that stay as they are, in an order in which the changes could be done one by
	// one. The order is the same for the same input.
	Changes []Change
	// Errors are the tools that could not be read. They are not planned.
	Errors []ToolError
	// InDoubt are recorded tools that were not compared because a change of theirs has no good outcome, sorted. It is told
	// where only what exists is compared.
	InDoubt []schema.ID
	// LeftOut are the tools that the selection leaves out, sorted.
	LeftOut []schema.ID

	state  *store.State
	config *schema.Config
	order  *graph.Graph
	// kept are the things that tools have and are to have.
	kept map[thing]schema.ID
	// handed are tools that leave the record and the tools that have taken what they managed.
	handed map[schema.ID]schema.ID
	key    []byte
}

// Change is what would happen to one tool.
type Change struct {
	ID     schema.ID
	Action Action
	// Reason is for people, as it stands behind "Tool (plugin/instance) ". Nothing decides by it.
	Reason string
	// Want is what the configuration says; nil for a delete.
	Want *schema.Tool
	// Have is what is recorded; nil if nothing is.
	Have *store.Tool
	// After are the sealed options as they will be, with references where something is not known yet; nil for a delete.
	After json.RawMessage
	// Diff are the fields that change, for people; none for a delete.
	Diff []store.FieldDiff
	// DependsOn is what the tool waits for; for a delete, what it was recorded as waiting for.
	DependsOn []schema.ID
	// Unknown are the paths in After that are known only after other tools were applied.
	Unknown []string
	// Preview is what would be done inside the tool, for people; nil where nobody was asked. Nothing decides by it.
	Preview *plugins.Preview

	// current is the resource as it was read, or as it is recorded where it was not read.
	current json.RawMessage
	// promised is the resource whose outputs those that refer to the tool were planned with; nil where they are unknown.
	promised json.RawMessage
	// drift is how what exists differs from what was left.
	drift []store.FieldDiff
	// given are the filled options of a tool of which nothing is recorded.
	given json.RawMessage
	// parted says that the delete of a replace is a step of its own.
	parted bool
	// recordOnly says that no verb is needed.
	recordOnly bool
	// circular says that it waits for a tool that waits for it, to pass things on, so that nothing orders the two.
	circular bool
	// refresh says that what exists is recorded as what is meant to be.
	refresh bool
}

// RecordOnly tells whether only the record changes, and nothing in the world.
func (c *Change) RecordOnly() bool { return c.recordOnly }

// recorded is what was applied, or what was begun where nothing was applied.
func recorded(have *store.Tool) sealed {
	if !have.Exists && have.Doubt != nil {
		return sealed{have.Doubt.Options, have.Doubt.Digests}
	}
	return sealed{have.Options, have.Digests}
}

// ToolError is an error with one tool.
type ToolError struct {
	ID  schema.ID
	Err error
}

func (e *ToolError) Error() string { return fmt.Sprintf("%s: %v", e.ID, e.Err) }

// Unwrap is the error itself.
func (e *ToolError) Unwrap() error { return e.Err }

// Empty tells whether there is nothing to do and nothing went wrong. This is the one place that knows.
func (p *Plan) Empty() bool { return p.Count() == 0 && len(p.Errors) == 0 }

// Count is how many changes there are.
func (p *Plan) Count() int {
	s := p.Summary()
	return s.Create + s.Update + s.Replace + s.Delete
}

// PlanSummary counts changes by action.
type PlanSummary struct {
	Create    int `json:"create"`
	Update    int `json:"update"`
	Replace   int `json:"replace"`
	Delete    int `json:"delete"`
	Unchanged int `json:"unchanged"`
}

// Summary counts the changes.
func (p *Plan) Summary() PlanSummary {
	var s PlanSummary
	for i := range p.Changes {
		switch p.Changes[i].Action {
		case Create:
			s.Create++
		case Update:
			s.Update++
		case Replace:
			s.Replace++
		case Delete:
			s.Delete++
		case NoOp:
			s.Unchanged++
		}
	}
	return s
}

// PlanOptions say how a plan is made.
type PlanOptions struct {
	// AllowEmpty is the explicit word that a configuration without tools means to delete all of them.
	AllowEmpty bool
	// Keep are recorded tools that stay as they are though the configuration does not have them. Nil keeps none.
	Keep func(schema.ID) bool
	// Selection is what the plan is about; all tools if it is empty.
	Selection Selection
	// Refresh says what is read.
	Refresh Refresh
	// Orphans are tools that are to be deleted as well though nothing is recorded of them: Delete is called with their
	// options. References in them cannot be resolved.
	Orphans []schema.Tool
}

// Refresh says what a plan reads of the world.
type Refresh string

const (
	// RefreshAll compares what exists with what was left. It is the zero value's meaning.
	RefreshAll Refresh = "all"
	// RefreshNone takes the record's word for everything, and asks for no previews either.
	RefreshNone Refresh = "none"
	// RefreshOnly changes the record alone: what exists becomes what is meant to be, what is gone is forgotten.
	RefreshOnly Refresh = "only"
)

// ErrNoTools says that the configuration has no tools though some are recorded.
var ErrNoTools = errors.New("the configuration has no tools, and applying it would delete everything that is recorded")

// Plan compares the configuration with the state and with what exists. A tool that cannot be read is in Plan.Errors; the
// others are planned all the same, and a plugin that cannot preview a change leaves a note at it. With a [*ProtectedError]
// comes the plan that is refused, to be shown; all other errors come alone.
func (e *Engine) Plan(ctx context.Context, config *schema.Config, state *store.State, opt PlanOptions) (*Plan, error) {
	if len(config.Tools) == 0 && len(state.Tools) > 0 && !opt.AllowEmpty && opt.Refresh != RefreshOnly {
		return nil, ErrNoTools
	}
	wanted, err := Graph(config)
	if err != nil {
		return nil, err
	}
	ctx = plugins.WithRedact(plugins.WithConceal(ctx, e.secrets.remember), e.secrets.hide)
	p := &Plan{Serial: state.Serial, Lineage: state.Lineage, state: state, config: config, key: state.Key}
	if p.key == nil {
		p.key = make([]byte, 32)
		if _, err := rand.Read(p.key); err != nil {
			return nil, err
		}
	}
	m := &planner{
		engine: e, plan: p, config: config, state: state, refresh: opt.Refresh,
		tools:   make(map[schema.ID]*schema.Tool, len(config.Tools)),
		changes: make(map[schema.ID]*Change, len(config.Tools)),
	}
	for i := range config.Tools {
		m.tools[config.Tools[i].ID] = &config.Tools[i]
	}
	m.state = m.withOrphans(opt.Orphans)
	if err := m.selectTools(opt.Selection); err != nil {
		return nil, err
	}
	if err := m.checkEnv(); err != nil {
		return nil, err
	}
	if err := m.readAll(ctx); err != nil {
		return nil, err
	}
	if opt.Refresh == RefreshOnly {
		return p, m.planRefresh()
	}
	for _, id := range wanted.Order() {
		if !m.selected(schema.ID(id)) {
			continue
		}
		if err := m.decideWanted(m.tools[schema.ID(id)]); err != nil {
			return nil, err
		}
	}
	for _, id := range m.state.IDs() {
		if m.selected(id) && m.tools[id] == nil && (opt.Keep == nil || !opt.Keep(id)) {
			m.decideUnwanted(m.state.Tools[id])
		}
	}
	m.keepNeeded()
	if err := m.identify(ctx); err != nil {
		return nil, err
	}
	if err := m.checkSelection(); err != nil {
		return nil, err
	}
	refused := m.protect()
	if err := m.arrange(); err != nil {
		return nil, err
	}
	if err := m.validateAll(ctx); err != nil {
		return nil, err
	}
	if err := m.previewAll(ctx); err != nil {
		return nil, err
	}
	return p, refused
}

// Graph is the graph of a configuration: references are edges. A cycle is a [schema.Errors] at the place of its first tool.
func Graph(config *schema.Config) (*graph.Graph, error) {
	nodes := make([]graph.Node, len(config.Tools))
	for i := range config.Tools {
		nodes[i] = graph.Node{ID: string(config.Tools[i].ID), Needs: texts(config.Tools[i].Needs())}
	}
	g, err := graph.New(nodes)
	if err == nil {
		return g, nil
	}
	var errs schema.Errors
	for _, err := range unjoin(err) {
		var pos schema.Pos
		var cycle *graph.CycleError
		if errors.As(err, &cycle) {
			for i := range config.Tools {
				if string(config.Tools[i].ID) == cycle.Path[0] {
					pos = config.Tools[i].Pos
				}
			}
		}
		errs.Add(pos, "", err.Error(), "")
	}
	return nil, errs.Err()
}

func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

func texts(ids []schema.ID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out
}

// withOrphans is the state as if the orphans were recorded.
func (m *planner) withOrphans(orphans []schema.Tool) *store.State {
	if len(orphans) == 0 {
		return m.state
	}
	out := *m.state
	out.Tools = make(map[schema.ID]*store.Tool, len(m.state.Tools)+len(orphans))
	maps.Copy(out.Tools, m.state.Tools)
	m.given = map[schema.ID]json.RawMessage{}
	for i := range orphans {
		t := &orphans[i]
		if out.Tools[t.ID] != nil {
			continue
		}
		filled, unknown, err := fill(t.Options, func(schema.Reference) (any, bool, error) { return nil, false, nil })
		if err != nil {
			m.fail(t.ID, err)
			continue
		}
		options, err := m.engine.seal(m.engine.Definition(t.ID.Plugin()), filled, unknown, m.plan.key)
		if err != nil {
			m.fail(t.ID, err)
			continue
		}
		out.Tools[t.ID] = &store.Tool{ID: t.ID, Exists: true, DependsOn: t.Needs(), Options: options.options, Lifecycle: recordedLifecycle(t.Lifecycle)}
		m.given[t.ID] = filled
	}
	return &out
}
