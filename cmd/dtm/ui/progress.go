package ui

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"
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

// Tee shows a run in several ways. An event goes to all of them, in order; so does Close.
func Tee(all ...Progress) Progress { return tee(all) }

type tee []Progress

func (t tee) Event(ev engine.Event) {
	for _, p := range t {
		p.Event(ev)
	}
}

func (t tee) Close() {
	for _, p := range t {
		p.Close()
	}
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
	case engine.Retrying:
		l.s.Warn("Tool (%s) %s: try %d in %s: %v", Tool(ev.ID), ev.Action, ev.Attempt, short(ev.In), ev.Err)
	case engine.Progress:
		l.s.Info("(%s) %s", Tool(ev.ID), ev.Text)
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

// Live shows a run on a terminal: above, what is done; below, what runs and for how long, and a bar for the whole. w is
// the terminal that s writes to.
func Live(s *Screen, w io.Writer, now func() time.Time) Progress {
	return &live{lines: lines{s: s}, w: w, now: now, running: map[schema.ID]running{}}
}

type live struct {
	lines
	w     io.Writer
	now   func() time.Time
	group *mpb.Progress
	whole *mpb.Bar

	mu      sync.Mutex
	running map[schema.ID]running
}

// running is a tool that was started, if it has failed the try that comes next, and what it has last said of itself.
type running struct {
	engine.Started
	next *engine.Retrying
	said string
}

// text says what goes on.
func (r running) text(now time.Time) string {
	// What has passed is rounded down and what is to come is rounded up, so that neither runs ahead.
	text := fmt.Sprintf("%s %s %s", Tool(r.ID), gerund(r.Action), now.Sub(r.Time).Truncate(time.Second))
	said := ""
	if r.said != "" {
		said = ": " + r.said
	}
	if r.next == nil {
		return text + said
	}
	if wait := r.next.Time.Add(r.next.In).Sub(now); wait > 0 {
		return fmt.Sprintf("%s, try %d in %s", text, r.next.Attempt, (wait + time.Second - 1).Truncate(time.Second))
	}
	return fmt.Sprintf("%s, try %d%s", text, r.next.Attempt, said)
}

const (
	// refreshRate is slow enough to cost nothing, and fast enough to look alive.
	refreshRate = 100 * time.Millisecond
	// maxRunning is how many running tools have a line. With more, those that run longest are shown: they are what one
	// waits for. One bar draws them all, because a bar for each tool outlives it by a frame, and hundreds can end in one.
	maxRunning = 10
)

func (l *live) Event(ev engine.Event) {
	switch ev := ev.(type) {
	case engine.RunStarted:
		l.start(ev.Total)
	case engine.Started:
		l.mu.Lock()
		l.running[ev.ID] = running{Started: ev}
		l.mu.Unlock()
	case engine.Retrying:
		l.say(ev.ID, func(r *running) { r.next, r.said = &ev, "" })
		l.lines.Event(ev)
	case engine.Progress:
		l.say(ev.ID, func(r *running) { r.said = ev.Text })
	case engine.Finished:
		l.end(ev.ID, ev)
	case engine.Failed:
		l.end(ev.ID, ev)
	case engine.Skipped:
		l.end(ev.ID, ev)
	case engine.RunFinished:
		l.Close()
	case engine.Reading:
	}
}

// say changes what the line of a running tool says.
func (l *live) say(id schema.ID, change func(*running)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r, ok := l.running[id]; ok {
		change(&r)
		l.running[id] = r
	}
}

func (l *live) start(total int) {
	l.total = total
	l.group = mpb.New(mpb.WithOutput(l.w), mpb.WithRefreshRate(refreshRate), mpb.WithAutoRefresh(), mpb.WithWidth(40))
	l.whole = l.group.New(int64(total)+1, // it never completes: Close aborts it
		mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
		mpb.BarRemoveOnComplete(),
		mpb.BarExtender(mpb.BarFillerFunc(l.draw), true),
		mpb.PrependDecorators(decor.Any(func(st decor.Statistics) string { return fmt.Sprintf("%d of %d ", st.Current, total) })),
		mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_GO)),
	)
	// What is said from here on appears above the bar.
	l.s.redirect(l.group)
}

// draw writes a line for each tool that runs, the longest first.
func (l *live) draw(w io.Writer, st decor.Statistics) error {
	if st.Completed || st.Aborted {
		return nil
	}
	l.mu.Lock()
	shown := slices.SortedFunc(maps.Values(l.running), func(a, b running) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(string(a.ID), string(b.ID)))
	})
	l.mu.Unlock()
	more := len(shown) - maxRunning
	if more > 0 {
		shown = shown[:maxRunning]
	}
	for _, r := range shown {
		text := runewidth.Truncate(r.text(l.now()), max(st.AvailableWidth-4, 10), "…")
		if _, err := fmt.Fprintf(w, "  %s %s\n", l.s.paint(string(r.Action), actionColour(r.Action)), text); err != nil {
			return err
		}
	}
	if more > 0 {
		_, err := fmt.Fprintf(w, "  and %d more\n", more)
		return err
	}
	return nil
}

// end takes the tool's line away, moves the bar, and says how it went.
func (l *live) end(id schema.ID, ev engine.Event) {
	l.mu.Lock()
	delete(l.running, id)
	l.mu.Unlock()
	l.whole.Increment()
	l.lines.Event(ev)
}

// Close takes the bar away. What was said stays.
func (l *live) Close() {
	if l.group == nil {
		return
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
