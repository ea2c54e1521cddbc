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
	for _, e := range p.Errors {
		fmt.Fprintf(w, "%s Tool (%s) could not be read: %v\n", s.paint("✖", color.FgRed), Tool(e.ID), e.Err)
	}
	fmt.Fprintln(w, Summary(p))
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
	for _, d := range c.Diff {
		if !said(c.Diff, d.Path) {
			s.Field(w, d)
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
