package engine

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// same compares two texts of lines, in which blanks around lines do not count.
func (h *house) same(what, got, want string) {
	h.Helper()
	if diff := cmp.Diff(trimmed(want), trimmed(got)); diff != "" {
		h.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

func trimmed(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// planText has the sign, the tool and, behind a colon, the fields that change; tools that stay as they are left out.
func planText(p *Plan) string {
	var b strings.Builder
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Action == NoOp {
			continue
		}
		fmt.Fprintf(&b, "%c %s", c.Action, short(c.ID))
		if c.Action != Create {
			var fields []string
			for _, d := range c.Diff {
				fields = append(fields, diffText(d))
			}
			if len(fields) > 0 {
				b.WriteString(": " + strings.Join(fields, ", "))
			}
		}
		b.WriteString("\n")
	}
	for _, e := range p.Errors {
		fmt.Fprintf(&b, "! %s: %v\n", short(e.ID), e.Err)
	}
	return b.String()
}

func diffText(d store.FieldDiff) string {
	text := d.Path
	for _, v := range []json.RawMessage{d.Before, d.After} {
		if v == nil {
			text += " -"
		} else {
			text += " " + string(v)
		}
	}
	for _, mark := range []struct {
		is   bool
		word string
	}{{d.Unknown, " unknown"}, {d.Secret, " secret"}, {d.Replace, " replace"}} {
		if mark.is {
			text += mark.word
		}
	}
	return text
}

func short(id schema.ID) string { return strings.TrimPrefix(string(id), "thing.") }

// eventText is the events of the last apply, one a line.
func (h *house) eventText() string {
	var b strings.Builder
	for _, ev := range h.events {
		switch ev := ev.(type) {
		case Started:
			fmt.Fprintf(&b, "%s %s begins\n", short(ev.ID), ev.Action)
		case Progress:
			fmt.Fprintf(&b, "%s says: %s\n", short(ev.ID), ev.Text)
		case Finished:
			word := "ends"
			if ev.Unchanged {
				word = "is unchanged"
			}
			fmt.Fprintf(&b, "%s %s\n", short(ev.ID), word)
		case Failed:
			fmt.Fprintf(&b, "%s fails: %v\n", short(ev.ID), ev.Err)
		case Skipped:
			var causes []string
			for _, id := range ev.Causes {
				causes = append(causes, short(id))
			}
			fmt.Fprintf(&b, "%s skipped for [%s]\n", short(ev.ID), strings.Join(causes, " "))
		case Reading, RunStarted, RunFinished:
		}
	}
	return b.String()
}
