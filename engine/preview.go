package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
)

// longestPreview is how long a plugin may take to say what a change would do, unless the tool's timeout is shorter: one
// waits for a plan.
const longestPreview = 30 * time.Second

// notPreviewed begins the note that stands where a plugin could not say what a change would do.
const notPreviewed = "not known beforehand: "

// previewAll asks the plugins that can say it what the changes would do inside their tools, in parallel. What they cannot
// say is no reason not to plan.
func (m *planner) previewAll(ctx context.Context) error {
	if m.refresh == RefreshNone || m.refresh == RefreshOnly {
		return nil
	}
	var group errgroup.Group
	group.SetLimit(m.engine.Parallel)
	for i := range m.plan.Changes {
		c := &m.plan.Changes[i]
		if !m.toPreview(c) {
			continue
		}
		if len(c.Unknown) > 0 {
			c.Preview = &plugins.Preview{Notes: []string{m.waitsFor(c)}}
			continue
		}
		group.Go(func() error {
			preview, err := m.preview(ctx, c)
			if err != nil {
				preview = plugins.Preview{Notes: []string{notPreviewed + withHint(err)}}
			}
			c.Preview = &preview
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("looking ahead was interrupted: %w", err)
	}
	// Only now every secret is known that one of them could have said.
	for i := range m.plan.Changes {
		if p := m.plan.Changes[i].Preview; p != nil {
			m.engine.secrets.clean(p)
		}
	}
	return nil
}

// withHint is an error and what can be done about it. How long a preview may take is not for the user to say.
func withHint(err error) string {
	if _, ok := errors.AsType[*TimeoutError](err); ok {
		return err.Error()
	}
	if h, ok := errors.AsType[hinter](err); ok && h.Hint() != "" {
		return fmt.Sprintf("%v (%s)", err, h.Hint())
	}
	return err.Error()
}

// toPreview tells whether the plugin is to say what a change would do.
func (m *planner) toPreview(c *Change) bool {
	switch c.Action {
	case Create, Update, Replace:
		return !c.recordOnly && m.engine.Plugins[c.ID.Plugin()].Previews()
	case Delete, NoOp:
	}
	return false
}

// waitsFor is the note of a change whose options are not wholly known.
func (m *planner) waitsFor(c *Change) string {
	var ids []string
	for _, ref := range c.Want.References {
		if ref.Tool == "" || !slices.Contains(c.Unknown, ref.Path) {
			continue
		}
		if _, known, err := m.outputs(ref); err == nil && !known {
			ids = append(ids, string(ref.Tool))
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	verb := "is"
	if len(ids) != 1 {
		verb = "are"
	}
	return fmt.Sprintf("not known before %s %s applied", strings.Join(ids, ", "), verb)
}

// preview calls the plugin with what the verb would get.
func (m *planner) preview(ctx context.Context, c *Change) (preview plugins.Preview, err error) {
	def, kind := m.engine.Definition(c.ID.Plugin()), m.engine.Plugins[c.ID.Plugin()]
	filled, _, err := fill(c.Want.Options, m.outputs)
	if err != nil {
		return preview, err
	}
	if filled, _, err = ignore(c.Want.Lifecycle, c.Have, filled, nil); err != nil {
		return preview, err
	}
	want, err := m.engine.open(def, filled, filled)
	if err != nil {
		return preview, err
	}
	var have, last json.RawMessage
	if c.Action == Update {
		if have, err = m.engine.open(def, c.Have.Options, filled); err != nil {
			return preview, err
		}
		last = c.current
		if m.another(ctx, kind, c.ID, have) {
			have, last = want, nil // as the update itself does
		}
	}
	limit := longestPreview
	if t := c.Want.Lifecycle.Timeout; t > 0 {
		limit = min(limit, t)
	}
	ctx, end := m.engine.listen(ctx, c.ID, NoOp)
	defer end()
	err = attempts{Lifecycle: schema.Lifecycle{Timeout: limit}}.do(ctx, func(ctx context.Context) error {
		preview, err = kind.Preview(ctx, want, have, last)
		return err
	})
	return preview, err
}

// another tells whether another tool is to have the thing of these options.
func (m *planner) another(ctx context.Context, kind plugins.Kind, id schema.ID, options json.RawMessage) bool {
	at, err := kind.Identity(ctx, options)
	if err != nil || at == "" {
		return false
	}
	holder, taken := m.plan.kept[thing{id.Plugin(), at}]
	return taken && holder != id
}

// clean hides the secrets in a preview and makes each of its texts one line.
func (s *secrets) clean(p *plugins.Preview) {
	for i := range p.Settled {
		p.Settled[i].Name, p.Settled[i].Value = s.line(p.Settled[i].Name), s.line(p.Settled[i].Value)
	}
	for i := range p.Parts {
		part := &p.Parts[i]
		part.Name = s.line(part.Name)
		for j := range part.Fields {
			part.Fields[j] = s.line(part.Fields[j])
		}
	}
	for i := range p.Notes {
		p.Notes[i] = s.line(p.Notes[i])
	}
}

// wordsAside is a plan's document without its notes, which name files as they were named on the command line, and without
// why something could not be previewed: that is said in other words each time, as with another port.
func wordsAside(doc json.RawMessage) (json.RawMessage, error) {
	tree, err := decodeTree(doc)
	if err != nil {
		return nil, err
	}
	if plan, ok := tree.(map[string]any); ok {
		delete(plan, "notes")
	}
	tree, err = mapTree(tree, nil, func(path []string, v any) (any, bool, error) {
		if len(path) == 5 && path[2] == "preview" && path[3] == "notes" {
			if s, ok := v.(string); ok && strings.HasPrefix(s, notPreviewed) {
				return notPreviewed, true, nil
			}
		}
		return v, false, nil
	})
	if err != nil {
		return nil, err
	}
	return encodeTree(tree)
}
