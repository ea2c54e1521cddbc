// Command greeting is a plugin as somebody else would write it, for the scripts. Some of its moods are bad ones.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rs/zerolog"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/serve"
)

//go:embed schema.cue
var schema string

// version is set by who builds it.
var version = "0.1.0"

func main() {
	serve.Main(version, func(env plugins.Env) plugins.Kind {
		return plugins.New("greeting", schema, &greeter{env: env})
	})
}

type options struct {
	Name  string `json:"name"`
	File  string `json:"file"`
	Mood  string `json:"mood"`
	Token string `json:"token,omitempty"`
}

type resource struct {
	Text    string  `json:"text"`
	Outputs outputs `json:"outputs"`
}

type outputs struct {
	File string `json:"file"`
	Text string `json:"text"`
}

type greeter struct{ env plugins.Env }

func (g *greeter) path(o options) string { return filepath.Join(g.env.Dir, o.File) }

func (g *greeter) resource(o options, text string) resource {
	return resource{Text: text, Outputs: outputs{File: o.File, Text: text}}
}

func (g *greeter) Create(ctx context.Context, want options) (resource, error) {
	zerolog.Ctx(ctx).Info().Str("token", want.Token).Msg("greeting with " + want.Token)
	plugins.Report(ctx, "thinking of "+want.Name)
	switch want.Mood {
	case "crash":
		fmt.Fprintln(os.Stderr, "out of words, token "+want.Token)
		os.Exit(3)
	case "panic":
		panic("no words")
	case "refuse":
		return resource{}, plugins.Hinted(fmt.Errorf("not with %s", want.Token), "be kind")
	case "stubborn":
		select {}
	case "slow":
		<-ctx.Done()
		return resource{}, ctx.Err()
	}
	word := g.env.Getenv("GREETING_WORD")
	if word == "" {
		word = "hello"
	}
	text := word + ", " + want.Name + "\n"
	if err := os.WriteFile(g.path(want), []byte(text), 0o644); err != nil {
		return resource{}, err
	}
	return g.resource(want, text), nil
}

func (g *greeter) Read(_ context.Context, want options, _ resource) (resource, error) {
	text, err := os.ReadFile(g.path(want))
	if errors.Is(err, fs.ErrNotExist) {
		return resource{}, plugins.ErrNotFound
	}
	return g.resource(want, string(text)), err
}

func (g *greeter) Update(ctx context.Context, want, have options, last resource) (resource, error) {
	if want.File != have.File {
		if err := g.Delete(ctx, have, last); err != nil {
			return resource{}, err
		}
	}
	return g.Create(ctx, want)
}

func (g *greeter) Delete(_ context.Context, have options, _ resource) error {
	err := os.Remove(g.path(have))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (g *greeter) Validate(want options) error {
	if want.Name == "nobody" {
		return plugins.Hinted(errors.New("options.name: nobody cannot be greeted"), "greet somebody")
	}
	return nil
}

func (g *greeter) Identity(o options) string { return g.path(o) }
