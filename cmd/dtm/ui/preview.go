package ui

import (
	"fmt"
	"io"
	"strings"

	"github.com/fatih/color"

	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/plugins"
)

// mostParts is how many parts of a tool are shown. With more, those that go and those that change are shown first: they
// are what one has to know of.
const mostParts = 20

// preview draws what a change would do inside a tool.
func (s *Screen) preview(w io.Writer, p *plugins.Preview) {
	for _, f := range p.Settled {
		fmt.Fprintf(w, "    %s %s: %s (settled now)\n", s.paint("=", color.FgCyan), f.Name, f.Value)
	}
	if len(p.Parts) > 0 {
		count := map[engine.Action]int{}
		for _, part := range p.Parts {
			count[partAction(part)]++
		}
		fmt.Fprintf(w, "    Inside: %d to create, %d to update, %d to delete\n", count[engine.Create], count[engine.Update], count[engine.Delete])
		shown := shownParts(p.Parts)
		for _, part := range shown {
			s.part(w, part)
		}
		if more := len(p.Parts) - len(shown); more > 0 {
			fmt.Fprintf(w, "      ... and %d more\n", more)
		}
	}
	for _, note := range p.Notes {
		fmt.Fprintf(w, "    %s %s\n", s.paint("ℹ", color.FgHiBlue), note)
	}
}

func (s *Screen) part(w io.Writer, part plugins.Part) {
	action := partAction(part)
	fmt.Fprintf(w, "      %s %s", s.paint(string(action), actionColour(action)), part.Name)
	if n := len(part.Fields); n > 0 {
		fmt.Fprintf(w, ": %s", strings.Join(part.Fields[:min(n, mostNames)], ", "))
		if n > mostNames {
			fmt.Fprint(w, ", …")
		}
	}
	fmt.Fprintln(w)
}

// shownParts are those parts that have a line, in the order in which they came.
func shownParts(parts []plugins.Part) []plugins.Part {
	if len(parts) <= mostParts {
		return parts
	}
	has, left := make([]bool, len(parts)), mostParts
	for _, first := range []engine.Action{engine.Delete, engine.Update, engine.Create} {
		for i, part := range parts {
			if left > 0 && partAction(part) == first {
				has[i] = true
				left--
			}
		}
	}
	shown := make([]plugins.Part, 0, mostParts)
	for i, part := range parts {
		if has[i] {
			shown = append(shown, part)
		}
	}
	return shown
}

func partAction(part plugins.Part) engine.Action {
	switch part.Action {
	case plugins.PartDelete:
		return engine.Delete
	case plugins.PartUpdate:
		return engine.Update
	}
	return engine.Create
}
