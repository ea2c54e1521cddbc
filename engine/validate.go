package engine

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
)

// validateAll asks the plugins whether the options of what is to be made or changed are right, in parallel. Where an output
// is not known yet they are asked before the verb. All mistakes come back at once, as [schema.Errors].
func (m *planner) validateAll(ctx context.Context) error {
	var mu sync.Mutex
	var errs schema.Errors
	var group errgroup.Group
	group.SetLimit(m.engine.Parallel)
	for _, c := range m.changes {
		kind := m.engine.Plugins[c.ID.Plugin()]
		if c.Want == nil || c.Action == NoOp || c.recordOnly || len(c.Unknown) > 0 || !kind.Validates() {
			continue
		}
		group.Go(func() error {
			opened, err := m.engine.open(m.engine.Definition(c.ID.Plugin()), c.After, c.Want.Options)
			if err != nil {
				return nil // the run says what is wrong, or the plan has said it
			}
			if err := m.engine.validate(ctx, kind, opened); err != nil {
				mu.Lock()
				defer mu.Unlock()
				hint := ""
				if h, ok := errors.AsType[hinter](err); ok {
					hint = m.engine.secrets.hide(h.Hint())
				}
				errs.Add(c.Want.Pos, "tools."+string(c.ID), err.Error(), hint)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return errs.Err()
}

// hinter is an error that says what the user can do about it.
type hinter interface {
	error
	Hint() string
}

// validate is the plugin's word on options, in one line and without secrets.
func (e *Engine) validate(ctx context.Context, kind plugins.Kind, opened []byte) error {
	ctx, cancel := context.WithTimeout(ctx, longestPreview)
	defer cancel()
	return e.secrets.redact(kind.Validate(ctx, opened))
}
