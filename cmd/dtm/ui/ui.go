// Package ui draws what dtm has to say: plans, progress, errors.
//
// The rules for talking to the user:
//
//   - Data that was asked for (a plan, a list, a document, the prompt) goes to standard output; what dtm tells about its
//     work goes to standard error, as in DevStream. So a document can be piped while its making is watched.
//   - The first word comes at once, before anything is loaded.
//   - The familiar words of DevStream stay: "Tool (localfile/hello) ... will be created."
//   - Colour and the live view are for terminals. In a pipe, and with NO_COLOR or TERM=dumb, there are plain lines, one a
//     fact, without escape codes.
//   - An error is said once, at the end: what, where, and what to try.
//   - Nothing here decides anything. A screen is a consumer of events.
package ui

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/fatih/color"

	"github.com/devstream-io/dtm/schema"
)

// Screen is where people read. It may be written to by many goroutines.
type Screen struct {
	mu sync.Mutex
	w  io.Writer
	// colour says that escape codes are welcome.
	colour bool
}

// NewScreen makes a screen of w. colour says that w is a terminal that shows colours.
func NewScreen(w io.Writer, colour bool) *Screen { return &Screen{w: w, colour: colour} }

// paint is s in the given style where colours are shown.
func (s *Screen) paint(text string, style ...color.Attribute) string {
	if !s.colour {
		return text
	}
	c := color.New(style...)
	c.EnableColor()
	return c.Sprint(text)
}

func (s *Screen) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A screen that is gone must not end a run: the journal matters more.
	_, _ = io.WriteString(s.w, text+"\n")
}

// Info tells a fact.
func (s *Screen) Info(format string, args ...any) {
	s.line(s.paint("ℹ", color.FgHiBlue) + " " + fmt.Sprintf(format, args...))
}

// Success tells that something is done.
func (s *Screen) Success(format string, args ...any) {
	s.line(s.paint("✔", color.FgGreen) + " " + fmt.Sprintf(format, args...))
}

// Warn tells what the user should look at.
func (s *Screen) Warn(format string, args ...any) {
	s.line(s.paint("⚠", color.FgYellow) + " " + fmt.Sprintf(format, args...))
}

// Fail tells that something went wrong.
func (s *Screen) Fail(format string, args ...any) {
	s.line(s.paint("✖", color.FgRed) + " " + fmt.Sprintf(format, args...))
}

// Note tells what a configuration has that is no mistake, its place first.
func (s *Screen) Note(n schema.Note) {
	s.line(s.paint("ℹ", color.FgHiBlue) + " " + s.placed(n.Pos, n.Path) + n.Msg)
}

// Error tells an error and, below it, what to try. Mistakes in a configuration come one a line.
func (s *Screen) Error(what string, err error) {
	var mistakes schema.Errors
	if errors.As(err, &mistakes) {
		s.Fail("%s: %s", what, Plural(len(mistakes), "mistake", "mistakes"))
		for _, m := range mistakes {
			s.line("  " + s.mistake(m))
		}
		return
	}
	s.Fail("%s: %v", what, err)
	said := map[string]bool{}
	for _, hint := range hints(err) {
		if !said[hint] {
			said[hint] = true
			s.line("  " + s.paint("hint:", color.FgCyan) + " " + hint)
		}
	}
}

// hints are what the errors in err say to try, causes first, each once.
func hints(err error) []string {
	var all []string
	switch e := err.(type) {
	case nil:
		return nil
	case interface{ Unwrap() []error }:
		for _, cause := range e.Unwrap() {
			all = append(all, hints(cause)...)
		}
	case interface{ Unwrap() error }:
		all = hints(e.Unwrap())
	}
	if h, ok := err.(interface{ Hint() string }); ok && h.Hint() != "" {
		all = append(all, h.Hint())
	}
	return all
}

// mistake puts the place first, as compilers do, so that editors find it.
func (s *Screen) mistake(m *schema.Error) string {
	text := s.placed(m.Pos, m.Path) + m.Msg
	if m.Hint != "" {
		text += " (" + s.paint(m.Hint, color.FgCyan) + ")"
	}
	return text
}

// placed is where something was written and what it is about, each where it is known.
func (s *Screen) placed(pos schema.Pos, path string) string {
	text := ""
	if pos.IsValid() {
		text = s.paint(pos.String(), color.Bold) + ": "
	}
	if path != "" {
		text += path + ": "
	}
	return text
}

// Plural is a number with the noun that goes with it.
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Tool is an ID as DevStream writes it: "localfile/hello".
func Tool(id schema.ID) string { return id.Plugin() + "/" + id.Instance() }
