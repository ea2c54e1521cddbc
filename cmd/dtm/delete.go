package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
)

type deleteCmd struct {
	configFlags
	runFlags
	Force bool `help:"Also delete tools of the configuration that are not recorded."`
}

// Run deletes the tools that the configuration lists: the plan of a configuration that has all the other tools.
func (c *deleteCmd) Run(ctx context.Context, a *app) error {
	r := runner{app: a, name: "Delete", flags: c.runFlags, nothing: "Nothing needs to be deleted. There is nothing to do.", done: "All plugins deleted successfully."}
	return r.run(ctx, &c.configFlags, func(p *project, state *store.State) (*schema.Config, engine.PlanOptions, error) {
		listed := map[schema.ID]bool{}
		for i := range p.config.Tools {
			listed[p.config.Tools[i].ID] = true
		}
		if err := stillNeeded(state, listed); err != nil {
			return nil, engine.PlanOptions{}, err
		}
		options := engine.PlanOptions{AllowEmpty: true, Keep: func(id schema.ID) bool { return !listed[id] }}
		if c.Force {
			options.Orphans = p.config.Tools
		}
		return &schema.Config{Dir: p.config.Dir, State: p.config.State, Digest: p.config.Digest}, options, nil
	})
}

// stillNeeded tells whether a recorded tool that stays depends on one that goes.
func stillNeeded(state *store.State, goes map[schema.ID]bool) error {
	var needed []string
	for _, id := range state.IDs() {
		t := state.Tools[id]
		for _, need := range t.DependsOn {
			if !goes[id] && goes[need] && state.Tools[need] != nil {
				needed = append(needed, fmt.Sprintf("%s depends on %s", id, need))
			}
		}
	}
	if len(needed) == 0 {
		return nil
	}
	return hinted{errors.New(strings.Join(needed, ", ") + ", and is recorded but not in the configuration"),
		"delete it first by an `apply` without it, or `dtm destroy` everything"}
}

type destroyCmd struct {
	configFlags
	runFlags
	planFlags
	Force bool `hidden:"" help:"Accepted and without effect, as in DevStream."`
}

// Run deletes everything that is recorded: the plan of an empty configuration.
func (c *destroyCmd) Run(ctx context.Context, a *app) error {
	r := runner{app: a, name: "Destroy", flags: c.runFlags, nothing: "No tools have been deployed now. There is nothing to do.", done: "All plugins destroyed successfully."}
	empty := func(p *project, _ *store.State) (*schema.Config, engine.PlanOptions, error) {
		return p.nothing(), c.options(engine.PlanOptions{AllowEmpty: true}), nil
	}
	if c.File == "" {
		if file := lostConfig(ctx, &c.configFlags); file != "" {
			return r.withoutConfig(ctx, file, empty)
		}
	}
	return r.run(ctx, &c.configFlags, empty)
}

// lostConfig is the store that lies here without a configuration, empty if there is a configuration or no store.
func lostConfig(ctx context.Context, flags *configFlags) string {
	if _, _, err := flags.find(ctx); !errors.As(err, &errNoConfig{}) {
		return ""
	}
	files := []string{"devstream.db", "devstream.state"}
	i := slices.IndexFunc(files, func(f string) bool { ours, err := bolt.Is(f); return err == nil && ours })
	if i < 0 {
		return ""
	}
	return files[i]
}

// withoutConfig destroys what is recorded in file though the configuration is lost.
func (r *runner) withoutConfig(ctx context.Context, file string, to aim) error {
	r.app.screen.Info("%s started.", r.name)
	if err := r.openEvents(); err != nil {
		return err
	}
	defer r.closeEvents()
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	p, err := r.app.wire(ctx, here, r.flags.Parallel)
	if err != nil {
		return err
	}
	p.config = &schema.Config{Dir: here, State: schema.StateConfig{
		Backend: "local", StateFile: filepath.Join(here, file), Retention: schema.DefaultRetention,
	}}
	if err := p.openWithUsualKeys(ctx); err != nil {
		return err
	}
	return r.carryOut(ctx, p, to)
}
