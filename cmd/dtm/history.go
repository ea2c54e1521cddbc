package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/devstream-io/dtm/cmd/dtm/ui"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

type historyCmd struct {
	configFlags
	Output string `short:"o" enum:"text,json" default:"text" placeholder:"FORMAT" help:"text or json."`

	List historyListCmd `cmd:"" default:"withargs" help:"List the runs, newest first."`
	Show historyShowCmd `cmd:"" help:"Show the changes of one run."`
	Diff historyDiffCmd `cmd:"" help:"Show how the state after one run differs from that after another."`
}

type historyListCmd struct {
	Number int `short:"n" default:"0" placeholder:"N" help:"Only the newest N runs."`
}

// Run lists the runs.
func (c *historyListCmd) Run(ctx context.Context, a *app, h *historyCmd) error {
	p, err := a.open(ctx, &h.configFlags, 1)
	if err != nil {
		return err
	}
	runs := []store.Run{}
	for r, err := range p.store.Runs(ctx) {
		if err != nil {
			return err
		}
		if runs = append(runs, r); len(runs) == c.Number {
			break
		}
	}
	return a.print(func(w io.Writer) error {
		if h.Output == "json" {
			return writeJSON(w, runsDocument{Runs: runs})
		}
		if len(runs) == 0 {
			a.screen.Info("Nothing was ever applied here.")
			return nil
		}
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		why := slices.ContainsFunc(runs, func(r store.Run) bool { return r.Message != "" })
		title := "RUN\tSTARTED\tWHO\tCHANGES\tTOOK\tRESULT\tCOMMAND"
		if why {
			title += "\tWHY"
		}
		fmt.Fprintln(table, title)
		for _, r := range runs {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s", r.ID, r.StartedAt.Local().Format("2006-01-02 15:04:05"),
				r.Author, changes(r.Counts), shortDuration(r.Duration), result(r), r.Command)
			if why {
				fmt.Fprint(table, "\t"+r.Message)
			}
			fmt.Fprintln(table)
		}
		return table.Flush()
	})
}

// changes are the counts in signs: "+2 ~1 !1".
func changes(n store.Counts) string {
	var parts []string
	for _, p := range []struct {
		sign  string
		count int
	}{{"+", n.Created}, {"~", n.Updated}, {"±", n.Replaced}, {"-", n.Deleted}, {"recorded ", n.Recorded}, {"!", n.Failed}, {"skipped ", n.Skipped}} {
		if p.count > 0 {
			parts = append(parts, fmt.Sprintf("%s%d", p.sign, p.count))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, " ")
}

func result(r store.Run) string {
	if r.Result == "" {
		return "cut off"
	}
	return string(r.Result)
}

func shortDuration(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// runsDocument is what `dtm history -o json` prints, and runDocument what `dtm history show -o json` does.
type runsDocument struct {
	Runs []store.Run `json:"runs"`
}

type runDocument struct {
	Run     store.Run     `json:"run"`
	Entries []store.Entry `json:"entries"`
}

type historyShowCmd struct {
	ID string `arg:"" name:"run" help:"The run, as \"dtm history\" lists it, how that begins, or \"latest\"."`
}

// Run shows one run with its changes.
func (c *historyShowCmd) Run(ctx context.Context, a *app, h *historyCmd) error {
	p, err := a.open(ctx, &h.configFlags, 1)
	if err != nil {
		return err
	}
	if c.ID, err = findRun(ctx, p.store, c.ID); err != nil {
		return err
	}
	var run store.Run
	entries := []store.Entry{}
	for e, err := range p.store.Entries(ctx, c.ID) {
		if err != nil {
			return err
		}
		run.Apply(e)
		entries = append(entries, e)
	}
	if h.Output == "json" {
		return a.print(func(w io.Writer) error { return writeJSON(w, runDocument{Run: run, Entries: entries}) })
	}
	return a.print(func(w io.Writer) error { return a.showRun(w, run, entries) })
}

func (a *app) showRun(w io.Writer, run store.Run, entries []store.Entry) error {
	fmt.Fprintf(w, "run      %s\nstarted  %s\nwho      %s\ncommand  %s\n", run.ID, run.StartedAt.Local().Format(time.RFC3339), run.Author, run.Command)
	if run.Message != "" {
		fmt.Fprintf(w, "why      %s\n", run.Message)
	}
	if run.Version != "" {
		fmt.Fprintf(w, "version  %s\n", run.Version)
	}
	fmt.Fprintf(w, "result   %s in %s\nchanges  %s\n\n", result(run), shortDuration(run.Duration), changes(run.Counts))
	screen := ui.NewScreen(w, a.colour)
	intents := map[string]store.Entry{}
	for _, e := range entries {
		name := ui.Tool(e.Tool)
		switch e.Kind {
		case store.Intent:
			intents[name] = e
			continue
		case store.Applied:
			if word := recordedWord(e.Action); word != "" {
				fmt.Fprintf(w, "  Tool (%s) %s\n", name, word)
				break
			}
			fmt.Fprintf(w, "%s Tool (%s) %s done in %s\n", sign(e.Action), name, e.Action, shortDuration(e.Duration))
		case store.Forgotten:
			fmt.Fprintf(w, "  Tool (%s) taken out of the state\n", name)
		case store.Moved:
			fmt.Fprintf(w, "  Tool (%s) is (%s) from here on\n", name, ui.Tool(e.To))
		case store.Deleted:
			fmt.Fprintf(w, "%s Tool (%s) delete done in %s\n", sign(e.Action), name, shortDuration(e.Duration))
		case store.Failed:
			fmt.Fprintf(w, "! Tool (%s) %s failed after %s: %s\n", name, e.Action, shortDuration(e.Duration), e.Error)
		case store.Skipped:
			fmt.Fprintf(w, "  Tool (%s) %s not begun: %s\n", name, e.Action, e.Error)
		case store.TakenOver:
			fmt.Fprintf(w, "  Tool (%s) taken over from DevStream\n", name)
		case store.Started, store.MorePlanned, store.Finished:
			continue
		}
		diff := e.Diff
		if begun, ok := intents[name]; ok {
			diff = append(diff, begun.Diff...)
			delete(intents, name)
		}
		for _, d := range diff {
			screen.Field(w, d)
		}
	}
	for _, e := range entries {
		if begun, ok := intents[ui.Tool(e.Tool)]; ok && begun.Seq == e.Seq {
			fmt.Fprintf(w, "? Tool (%s) %s was begun and has no outcome\n", ui.Tool(e.Tool), e.Action)
		}
	}
	for _, p := range notBegun(entries) {
		fmt.Fprintf(w, "  Tool (%s) %s was planned and not begun\n", ui.Tool(p.Tool), p.Action)
	}
	return nil
}

// notBegun is what a run that was cut off had planned and of which nothing else is said.
func notBegun(entries []store.Entry) []store.Planned {
	said := map[schema.ID]bool{}
	finished := false
	for _, e := range entries {
		said[e.Tool] = true
		finished = finished || e.Kind == store.Finished
	}
	var left []store.Planned
	for _, e := range entries {
		for _, p := range e.Planned {
			if !finished && !said[p.Tool] {
				left = append(left, p)
			}
		}
	}
	return left
}

// recordedWord says what happened where only the record was changed.
func recordedWord(action string) string {
	switch action {
	case store.ActionAdopt:
		return "adopted"
	case store.ActionRefresh:
		return "recorded as it is"
	case store.ActionPush:
		return "recorded as the document says"
	}
	return ""
}

func sign(action string) string {
	switch action {
	case store.ActionCreate:
		return "+"
	case store.ActionReplace:
		return "±"
	case store.ActionDelete:
		return "-"
	}
	return "~"
}
