package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/devstream-io/dtm/cmd/dtm/ui"
	"github.com/devstream-io/dtm/engine"
)

type planCmd struct {
	configFlags
	Output           string `short:"o" enum:"text,json" default:"text" placeholder:"FORMAT" help:"text, or json for other programs (#Plan in the schema says what is in it)."`
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
	plan, err := p.plan(ctx, engine.PlanOptions{AllowEmpty: c.AllowEmpty})
	if err != nil {
		return err
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
	}
	switch {
	case len(plan.Errors) > 0:
		return errors.Join(errQuiet, &engine.ApplyError{Failed: plan.Errors})
	case c.DetailedExitcode && !plan.Empty():
		return errChanges
	}
	return nil
}

// plan makes the plan of the whole configuration.
func (p *project) plan(ctx context.Context, options engine.PlanOptions) (*engine.Plan, error) {
	state, err := p.store.Load(ctx)
	if err != nil {
		return nil, err
	}
	plan, err := p.engine.Plan(ctx, p.config, state, options)
	return plan, explainEmpty(err)
}
