package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// saved applies the plan of a file.
func (c *applyCmd) saved(ctx context.Context, r *runner) error {
	if len(c.Target) > 0 || len(c.Exclude) > 0 || c.RefreshOnly || !c.Refresh || c.AllowEmpty {
		return errors.New("a saved plan is applied as it is: --target, --exclude, --refresh and --allow-empty belong to `dtm plan --out`")
	}
	data, err := os.ReadFile(c.Plan)
	if err != nil {
		return err
	}
	if r.saved, err = engine.ReadSavedPlan(data, version); err != nil {
		if ext := filepath.Ext(c.Plan); ext == ".yaml" || ext == ".yml" || ext == ".cue" {
			return hinted{err, "a configuration is given with -f: dtm apply -f " + c.Plan}
		}
		return err
	}
	s := r.saved
	if c.File == "" {
		c.File = s.Config
	}
	r.flags.Yes = true // the question was answered by whoever gave the file
	return r.run(ctx, &c.configFlags, func(p *project, _ *store.State) (*schema.Config, engine.PlanOptions, error) {
		if err := s.SamePlugins(p.versions()); err != nil {
			return nil, engine.PlanOptions{}, err
		}
		options := engine.PlanOptions{AllowEmpty: s.Options.AllowEmpty, Selection: s.Options.Selection, Refresh: s.Options.Refresh}
		if s.Options.Destroy {
			return p.nothing(), options, nil
		}
		return p.config, options, nil
	})
}

// nothing is the configuration without its tools.
func (p *project) nothing() *schema.Config {
	return &schema.Config{Dir: p.config.Dir, State: p.config.State}
}

// versions are what tells the plugins that are not built in from others of their names.
func (p *project) versions() map[string]string {
	versions := map[string]string{}
	for _, f := range p.found {
		versions[f.Name] = strings.TrimSpace(f.Version + " " + f.Tree)
	}
	return versions
}

// save writes the plan to a file that is complete or not there.
func (c *planCmd) save(p *project, plan *engine.Plan, options engine.PlanOptions) error {
	s := engine.SavedPlan{
		DTM: version, Created: p.engine.Now().UTC(), Config: c.File, Plugins: p.versions(),
		Options: engine.SavedOptions{
			AllowEmpty: options.AllowEmpty, Destroy: c.Destroy, Refresh: options.Refresh, Selection: options.Selection,
		},
	}
	data, err := s.Save(plan)
	if err != nil {
		return err
	}
	return renameio.WriteFile(c.Out, data, 0o600)
}
