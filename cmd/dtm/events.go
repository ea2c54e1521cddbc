package main

import (
	"errors"
	"os"
	"time"

	"github.com/devstream-io/dtm/cmd/dtm/ui"
	"github.com/devstream-io/dtm/engine"
)

// streams are where the events of a run go as JSON lines. It is a Progress.
type streams struct {
	all []stream
	// file is what --events names, nil without it.
	file *os.File
}

type stream struct {
	*ui.EventWriter
	where string
}

// openEvents begins the events that the flags ask for, before anything else is done: a file of an earlier run must not be
// taken for this one's. A file that is there keeps its mode.
func (r *runner) openEvents() error {
	if r.flags.Events != "" {
		f, err := os.OpenFile(r.flags.Events, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		r.events.file = f
		r.events.all = append(r.events.all, stream{ui.JSONLines(f, version, time.Now), "in " + r.flags.Events})
	}
	if r.flags.JSON {
		r.events.all = append(r.events.all, stream{ui.JSONLines(r.app.stdout, version, time.Now), "on standard output"})
	}
	return nil
}

// closeEvents says which events are not complete: a disk that is full must not end a run.
func (r *runner) closeEvents() {
	var closed error
	if r.events.file != nil {
		closed = r.events.file.Close()
	}
	for i, s := range r.events.all {
		err := s.Err()
		if i == 0 { // the file, if there is one
			err = errors.Join(err, closed)
		}
		if err != nil {
			r.app.screen.Warn("The events %s are not complete: %v", s.where, err)
		}
	}
}

// Planned tells the plan.
func (s *streams) Planned(p *engine.Plan) {
	for _, w := range s.all {
		w.Planned(p)
	}
}

// Event writes one line.
func (s *streams) Event(ev engine.Event) {
	for _, w := range s.all {
		w.Event(ev)
	}
}

// Close does nothing: what follows the run may have something to tell as well.
func (s *streams) Close() {}
