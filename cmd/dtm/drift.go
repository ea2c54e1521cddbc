package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/devstream-io/dtm/cmd/dtm/ui"
	"github.com/devstream-io/dtm/engine"
)

type driftCmd struct {
	configFlags
	Target   []string `sep:"none" placeholder:"PATTERN" help:"Only these tools, as for plan. May be repeated."`
	Exclude  []string `sep:"none" placeholder:"PATTERN" help:"Leave these tools out. May be repeated."`
	Output   string   `short:"o" enum:"text,json" default:"text" placeholder:"FORMAT" help:"text, or json for other programs (a #Plan, as of plan --refresh-only)."`
	Parallel int      `default:"${parallel}" placeholder:"N" help:"How many tools are read at the same time (default ${parallel})."`
}

// Run compares what exists with what was left, whatever the configuration wants.
func (c *driftCmd) Run(ctx context.Context, a *app) error {
	p, err := a.open(ctx, &c.configFlags, c.Parallel)
	if err != nil {
		return err
	}
	plan, err := p.plan(ctx, p.config, engine.PlanOptions{
		Refresh: engine.RefreshOnly, Selection: engine.Selection{Target: c.Target, Exclude: c.Exclude},
	})
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
		ui.NewScreen(a.stdout, a.colour).Drift(plan)
	}
	switch {
	case len(plan.Errors) > 0:
		return errors.Join(errQuiet, &engine.ApplyError{Failed: plan.Errors})
	case !plan.Empty():
		return errChanges
	}
	return nil
}
