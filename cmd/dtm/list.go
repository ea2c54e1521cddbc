package main

import (
	"context"
	"fmt"
	"regexp"
)

type listCmd struct {
	Plugins listPluginsCmd `cmd:"" help:"List the plugins."`
}

type listPluginsCmd struct {
	unusedFlags
	Filter string `short:"r" placeholder:"REGEXP" help:"Only those whose name matches."`
}

// Run prints the plugins' names, sorted, one a line.
func (c *listPluginsCmd) Run(ctx context.Context, a *app) error {
	filter, err := regexp.Compile(c.Filter)
	if err != nil {
		return fmt.Errorf("--filter: %w", err)
	}
	p, err := a.wire(ctx, ".", 1)
	if err != nil {
		return err
	}
	if p.unusable != nil {
		a.screen.Warn("%v", p.unusable)
	}
	for _, name := range p.engine.Plugins.Names() {
		if filter.MatchString(name) {
			if _, err := fmt.Fprintln(a.stdout, name); err != nil {
				return err
			}
		}
	}
	return nil
}

type versionCmd struct{ unusedFlags }

// Run prints the version.
func (c *versionCmd) Run(a *app) error {
	_, err := fmt.Fprintln(a.stdout, version)
	return err
}
