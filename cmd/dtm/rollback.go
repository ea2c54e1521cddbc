package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/devstream-io/dtm/cmd/dtm/ui"
	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

type rollbackCmd struct {
	configFlags
	runFlags
	planFlags
	To string `required:"" placeholder:"RUN" help:"The run after which everything was as it should be again: as \"dtm history\" lists it, how that begins, or \"latest\"."`
}

// Run makes an ordinary plan back to what was in force after a run.
func (c *rollbackCmd) Run(ctx context.Context, a *app) error {
	r := runner{
		app: a, name: "Rollback", flags: c.runFlags,
		nothing: "Everything is as it was after that run. There is nothing to do.", done: "Everything is as it was after that run.",
	}
	planned := false
	err := r.run(ctx, &c.configFlags, func(p *project, _ *store.State) (*schema.Config, engine.PlanOptions, error) {
		options := c.options(engine.PlanOptions{AllowEmpty: true})
		if options.Refresh == engine.RefreshOnly {
			return nil, options, errors.New("--refresh-only changes nothing but the state, so there is nothing to roll back to")
		}
		run, err := findRun(ctx, p.store, c.To)
		if err != nil {
			return nil, options, err
		}
		then, err := p.store.At(ctx, run)
		if err != nil {
			return nil, options, err
		}
		config, err := p.engine.Former(then, p.config)
		planned = err == nil
		return config, options, err
	})
	if err == nil && planned {
		a.screen.Info("The configuration still says what it said: the next apply goes forward again.")
	}
	return err
}

// findRun is the ID of the run that is meant by name.
func findRun(ctx context.Context, st store.Store, name string) (string, error) {
	var found []string
	for r, err := range st.Runs(ctx) {
		switch {
		case err != nil:
			return "", err
		case name == "latest" || r.ID == name:
			return r.ID, nil
		case strings.HasPrefix(r.ID, name) && name != "":
			found = append(found, r.ID)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return "", hinted{fmt.Errorf("%d runs begin with %q", len(found), name), "write more of it, as in " + found[0]}
	case name == "latest":
		return "", errors.New("nothing was ever applied here")
	}
	return "", hinted{fmt.Errorf("%s: %w: %q", st, store.ErrNoRun, name), "`dtm history` lists them"}
}

type historyDiffCmd struct {
	From string `arg:"" help:"A run, as \"dtm history\" lists it, how that begins, or \"latest\"."`
	To   string `arg:"" optional:"" default:"latest" help:"Another one; the latest if it is left out."`
}

// Run shows how what is recorded after two runs differs.
func (c *historyDiffCmd) Run(ctx context.Context, a *app, h *historyCmd) error {
	p, err := a.open(ctx, &h.configFlags, 1)
	if err != nil {
		return err
	}
	var states [2]*store.State
	for i, name := range []string{c.From, c.To} {
		run, err := findRun(ctx, p.store, name)
		if err != nil {
			return err
		}
		if states[i], err = p.store.At(ctx, run); err != nil {
			return err
		}
	}
	diffs, err := p.engine.Compare(states[0], states[1])
	if err != nil {
		return err
	}
	if h.Output == "json" {
		return a.print(func(w io.Writer) error {
			return writeJSON(w, struct {
				Tools []engine.Difference `json:"tools"`
			}{append([]engine.Difference{}, diffs...)})
		})
	}
	ui.NewScreen(a.stdout, a.colour).Differences(diffs)
	return nil
}
