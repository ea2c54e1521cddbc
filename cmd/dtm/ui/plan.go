package ui

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"
	"github.com/fatih/color"

	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// Plan draws a plan: one line a change, below it the fields, at the end a summary.
func (s *Screen) Plan(p *engine.Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := bufio.NewWriterSize(s.w, 1<<16)
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Action != engine.NoOp {
			s.change(w, c)
		}
	}
	s.errors(w, p)
	fmt.Fprintln(w, Summary(p))
	if len(p.LeftOut) > 0 {
		fmt.Fprintln(w, leftOut(p.LeftOut))
	}
	_ = w.Flush()
}

// mostNames is how many tools are named in a line.
const mostNames = 10

func leftOut(ids []schema.ID) string {
	names := make([]string, 0, mostNames)
	for _, id := range ids[:min(len(ids), mostNames)] {
		names = append(names, string(id))
	}
	text := Plural(len(ids), "tool is left out", "tools are left out") + ": " + strings.Join(names, ", ")
	if len(ids) > mostNames {
		text += ", …"
	}
	return text
}

// Drift draws how what exists differs from what was left: a plan that would only record it.
func (s *Screen) Drift(p *engine.Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := bufio.NewWriterSize(s.w, 1<<16)
	for i := range p.Changes {
		c := &p.Changes[i]
		switch c.Action {
		case engine.Update:
			fmt.Fprintf(w, "%s Tool (%s) drifted.\n", s.paint("~", color.FgYellow, color.Bold), Tool(c.ID))
		case engine.Delete:
			fmt.Fprintf(w, "%s Tool (%s) is gone.\n", s.paint("-", color.FgRed, color.Bold), Tool(c.ID))
		case engine.Create, engine.Replace, engine.NoOp:
			continue
		}
		s.fields(w, c.Diff)
	}
	s.errors(w, p)
	n := p.Summary()
	for _, id := range p.InDoubt {
		fmt.Fprintf(w, "%s Tool (%s) is in doubt: what was begun has no good outcome. `dtm plan` shows what will be done.\n", s.paint("?", color.FgYellow, color.Bold), Tool(id))
	}
	text := fmt.Sprintf("%d drifted, %d gone, %d as they were left", n.Update, n.Delete, n.Unchanged)
	if len(p.InDoubt) > 0 {
		text += fmt.Sprintf(", %d in doubt", len(p.InDoubt))
	}
	if len(p.Errors) > 0 {
		text += ", " + Plural(len(p.Errors), "could not be read", "could not be read")
	}
	fmt.Fprintln(w, text)
	if len(p.LeftOut) > 0 {
		fmt.Fprintln(w, leftOut(p.LeftOut))
	}
	_ = w.Flush()
}

// Differences draws how two states differ.
func (s *Screen) Differences(diffs []engine.Difference) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := bufio.NewWriterSize(s.w, 1<<16)
	var added, changed, removed int
	for _, d := range diffs {
		word := "changed"
		switch d.Action {
		case engine.Create:
			word = "added"
			added++
		case engine.Delete:
			word = "removed"
			removed++
		case engine.Update, engine.Replace, engine.NoOp:
			changed++
		}
		fmt.Fprintf(w, "%s Tool (%s) %s\n", s.paint(string(d.Action), actionColour(d.Action), color.Bold), Tool(d.ID), word)
		s.fields(w, d.Diff)
	}
	fmt.Fprintf(w, "%d added, %d changed, %d removed\n", added, changed, removed)
	_ = w.Flush()
}

// Summary is the line at the end of a plan.
func Summary(p *engine.Plan) string {
	n := p.Summary()
	text := fmt.Sprintf("%d to create, %d to update, %d to replace, %d to delete, %d unchanged",
		n.Create, n.Update, n.Replace, n.Delete, n.Unchanged)
	if len(p.Errors) > 0 {
		text += ", " + Plural(len(p.Errors), "could not be read", "could not be read")
	}
	return text
}

func (s *Screen) change(w io.Writer, c *engine.Change) {
	fmt.Fprintf(w, "%s Tool (%s) %s\n", s.paint(string(c.Action), actionColour(c.Action), color.Bold), Tool(c.ID), c.Reason)
	if c.Have != nil {
		for _, d := range c.Have.Doubts() {
			s.doubt(w, d)
		}
	}
	s.fields(w, c.Diff)
	if c.Preview != nil {
		s.preview(w, c.Preview)
	}
}

// doubt draws what was begun and has no good outcome.
func (s *Screen) doubt(w io.Writer, d *store.Doubt) {
	text := "has no outcome: the run was cut off"
	if d.Error != "" {
		text = "failed: " + d.Error
	}
	fmt.Fprintf(w, "    %s %s of run %s %s\n", s.paint("?", color.FgYellow), d.Action, d.Run, text)
}

func (s *Screen) fields(w io.Writer, diffs []store.FieldDiff) {
	for _, d := range diffs {
		if !said(diffs, d.Path) {
			s.Field(w, d)
		}
	}
}

func (s *Screen) errors(w io.Writer, p *engine.Plan) {
	for _, e := range p.Errors {
		fmt.Fprintf(w, "%s Tool (%s) could not be read: %v\n", s.paint("✖", color.FgRed), Tool(e.ID), e.Err)
		for _, hint := range hints(e.Err) {
			fmt.Fprintf(w, "    %s %s\n", s.paint("hint:", color.FgCyan), hint)
		}
	}
}

// said tells whether a drifted output is shown as a field of the resource already.
func said(diffs []store.FieldDiff, path string) bool {
	name, isOutput := strings.CutPrefix(path, "resource.outputs.")
	return isOutput && slices.ContainsFunc(diffs, func(d store.FieldDiff) bool { return d.Path == "resource."+name })
}

func actionColour(a engine.Action) color.Attribute {
	switch a {
	case engine.Create:
		return color.FgGreen
	case engine.Update:
		return color.FgYellow
	case engine.Replace:
		return color.FgMagenta
	case engine.Delete:
		return color.FgRed
	case engine.NoOp:
	}
	return color.Reset
}

// Field draws one changed field: `~ options.content: "a" -> "b"`. Long texts are shown as a unified diff.
func (s *Screen) Field(w io.Writer, d store.FieldDiff) {
	sign, style := "~", color.FgYellow
	switch {
	case d.Secret:
	case d.Before == nil:
		sign, style = "+", color.FgGreen
	case d.After == nil:
		sign, style = "-", color.FgRed
	}
	note := ""
	if d.Replace {
		note = s.paint(" (forces replacement)", color.FgMagenta)
	}
	fmt.Fprintf(w, "    %s %s: ", s.paint(sign, style), d.Path)
	before, after := text(d.Before), text(d.After)
	switch {
	case d.Secret:
		fmt.Fprintf(w, "(secret)%s\n", note)
	case d.Unknown && d.Before == nil:
		fmt.Fprintf(w, "(known after apply: %s)%s\n", after, note)
	case d.Unknown:
		fmt.Fprintf(w, "%s -> (known after apply: %s)%s\n", before, after, note)
	case d.Before == nil:
		fmt.Fprintf(w, "%s%s\n", after, note)
	case d.After == nil:
		fmt.Fprintf(w, "%s%s\n", before, note)
	default:
		if lines := s.unified(d); lines != "" {
			fmt.Fprintf(w, "%s\n%s", note, lines)
			return
		}
		fmt.Fprintf(w, "%s -> %s%s\n", before, after, note)
	}
}

// longValue is how many bytes of a value are shown in a line.
const longValue = 120

// text is a value on one line, cut if it is long.
func text(v json.RawMessage) string {
	if len(v) <= longValue {
		return string(v)
	}
	cut := longValue
	for cut > 0 && !utf8.RuneStart(v[cut]) {
		cut--
	}
	return fmt.Sprintf("%s… (%d bytes)", v[:cut], len(v))
}

// unified is the diff of two texts of several lines, indented; empty for anything else.
func (s *Screen) unified(d store.FieldDiff) string {
	var before, after string
	if json.Unmarshal(d.Before, &before) != nil || json.Unmarshal(d.After, &after) != nil {
		return ""
	}
	if strings.Count(before, "\n")+strings.Count(after, "\n") < 3 {
		return ""
	}
	var b strings.Builder
	for i, line := range strings.Split(strings.TrimSuffix(udiff.Unified("a", "b", before, after), "\n"), "\n") {
		if i < 2 {
			continue // the names of the files
		}
		style := color.Reset
		switch {
		case strings.HasPrefix(line, "+"):
			style = color.FgGreen
		case strings.HasPrefix(line, "-"):
			style = color.FgRed
		case strings.HasPrefix(line, "@"):
			style = color.FgCyan
		}
		b.WriteString("        " + s.paint(line, style) + "\n")
	}
	return b.String()
}
