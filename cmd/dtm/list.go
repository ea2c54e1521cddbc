package main

import (
	"fmt"
	"regexp"

	"github.com/devstream-io/dtm/plugins/all"
)

type listCmd struct {
	Plugins listPluginsCmd `cmd:"" help:"List the plugins."`
}

type listPluginsCmd struct {
	Filter string `short:"r" placeholder:"REGEXP" help:"Only those whose name matches."`
}

// Run prints the plugins' names, sorted, one a line.
func (c *listPluginsCmd) Run(a *app) error {
	filter, err := regexp.Compile(c.Filter)
	if err != nil {
		return fmt.Errorf("--filter: %w", err)
	}
	set, err := all.Set(environment("/"))
	if err != nil {
		return err
	}
	for _, name := range set.Names() {
		if filter.MatchString(name) {
			if _, err := fmt.Fprintln(a.stdout, name); err != nil {
				return err
			}
		}
	}
	return nil
}

type versionCmd struct{}

// Run prints the version.
func (c *versionCmd) Run(a *app) error {
	_, err := fmt.Fprintln(a.stdout, version)
	return err
}
