package ui

import (
	"encoding/json"
	"io"
	"time"

	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// EventFormat is the version of the lines. The second number grows when something is added, and the first when what was
// there is no more.
const EventFormat = "1.0"

// JSONLines shows a run as one JSON object a line, for programs. The first says which format it is, and which version of
// dtm writes. Every object has "type" and "time"; what else it has depends on the type: version, planned, runStarted,
// started, retrying, progress, finished, failed, skipped, runFinished.
func JSONLines(w io.Writer, version string, now func() time.Time) *EventWriter {
	e := &EventWriter{w: w, now: now}
	e.write(event{Type: "version", Time: now(), FormatVersion: EventFormat, DTM: version})
	return e
}

// EventWriter is a Progress that writes JSON lines. Every line is written at once, in one Write.
type EventWriter struct {
	w   io.Writer
	now func() time.Time
	err error
}

// Err is why the lines are not complete, nil if they are.
func (e *EventWriter) Err() error { return e.err }

// event is one line. Durations are in nanoseconds, as in the history.
type event struct {
	Type string    `json:"type"`
	Time time.Time `json:"time"`

	FormatVersion string `json:"formatVersion,omitempty"`
	DTM           string `json:"dtm,omitempty"`

	Run       string         `json:"run,omitempty"`
	ID        schema.ID      `json:"id,omitempty"`
	Action    string         `json:"action,omitempty"`
	Total     *int           `json:"total,omitempty"`
	Duration  time.Duration  `json:"duration,omitempty"`
	Unchanged bool           `json:"unchanged,omitempty"`
	Attempt   int            `json:"attempt,omitempty"`
	In        *time.Duration `json:"in,omitempty"`
	Error     string         `json:"error,omitempty"`
	Text      string         `json:"text,omitempty"`
	Causes    []schema.ID    `json:"causes,omitempty"`
	Plan      *engine.Plan   `json:"plan,omitempty"`
	Result    store.Result   `json:"result,omitempty"`
	Counts    *store.Counts  `json:"counts,omitempty"`
}

// Planned tells the plan.
func (e *EventWriter) Planned(p *engine.Plan) {
	e.write(event{Type: "planned", Time: e.now(), Plan: p})
}

// Close does nothing: every line is written at once.
func (e *EventWriter) Close() {}

// Event writes one line.
func (e *EventWriter) Event(ev engine.Event) {
	switch ev := ev.(type) {
	case engine.RunStarted:
		e.write(event{Type: "runStarted", Time: ev.Time, Run: ev.Run, Total: &ev.Total})
	case engine.Started:
		e.write(event{Type: "started", Time: ev.Time, ID: ev.ID, Action: ev.Action.String()})
	case engine.Retrying:
		e.write(event{Type: "retrying", Time: ev.Time, ID: ev.ID, Action: ev.Action.String(), Attempt: ev.Attempt, In: &ev.In, Error: ev.Err.Error()})
	case engine.Progress:
		e.write(event{Type: "progress", Time: ev.Time, ID: ev.ID, Action: ev.Action.String(), Text: ev.Text})
	case engine.Finished:
		e.write(event{Type: "finished", Time: ev.Time, ID: ev.ID, Action: ev.Action.String(), Duration: ev.Duration, Unchanged: ev.Unchanged})
	case engine.Failed:
		e.write(event{Type: "failed", Time: ev.Time, ID: ev.ID, Action: ev.Action.String(), Duration: ev.Duration, Error: ev.Err.Error()})
	case engine.Skipped:
		e.write(event{Type: "skipped", Time: ev.Time, ID: ev.ID, Action: ev.Action.String(), Causes: ev.Causes})
	case engine.RunFinished:
		e.write(event{Type: "runFinished", Time: ev.Time, Run: ev.Summary.Run, Result: ev.Summary.Result, Duration: ev.Summary.Duration, Counts: &ev.Summary.Counts})
	case engine.Reading:
	}
}

// write writes a line. A reader that is gone or a disk that is full must not end a run; after half a line there is no
// other, so that what there is can be read.
func (e *EventWriter) write(ev event) {
	if e.err != nil {
		return
	}
	data, err := json.Marshal(ev)
	if err == nil {
		_, err = e.w.Write(append(data, '\n'))
	}
	e.err = err
}
