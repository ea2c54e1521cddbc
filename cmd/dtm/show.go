package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
)

type showCmd struct {
	Config showConfigCmd `cmd:"" help:"Print a sample configuration."`
	Status showStatusCmd `cmd:"" help:"Show what is recorded of the tools and whether it still is so."`
}

type showStatusCmd struct {
	configFlags
	askedFlags
	Plugin   string `short:"p" placeholder:"NAME" help:"Only this plugin's tool (with -i)."`
	Instance string `short:"i" name:"id" placeholder:"INSTANCE" help:"The instance of the tool; \"default\" if only -p is given."`
	Name     string `short:"n" hidden:"" help:"What DevStream 0.4 called --id."`
	All      bool   `short:"a" help:"All tools, whatever -p and -i say."`
	Parallel int    `default:"${parallel}" placeholder:"N" help:"How many tools are read at the same time (default ${parallel})."`
}

// status is one tool as it is printed.
type status struct {
	InstanceID string
	Plugin     string
	Drifted    bool
	// Note says what is special: the resource is gone, it could not be read, or the tool is in doubt.
	Note    string `json:",omitempty"`
	Options json.RawMessage
	Status  any
}

// driftedStatus shows both sides.
type driftedStatus struct {
	State    json.RawMessage
	Resource json.RawMessage
}

// Run reads the recorded tools with the options that were applied.
func (c *showStatusCmd) Run(ctx context.Context, a *app) error {
	p, err := a.open(ctx, &c.configFlags, c.Parallel)
	if err != nil {
		return err
	}
	state, err := p.store.Load(ctx)
	if err != nil {
		return err
	}
	ids := state.IDs()
	c.Instance = cmp.Or(c.Instance, c.Name)
	single := !c.All && (c.Plugin != "" || c.Instance != "")
	if single {
		if c.Instance == "" {
			a.screen.Warn("Empty instance name. Maybe you forgot to add --id=INSTANCE_ID. The default value \"default\" will be used.")
			c.Instance = "default"
		}
		id := schema.MakeID(c.Plugin, c.Instance)
		if state.Tools[id] == nil {
			var names []string
			for _, known := range ids {
				names = append(names, string(known))
			}
			return hinted{fmt.Errorf("state with (id: %s, plugin: %s) not found", c.Instance, c.Plugin),
				cmp.Or(schema.DidYouMean(string(id), names), "`dtm state list` shows what is recorded")}
		}
		ids = []schema.ID{id}
	}
	if len(ids) == 0 {
		a.screen.Info("No resources found.")
		return nil
	}
	found, err := p.engine.Inspect(ctx, state, ids)
	if err != nil {
		return err
	}
	var failed []engine.ToolError
	err = a.print(func(w io.Writer) error {
		for i, f := range found {
			if f.Err != nil {
				failed = append(failed, engine.ToolError{ID: f.ID, Err: f.Err})
				a.screen.Fail("%s could not be read: %v", f.ID, f.Err)
			}
			if !single {
				fmt.Fprintf(w, "\n================= %d/%d =================\n\n", i+1, len(found))
			}
			if err := compat.EncodeYAML(w, newStatus(f)); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && len(failed) > 0 {
		return errors.Join(errQuiet, &engine.ApplyError{Failed: failed})
	}
	return err
}

func newStatus(f engine.Finding) status {
	s := status{InstanceID: f.ID.Instance(), Plugin: f.ID.Plugin(), Drifted: f.Drifted, Options: f.Have.Options, Status: f.Have.Resource}
	switch {
	case f.Err != nil:
		s.Note = "it could not be read; this is what is recorded"
	case f.Have.Doubt != nil:
		s.Note = "a " + f.Have.Doubt.Action + " was begun and has no good outcome; `dtm plan` shows what will be done about it"
	case f.Gone:
		s.Note = "the resource is gone"
		s.Status = driftedStatus{State: f.Have.Resource, Resource: nil}
	}
	if f.Resource != nil && !f.Have.TakenOver {
		s.Status = f.Resource // as recorded, but for what changes by itself
	}
	if s.Options == nil && f.Have.Doubt != nil {
		s.Options = f.Have.Doubt.Options
	}
	if f.Drifted && !f.Gone {
		s.Status = driftedStatus{State: f.Have.Resource, Resource: f.Resource}
	}
	return s
}
