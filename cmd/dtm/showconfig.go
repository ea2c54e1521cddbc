package main

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/devstream-io/dtm/schema"
)

// samples are the toolchains that --template names, in both languages.
//
//go:embed sample
var samples embed.FS

// templates are their names, which are DevStream's.
func templates() []string { return []string{"quickstart", "gitops", "apps"} }

type showConfigCmd struct {
	Plugin   string `short:"p" placeholder:"NAME" help:"The plugin; without it, a sample with one tool."`
	Template string `short:"t" placeholder:"NAME" help:"A toolchain of several tools: quickstart, gitops or apps."`
	Output   string `short:"o" enum:"cue,yaml," default:"" placeholder:"FORMAT" help:"cue or yaml (default: cue, and yaml for --template, as DevStream had it)."`
	unusedFlags
}

// Run prints a sample that is a valid configuration as it stands.
func (c *showConfigCmd) Run(ctx context.Context, a *app) error {
	if c.Template != "" {
		return c.template(a)
	}
	p, err := a.wire(ctx, ".", 1)
	if err != nil {
		return err
	}
	var names []string
	if c.Plugin != "" {
		if p.loader.Definition(c.Plugin) == nil {
			return noPlugin(c.Plugin, p.loader.Plugins())
		}
		names = []string{c.Plugin}
	} else {
		names = []string{"localfile"}
	}
	return a.print(func(w io.Writer) error {
		if c.Output == "yaml" {
			return p.loader.SampleYAML(w, names)
		}
		return p.loader.SampleCUE(w, names)
	})
}

// template prints a toolchain. It is YAML unless CUE is asked for: the documentation of DevStream has it written into
// config.yaml.
func (c *showConfigCmd) template(a *app) error {
	if c.Plugin != "" {
		return errors.New("--template and --plugin are samples of different things: give one of them")
	}
	if !slices.Contains(templates(), c.Template) {
		return hinted{fmt.Errorf("there is no template %q", c.Template), cmp.Or(schema.DidYouMean(c.Template, templates()), "there are quickstart, gitops and apps")}
	}
	text, err := samples.ReadFile("sample/" + c.Template + "." + cmp.Or(c.Output, "yaml"))
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(text)
	return err
}

func suggestion(name string, names []string) string {
	if hint := schema.DidYouMean(name, names); hint != "" {
		return hint
	}
	return "`dtm list plugins` shows them"
}
