package ui

import (
	"encoding/json"
	"io"
	"time"

	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// JSONLines shows a run as one JSON object a line, for programs. Every object has "type" and "time"; what else it has
// depends on the type: planned, runStarted, started, finished, failed, skipped, runFinished.
func JSONLines(w io.Writer, now func() time.Time) *EventWriter { return &EventWriter{w: w, now: now} }

// EventWriter is a Progress that writes JSON lines.
type EventWriter struct {
	w   io.Writer
	now func() time.Time
}

// event is one line. Durations are in nanoseconds, as in the history.
type event struct {
	Type      string        `json:"type"`
	Time      time.Time     `json:"time"`
	Run       string        `json:"run,omitempty"`
	ID        schema.ID     `json:"id,omitempty"`
	Action    string        `json:"action,omitempty"`
	Total     *int          `json:"total,omitempty"`
	Duration  time.Duration `json:"duration,omitempty"`
	Unchanged bool          `json:"unchanged,omitempty"`
	Error     string        `json:"error,omitempty"`
	Causes    []schema.ID   `json:"causes,omitempty"`
	Plan      *engine.Plan  `json:"plan,omitempty"`
	Result    store.Result  `json:"result,omitempty"`
	Counts    *store.Counts `json:"counts,omitempty"`
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

func (e *EventWriter) write(ev event) {
	data, err := json.Marshal(ev)
	if err != nil {
		return // every field is plain data
	}
	_, _ = e.w.Write(append(data, '\n')) // a reader that is gone must not end a run
}
