package ui

import (
	"fmt"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
)

// Progress shows a run while it goes on. Event takes the engine's events, one at a time; Close ends the showing and may
// be called twice.
type Progress interface {
	Event(engine.Event)
	Close()
}

// Lines shows a run as lines on s, for pipes and logs.
func Lines(s *Screen) Progress { return &lines{s: s} }

type lines struct {
	s     *Screen
	total int
	ended int
}

func (l *lines) Close() {}

func (l *lines) Event(ev engine.Event) {
	switch ev := ev.(type) {
	case engine.RunStarted:
		l.total = ev.Total
		l.s.Info("Start executing the plan.")
		l.s.Info("Changes count: %d.", ev.Total)
	case engine.Started:
		l.s.Info("Processing: (%s) -> %s ...", Tool(ev.ID), title(ev.Action))
	case engine.Finished:
		l.ended++
		word := title(ev.Action) + " done"
		switch {
		case ev.Unchanged:
			word = "is as it should be"
		case ev.Action == engine.Delete:
			word = "delete done"
		}
		l.s.Success("Tool (%s) %s. [%d/%d, %s]", Tool(ev.ID), word, l.ended, l.total, short(ev.Duration))
	case engine.Failed:
		l.ended++
		l.s.Fail("Tool (%s) %s failed: %v [%d/%d, %s]", Tool(ev.ID), title(ev.Action), ev.Err, l.ended, l.total, short(ev.Duration))
	case engine.Skipped:
		l.ended++
		l.s.Warn("Tool (%s) %s", Tool(ev.ID), why(ev))
	case engine.Reading, engine.RunFinished:
	}
}

func why(ev engine.Skipped) string {
	if len(ev.Causes) == 0 {
		return fmt.Sprintf("%s not begun: the run was stopped.", title(ev.Action))
	}
	text := ""
	for i, id := range ev.Causes {
		if i > 0 {
			text += ", "
		}
		text += Tool(id)
	}
	return fmt.Sprintf("%s skipped: it waits for %s.", title(ev.Action), text)
}

func title(a engine.Action) string {
	switch a {
	case engine.Create:
		return "Create"
	case engine.Update:
		return "Update"
	case engine.Replace:
		return "Replace"
	case engine.Delete:
		return "Delete"
	case engine.NoOp:
	}
	return "Keep"
}

// short is a duration with three digits at most.
func short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// Live shows a run on a terminal: above, what is done; below, a line for each verb that runs, with its time, and a bar
// for the whole. w is the terminal that s writes to.
func Live(s *Screen, w io.Writer) Progress {
	return &live{lines: lines{s: s}, s: s, w: w, running: map[schema.ID]*mpb.Bar{}}
}

type live struct {
	lines
	s       *Screen
	w       io.Writer
	group   *mpb.Progress
	whole   *mpb.Bar
	running map[schema.ID]*mpb.Bar
}

// refreshRate is slow enough to cost nothing, and fast enough to look alive.
const refreshRate = 120 * time.Millisecond

func (l *live) Event(ev engine.Event) {
	switch ev := ev.(type) {
	case engine.RunStarted:
		l.total = ev.Total
		l.group = mpb.New(mpb.WithOutput(l.w), mpb.WithRefreshRate(refreshRate), mpb.WithAutoRefresh(), mpb.WithWidth(40))
		l.whole = l.group.New(int64(max(ev.Total, 1)),
			mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
			mpb.BarPriority(1<<30), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.CountersNoUnit("%d of %d ")),
			mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_GO)),
		)
		// What is said from here on appears above the bars.
		l.s.redirect(l.group)
	case engine.Started:
		name := fmt.Sprintf("%s %s %s ", l.s.paint(string(ev.Action), actionColour(ev.Action)), Tool(ev.ID), gerund(ev.Action))
		l.running[ev.ID] = l.group.New(1, mpb.NopStyle(), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Spinner(nil), decor.Name(" "+name), decor.Elapsed(decor.ET_STYLE_GO)))
	case engine.Finished:
		l.end(ev.ID)
		l.lines.Event(ev)
	case engine.Failed:
		l.end(ev.ID)
		l.lines.Event(ev)
	case engine.Skipped:
		l.end(ev.ID)
		l.lines.Event(ev)
	case engine.RunFinished:
		l.Close()
	case engine.Reading:
	}
}

// end takes the tool's line away and moves the bar.
func (l *live) end(id schema.ID) {
	if bar := l.running[id]; bar != nil {
		bar.Abort(true)
		delete(l.running, id)
	}
	l.whole.Increment()
}

func (l *live) Close() {
	if l.group == nil {
		return
	}
	for _, bar := range l.running {
		bar.Abort(true)
	}
	l.whole.Abort(true)
	l.group.Wait()
	l.s.redirect(l.w)
	l.group = nil
}

// redirect makes the screen write elsewhere.
func (s *Screen) redirect(w io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w = w
}

func gerund(a engine.Action) string {
	switch a {
	case engine.Create:
		return "creating"
	case engine.Update:
		return "updating"
	case engine.Replace:
		return "replacing"
	case engine.Delete:
		return "deleting"
	case engine.NoOp:
	}
	return "keeping"
}
