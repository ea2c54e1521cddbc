package main

import (
	"context"
	"fmt"
	"io"
)

type schemaCmd struct {
	Format string `enum:"json-schema" default:"json-schema" placeholder:"FORMAT" help:"json-schema: draft 2020-12, for editors of YAML."`
	Plugin string `short:"p" placeholder:"NAME" help:"The options of one plugin; without it, a whole file."`
}

// Run prints the schema of DevStream's YAML with the plugins that there are.
func (c *schemaCmd) Run(ctx context.Context, a *app) error {
	p, err := a.wire(ctx, ".", 1)
	if err != nil {
		return err
	}
	if c.Plugin != "" && p.loader.Definition(c.Plugin) == nil {
		return hinted{fmt.Errorf("there is no plugin %q", c.Plugin), suggestion(c.Plugin, p.loader.Plugins())}
	}
	return a.print(func(w io.Writer) error {
		if c.Plugin != "" {
			return p.loader.PluginJSONSchema(w, c.Plugin)
		}
		return p.loader.JSONSchema(w)
	})
}
