package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/devstream-io/dtm/cmd/dtm/ui"
	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

type stateCmd struct {
	List   stateListCmd   `cmd:"" help:"List the tools that are recorded."`
	Show   stateShowCmd   `cmd:"" help:"Show what is recorded of a tool."`
	Mv     stateMvCmd     `cmd:"" help:"Give a recorded tool another ID."`
	Pull   statePullCmd   `cmd:"" help:"Print the whole state as JSON."`
	Push   statePushCmd   `cmd:"" help:"Record what a JSON document says (\"-\" reads it from standard input)."`
	Lock   stateLockCmd   `cmd:"" help:"Show who is applying."`
	Unlock stateUnlockCmd `cmd:"" help:"Take the lock away from a run that hangs or whose machine is gone."`
	Rekey  stateRekeyCmd  `cmd:"" help:"Encrypt everything that is stored anew, as state.encryption says."`
}

// stateFlags say which state is meant.
type stateFlags struct {
	configFlags
	State string `placeholder:"FILE" help:"A local state file, whatever a configuration says; none is read then."`
}

// open finds the store. Without a configuration the keys of an encrypted file come from the variables that are usual.
func (f *stateFlags) open(ctx context.Context, a *app) (*project, error) {
	if f.State == "" {
		return a.open(ctx, &f.configFlags, 1)
	}
	if f.VarFile != "" {
		return nil, errors.New("--var-file is for a configuration, and with --state none is read")
	}
	path, err := filepath.Abs(f.State)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	p, err := a.wire(ctx, filepath.Dir(path), 1)
	if err != nil {
		return nil, err
	}
	p.config = &schema.Config{Dir: filepath.Dir(path), State: schema.StateConfig{
		Backend: "local", StateFile: path, Retention: schema.DefaultRetention,
	}}
	return p, p.openWithUsualKeys(ctx)
}

type stateListCmd struct {
	stateFlags
	Output string `short:"o" enum:"text,json" default:"text" placeholder:"FORMAT" help:"text (one ID a line) or json."`
	Long   bool   `short:"l" help:"Also when a tool was applied, how long that took, and what is special about it."`
}

// Run lists the tools.
func (c *stateListCmd) Run(ctx context.Context, a *app) error {
	p, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	state, err := p.store.Load(ctx)
	if err != nil {
		return err
	}
	return a.print(func(w io.Writer) error {
		switch {
		case c.Output == "json":
			return writeJSON(w, struct {
				Tools []schema.ID `json:"tools"`
			}{append([]schema.ID{}, state.IDs()...)})
		case !c.Long:
			for _, id := range state.IDs() {
				fmt.Fprintln(w, id)
			}
			return nil
		}
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "TOOL\tAPPLIED\tTOOK\tNOTE")
		for _, id := range state.IDs() {
			t := state.Tools[id]
			applied := "-"
			if t.Exists {
				applied = t.Applied.Local().Format("2006-01-02 15:04:05")
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", id, applied, shortDuration(t.Took), note(t))
		}
		return table.Flush()
	})
}

// note says what is special about a recorded tool.
func note(t *store.Tool) string {
	switch {
	case t.Doubt != nil && t.Doubt.Error != "":
		return t.Doubt.Action + " failed"
	case t.Doubt != nil:
		return t.Doubt.Action + " was begun and has no outcome"
	case t.TakenOver:
		return "taken over from DevStream"
	case t.Adopted:
		return "adopted"
	}
	return ""
}

type stateShowCmd struct {
	stateFlags
	Output string    `short:"o" enum:"yaml,json" default:"yaml" placeholder:"FORMAT" help:"yaml or json."`
	ID     schema.ID `arg:"" help:"The tool, as in localfile.hello."`
}

// Run shows what is recorded of a tool.
func (c *stateShowCmd) Run(ctx context.Context, a *app) error {
	p, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	state, err := p.store.Load(ctx)
	if err != nil {
		return err
	}
	t := state.Tools[c.ID]
	if t == nil {
		return notRecorded(state, c.ID, fmt.Errorf("%s %w", c.ID, engine.ErrNotRecorded))
	}
	return a.print(func(w io.Writer) error {
		if c.Output == "json" {
			return writeJSON(w, t)
		}
		return compat.EncodeYAML(w, t)
	})
}

// notRecorded says which tool may have been meant.
func notRecorded(state *store.State, id schema.ID, err error) error {
	if !errors.Is(err, engine.ErrNotRecorded) {
		return err
	}
	var names []string
	for _, known := range state.IDs() {
		names = append(names, string(known))
	}
	if hint := schema.DidYouMean(string(id), names); hint != "" {
		return hinted{err, hint}
	}
	return hinted{err, "`dtm state list` shows what is"}
}

type statePullCmd struct{ stateFlags }

// Run prints the whole state.
func (c *statePullCmd) Run(ctx context.Context, a *app) error {
	p, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	state, err := p.store.Load(ctx)
	if err != nil {
		return err
	}
	return a.print(func(w io.Writer) error { return writeJSON(w, engine.NewStateDocument(state)) })
}

type statePushCmd struct {
	stateFlags
	amendFlags
	Force bool   `help:"Also where the document is of another state, or older than it."`
	Path  string `arg:"" name:"file" help:"The document, as \"dtm state pull\" prints it."`
}

// Run records what a document says.
func (c *statePushCmd) Run(ctx context.Context, a *app) error {
	read := func() ([]byte, error) { return os.ReadFile(c.Path) }
	if c.Path == "-" {
		read = func() ([]byte, error) { return io.ReadAll(a.stdin) }
	}
	data, err := read()
	if err != nil {
		return err
	}
	var doc engine.StateDocument
	if err := a.checkDocument(ctx, "#StateDocument", data); err != nil {
		return fmt.Errorf("%s: %w", c.Path, err)
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("%s: %w", c.Path, err)
	}
	if c.Path == "-" && !c.Yes {
		return errors.New("standard input is the document, so nobody can be asked; add -y")
	}
	p, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	// Somebody may have put a secret back into the document.
	for _, t := range doc.Tools {
		if t.Options, err = engine.Conceal(p.engine.Definition(t.ID.Plugin()), t.Options); err != nil {
			return fmt.Errorf("%s: %s: %w", c.Path, t.ID, err)
		}
		for _, d := range t.Doubts() {
			if d.Options, err = engine.Conceal(p.engine.Definition(t.ID.Plugin()), d.Options); err != nil {
				return fmt.Errorf("%s: %s: %w", c.Path, t.ID, err)
			}
		}
	}
	return a.amend(ctx, p, c.amendFlags, engine.Push(doc, c.Force), func(before, after *store.State) error {
		diffs, err := p.engine.Compare(before, after)
		if err != nil {
			return err
		}
		ui.NewScreen(a.stdout, a.colour).Differences(diffs)
		return nil
	})
}

// checkDocument checks a JSON document against a definition of the schema.
func (a *app) checkDocument(ctx context.Context, definition string, data []byte) error {
	p, err := a.wire(ctx, "/", 1)
	if err != nil {
		return err
	}
	return p.loader.Validate(definition, data)
}

type stateMvCmd struct {
	stateFlags
	amendFlags
	From schema.ID `arg:"" help:"The tool, as in localfile.hello."`
	To   schema.ID `arg:"" help:"Its new ID, of the same plugin."`
}

// Run gives a tool another ID.
func (c *stateMvCmd) Run(ctx context.Context, a *app) error {
	p, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	c.Yes = true // it is undone by moving it back
	return a.amend(ctx, p, c.amendFlags, engine.Move(c.From, c.To), nil)
}
