package main

import (
	"context"
	"io"
)

type schemaCmd struct {
	Format string `enum:"json-schema" default:"json-schema" placeholder:"FORMAT" help:"json-schema: draft 2020-12, for editors of YAML."`
	Plugin string `short:"p" placeholder:"NAME" help:"The options of one plugin; without it, a whole file."`
}

// Help says how editors come to the schema.
func (*schemaCmd) Help() string {
	return `The schema has the plugins that are built in and those that dtm init has installed in this folder. Write it again when they
change:

  dtm schema > .dtm.schema.json

An editor with the YAML language server, as VS Code with its YAML extension, completes and checks a file that begins with this
line, and has it again behind each line of ---:

  # yaml-language-server: $schema=.dtm.schema.json

Text behind a variable needs quotes there, as in "[[ name ]].txt". What the editor refuses is a mistake; dtm validate finds
those that an editor cannot see.`
}

// Run prints the schema of DevStream's YAML with the plugins that there are.
func (c *schemaCmd) Run(ctx context.Context, a *app) error {
	p, err := a.wire(ctx, ".", 1)
	if err != nil {
		return err
	}
	if p.unusable != nil {
		a.screen.Warn("%v", p.unusable)
	}
	if c.Plugin != "" && p.loader.Definition(c.Plugin) == nil {
		return noPlugin(c.Plugin, p.loader.Plugins())
	}
	return a.print(func(w io.Writer) error {
		if c.Plugin != "" {
			return p.loader.PluginJSONSchema(w, c.Plugin)
		}
		return p.loader.JSONSchema(w)
	})
}
