package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/devstream-io/dtm/cmd/dtm/ui"
	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

type planCmd struct {
	configFlags
	planFlags
	lockFlags
	Output           string `short:"o" enum:"text,json" default:"text" placeholder:"FORMAT" help:"text, or json for other programs (#Plan in the schema says what is in it)."`
	Out              string `placeholder:"FILE" help:"Save the plan, so that \"dtm apply FILE\" does exactly this or nothing."`
	Destroy          bool   `help:"The plan of deleting every tool that is recorded."`
	NoLock           bool   `help:"Plan also while somebody else is applying: what is half done is shown as it is now."`
	DetailedExitcode bool   `help:"Exit with 0 if there is nothing to do, 2 if there are changes, 1 after an error."`
	Parallel         int    `default:"${parallel}" placeholder:"N" help:"How many tools are read at the same time (default ${parallel})."`
	AllowEmpty       bool   `help:"Let a configuration without tools mean that everything is to be deleted."`
}

// Run shows what apply would do.
func (c *planCmd) Run(ctx context.Context, a *app) error {
	if a.terminal {
		a.screen.Info("Reading the configuration and the tools ...")
	}
	p, err := a.open(ctx, &c.configFlags, c.Parallel)
	if err != nil {
		return err
	}
	a.showNotes(p.config)
	if !c.NoLock {
		if err := a.awaitLock(ctx, p.store, time.Now().Add(c.LockTimeout)); err != nil {
			return lockedPlan(err)
		}
	}
	options := c.options(engine.PlanOptions{AllowEmpty: c.AllowEmpty || c.Destroy})
	config := p.config
	if c.Destroy {
		config = p.nothing()
	}
	plan, err := p.plan(ctx, config, options)
	refused, ok := errors.AsType[*engine.ProtectedError](err)
	if err != nil && !ok {
		return err
	}
	if c.Out != "" && len(plan.Errors) == 0 && refused == nil {
		if err := c.save(p, plan, options); err != nil {
			return err
		}
	}
	if c.Output == "json" {
		doc, err := json.MarshalIndent(plan, "", "  ")
		if err != nil {
			return err
		}
		if _, err := a.stdout.Write(append(doc, '\n')); err != nil {
			return err
		}
	} else {
		out := ui.NewScreen(a.stdout, a.colour)
		if plan.Empty() {
			out.Info("No changes done since last apply. There is nothing to do.")
		}
		out.Plan(plan)
		if c.Out != "" && len(plan.Errors) == 0 && refused == nil {
			a.screen.Success("Saved. `dtm apply %s` does exactly this.", c.Out)
		}
	}
	switch {
	case refused != nil:
		return refused
	case len(plan.Errors) > 0:
		return errors.Join(errQuiet, &engine.ApplyError{Failed: plan.Errors})
	case c.DetailedExitcode && !plan.Empty():
		return errChanges
	}
	return nil
}

// lockedPlan says how to plan all the same.
func lockedPlan(err error) error {
	var locked *store.LockedError
	if errors.As(err, &locked) {
		return hinted{err, "--no-lock plans all the same"}
	}
	return err
}

// plan makes a plan from the present state.
func (p *project) plan(ctx context.Context, config *schema.Config, options engine.PlanOptions) (*engine.Plan, error) {
	state, err := p.store.Load(ctx)
	if err != nil {
		return nil, err
	}
	plan, err := p.engine.Plan(ctx, config, state, options)
	return plan, explainEmpty(err)
}
