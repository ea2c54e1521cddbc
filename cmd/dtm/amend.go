package main

import (
	"context"
	"errors"
	"time"

	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// amendFlags are the flags of the commands that change the state alone.
type amendFlags struct {
	Yes     bool   `short:"y" help:"Do not ask."`
	Message string `short:"m" placeholder:"TEXT" help:"Why, for the history."`
	lockFlags
}

// amend changes the record. show, if there is one, shows what would change, and it is asked whether to go on.
func (a *app) amend(ctx context.Context, p *project, flags amendFlags, change engine.Amendment, show func(before, after *store.State) error) error {
	if err := a.awaitLock(ctx, p.store, time.Now().Add(flags.LockTimeout)); err != nil {
		return err
	}
	state, err := p.store.Load(ctx)
	if err != nil {
		return err
	}
	if show != nil {
		entries, err := change(ctx, state)
		if err != nil {
			return err
		}
		after := state.Clone()
		for _, e := range entries {
			e.Seq = after.Serial + 1
			after.Apply(e)
		}
		if err := show(state, after); err != nil {
			return err
		}
		if len(entries) > 0 && !flags.Yes {
			if ok, err := a.confirm(ctx); err != nil || !ok {
				return err
			}
		}
	}
	s, err := p.engine.Amend(ctx, p.store, state, engine.ApplyOptions{Holder: a.holder(), Version: version, Message: flags.Message}, change)
	if errors.Is(err, store.ErrStale) {
		return hinted{err, "somebody else has changed it; run again"}
	}
	if err != nil {
		return err
	}
	if s.Run == "" {
		a.screen.Info("There is nothing to do.")
		return nil
	}
	a.screen.Success("Recorded. (run %s)", s.Run)
	return nil
}

type forgetCmd struct {
	stateFlags
	amendFlags
	IDs []schema.ID `arg:"" name:"id" help:"The tools, as in localfile.hello."`
}

// Run takes tools out of the record.
func (c *forgetCmd) Run(ctx context.Context, a *app) error {
	p, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	var before *store.State
	err = a.amend(ctx, p, c.amendFlags, engine.Forget(c.IDs...), func(was, _ *store.State) error {
		before = was
		for _, id := range c.IDs {
			a.screen.Info("%s will be taken out of the state; what it manages stays.", id)
			for _, other := range was.IDs() {
				for _, need := range was.Tools[other].DependsOn {
					if need == id {
						a.screen.Warn("%s depends on it.", other)
					}
				}
			}
		}
		return nil
	})
	if err == nil {
		for i := range p.config.Tools {
			for _, id := range c.IDs {
				if p.config.Tools[i].ID == id {
					a.screen.Warn("%s is still in the configuration: the next apply creates or adopts it.", id)
				}
			}
		}
		return nil
	}
	if before == nil && errors.Is(err, engine.ErrNotRecorded) {
		if state, lerr := p.store.Load(ctx); lerr == nil {
			return notRecorded(state, c.IDs[0], err)
		}
	}
	return err
}

type adoptCmd struct {
	configFlags
	amendFlags
	IDs []schema.ID `arg:"" name:"id" help:"The tools, as the configuration has them."`
}

// Run takes tools that exist already into the record.
func (c *adoptCmd) Run(ctx context.Context, a *app) error {
	p, err := a.open(ctx, &c.configFlags, 1)
	if err != nil {
		return err
	}
	c.Yes = true // it is undone by `dtm forget`
	err = a.amend(ctx, p, c.amendFlags, p.engine.Adopt(p.config, c.IDs...), nil)
	switch {
	case errors.Is(err, engine.ErrNothingThere):
		return hinted{err, "`dtm apply` creates it"}
	case err == nil:
		a.screen.Info("The next apply makes what was adopted as the configuration says; `dtm plan` shows it.")
	}
	return err
}
