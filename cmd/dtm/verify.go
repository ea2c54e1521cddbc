package main

import (
	"context"

	"github.com/devstream-io/dtm/cmd/dtm/ui"
	"github.com/devstream-io/dtm/engine"
)

type verifyCmd struct {
	configFlags
	askedFlags
	Parallel int `default:"${parallel}" placeholder:"N" help:"How many tools are read at the same time (default ${parallel})."`
}

// Run asks whether the plan is empty.
func (c *verifyCmd) Run(ctx context.Context, a *app) error {
	a.screen.Info("Verify started.")
	p, err := a.open(ctx, &c.configFlags, c.Parallel)
	if err != nil {
		return err
	}
	plan, err := p.plan(ctx, p.config, engine.PlanOptions{})
	if err != nil {
		return err
	}
	if plan.Empty() {
		a.screen.Success("Verify succeeded.")
		return nil
	}
	a.screen.Plan(plan)
	if len(plan.Errors) > 0 {
		return &engine.ApplyError{Failed: plan.Errors}
	}
	a.screen.Info("Verify finished.")
	return errChanges
}

type validateCmd struct{ configFlags }

// Run checks the configuration. Neither the state nor any tool is read.
func (c *validateCmd) Run(ctx context.Context, a *app) error {
	p, err := a.read(ctx, &c.configFlags, 1)
	if err != nil {
		return err
	}
	g, err := engine.Graph(p.config)
	if err != nil {
		return err
	}
	a.showNotes(p.config)
	a.screen.Success("The configuration is valid: %s, %s.", ui.Plural(g.Len(), "tool", "tools"), ui.Plural(g.Edges(), "dependency", "dependencies"))
	return nil
}
