package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// planner is a plan in the making.
type planner struct {
	engine *Engine
	plan   *Plan
	config *schema.Config
	state  *store.State
	tools  map[schema.ID]*schema.Tool
	reads  map[schema.ID]reading
	// only are the tools that the plan is about; nil for all.
	only    map[schema.ID]bool
	refresh Refresh
	// changes are those that are decided.
	changes map[schema.ID]*Change
	// given are the filled options of the orphans.
	given map[schema.ID]json.RawMessage
	// after are tools that wait for others because these still hold the thing that they are to have.
	after map[schema.ID][]schema.ID
	// soft are the edges that may be left out; false for those that are.
	soft map[edge]bool
	// handed are tools that leave the record and the tools that have taken what they managed.
	handed map[schema.ID]schema.ID
}

// reading is what a Read has found.
type reading struct {
	resource json.RawMessage
	// left is what the last verb left, in the plugin's own shape; nil if nobody knows.
	left json.RawMessage
	gone bool
	err  error
}

// checkEnv tells all variables that are needed and not set, before anything runs.
func (m *planner) checkEnv() error {
	var errs schema.Errors
	for i := range m.config.Tools {
		t := &m.config.Tools[i]
		for _, r := range t.References {
			if r.Env == "" {
				continue
			}
			if _, ok := m.engine.LookupEnv(r.Env); !ok {
				err := &EnvError{Name: r.Env}
				errs.Add(t.Pos, "tools."+string(t.ID)+"."+r.Path, err.Error(), err.Hint())
			}
		}
	}
	return errs.Err()
}

// toRead tells whether a recorded tool is to be read. What was taken over is read in any case: nobody knows yet what there
// is of it. What is in doubt is read to be shown: it is done again whatever is found.
func (m *planner) toRead(t *store.Tool) bool {
	switch {
	case !m.selected(t.ID):
		return false
	case m.refresh == RefreshOnly:
		return t.Exists && t.Doubt == nil
	case m.refresh == RefreshNone && !t.TakenOver:
		return false
	}
	return m.tools[t.ID] != nil && (t.Exists || recorded(t).options != nil)
}

// readAll reads every tool that is to be read, in parallel.
func (m *planner) readAll(ctx context.Context) error {
	m.reads = map[schema.ID]reading{}
	var todo []*store.Tool
	for _, id := range m.state.IDs() {
		if t := m.state.Tools[id]; m.toRead(t) {
			todo = append(todo, t)
		}
	}
	results := make([]reading, len(todo))
	var group errgroup.Group
	group.SetLimit(m.engine.Parallel)
	var mu sync.Mutex
	done := 0
	for i, t := range todo {
		group.Go(func() error {
			results[i] = m.read(ctx, t)
			mu.Lock()
			defer mu.Unlock()
			done++
			m.engine.emit(Reading{Done: done, Total: len(todo)})
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("reading was interrupted: %w", err)
	}
	for i, t := range todo {
		if t.Doubt != nil && results[i].err != nil {
			continue // it is done again, read or not
		}
		m.reads[t.ID] = results[i]
		if results[i].err != nil {
			m.plan.Errors = append(m.plan.Errors, ToolError{ID: t.ID, Err: results[i].err})
		}
	}
	return nil
}

// read asks the plugin for what exists. It is asked with the options that were applied, for that is what would exist.
func (m *planner) read(ctx context.Context, t *store.Tool) reading {
	if err := ctx.Err(); err != nil {
		return reading{err: err}
	}
	kind, ok := m.engine.Plugins[t.ID.Plugin()]
	if !ok {
		return reading{err: unknownPlugin(t.ID)}
	}
	var wanted json.RawMessage
	lifecycle := lifecycleOf(t)
	if want := m.tools[t.ID]; want != nil {
		// A timeout that was too short to read could never be made longer if the recorded one held.
		lifecycle = want.Lifecycle
		var err error
		if wanted, _, err = fill(want.Options, m.remembered); err != nil {
			return reading{err: err}
		}
	}
	options, err := m.engine.open(m.engine.Definition(t.ID.Plugin()), recorded(t).options, wanted)
	if err != nil {
		return reading{err: err}
	}
	left := t.Resource
	if t.TakenOver && len(left) > 0 { // nobody knows what was left of a tool without a resource
		if left, err = m.engine.inheritance(t); err == nil {
			left, err = kind.Succeed(ctx, options, left)
		}
		if err != nil {
			return reading{err: m.engine.secrets.redact(err)}
		}
	}
	ctx, end := m.engine.listen(ctx, t.ID, NoOp)
	defer end()
	var resource json.RawMessage
	err = attempts{Lifecycle: lifecycle}.do(ctx, func(ctx context.Context) error {
		var err error
		resource, err = kind.Read(ctx, options, left)
		return err
	})
	if errors.Is(err, plugins.ErrNotFound) {
		return reading{gone: true}
	}
	return reading{resource: resource, left: left, err: m.engine.secrets.redact(err)}
}

// remembered is what references mean before anything is decided: what is recorded.
func (m *planner) remembered(ref schema.Reference) (any, bool, error) {
	have := m.state.Tools[ref.Tool]
	if have == nil || !have.Exists {
		return nil, false, nil
	}
	v, known, err := output(have.Resource, ref)
	if err != nil {
		return nil, false, nil // of no use here, and told when the tool is planned
	}
	return v, known, nil
}

// decideWanted decides about a tool of the configuration. What it depends on is decided already.
func (m *planner) decideWanted(t *schema.Tool) error {
	have := m.state.Tools[t.ID]
	c := &Change{ID: t.ID, Want: t, Have: have, DependsOn: t.Needs()}
	r := m.reads[t.ID]
	if r.err != nil {
		return nil
	}
	if _, ok := m.engine.Plugins[t.ID.Plugin()]; !ok {
		m.fail(t.ID, unknownPlugin(t.ID)) // a configuration of former times may have such a tool
		return nil
	}
	if err := lostSecret(t); err != nil {
		return err
	}
	def := m.engine.Definition(t.ID.Plugin())
	filled, unknown, err := fill(t.Options, m.outputs)
	if err != nil {
		m.fail(t.ID, err)
		return nil
	}
	if filled, unknown, err = ignore(t.Lifecycle, have, filled, unknown); err != nil {
		return fmt.Errorf("%s: %w", t.ID, err)
	}
	want, err := m.engine.seal(def, filled, unknown, m.plan.key)
	if err != nil {
		m.fail(t.ID, err)
		return nil
	}
	c.After, c.Unknown = want.options, unknown
	s := situation{wanted: true, needs: c.DependsOn, have: have, gone: r.gone, there: r.resource != nil}
	if have != nil && have.Exists {
		s.lifecycle = !t.Lifecycle.Equal(lifecycleOf(have))
		if !have.TakenOver {
			c.current = have.Resource
		}
		if r.resource != nil {
			c.current = r.resource
			// Before is what is there, After what was left and will be again. What DevStream left may be in a shape that
			// the plugin does not know; then what is there counts.
			if r.left != nil {
				if s.resource, err = diffResources(r.resource, r.left); err != nil {
					return fmt.Errorf("%s: %w", t.ID, err)
				}
			}
		}
	}
	if have != nil && (have.Exists || recorded(have).options != nil) {
		if s.options, err = diffOptions(def, recorded(have), want, unknown); err != nil {
			return fmt.Errorf("%s: %w", t.ID, err)
		}
	}
	s.options, s.resource = heeded(t.Lifecycle, have, s.options), heeded(t.Lifecycle, have, s.resource)
	c.drift = s.resource
	c.Action, c.Reason = decide(s)
	switch c.Action {
	case Create:
		if c.Diff, err = diffOptions(def, sealed{}, want, unknown); err != nil {
			return fmt.Errorf("%s: %w", t.ID, err)
		}
		for i := range c.Diff {
			c.Diff[i].Replace = false // there is nothing to replace
		}
	case Update, Replace:
		c.Diff = append(s.options, s.resource...)
		if c.recordOnly = recordsOnly(c.Reason); c.recordOnly {
			c.Diff = recordDiff(have, c)
		}
	case NoOp, Delete:
	}
	switch {
	case c.Action == NoOp, c.recordOnly:
		c.promised = c.current
	case c.Reason == reasonDrift && len(unknown) == 0:
		// What has drifted is made again what it was. Should it turn out otherwise, what refers to it follows in the same
		// run.
		c.promised = r.left
	}
	m.changes[t.ID] = c
	return nil
}

func (m *planner) fail(id schema.ID, err error) {
	m.plan.Errors = append(m.plan.Errors, ToolError{ID: id, Err: err})
}

// recordDiff is how the record alone changes.
func recordDiff(have *store.Tool, c *Change) []store.FieldDiff {
	var diffs []store.FieldDiff
	if !sameNeeds(have.DependsOn, c.DependsOn) {
		old, _ := json.Marshal(list(have.DependsOn))
		now, _ := json.Marshal(list(c.DependsOn))
		diffs = append(diffs, store.FieldDiff{Path: "dependsOn", Before: old, After: now})
	}
	old, _ := json.Marshal(lifecycleOf(have))
	now, _ := json.Marshal(c.Want.Lifecycle)
	of, err := diffJSON("lifecycle", old, now)
	if err != nil {
		return diffs // plain data
	}
	return append(diffs, of...)
}

// outputs is what references mean while planning: what exists now, unless the tool changes.
func (m *planner) outputs(ref schema.Reference) (any, bool, error) {
	c := m.changes[ref.Tool]
	if c == nil {
		// The tool could not be planned. What is recorded of it still stands.
		if have := m.state.Tools[ref.Tool]; have != nil && have.Exists {
			return output(have.Resource, ref)
		}
		return nil, false, nil
	}
	if c.promised == nil {
		return nil, false, nil
	}
	return output(c.promised, ref)
}

// output finds the reference's key in a resource.
func output(resource json.RawMessage, ref schema.Reference) (any, bool, error) {
	tree, err := decodeTree(resource)
	if err != nil {
		return nil, false, err
	}
	v, ok := lookup(tree, append([]string{"outputs"}, ref.Key...))
	if !ok {
		return nil, false, fmt.Errorf("%s: tool %s has no such output", ref, ref.Tool)
	}
	return v, true, nil
}
