package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/store"
)

func TestAFailureSkipsOnlyWhatWaitsForItAndNamesTheFirstCauses(t *testing.T) {
	h := newHouse(t)
	h.before = func(_ context.Context, _ string, o options) error {
		if o.Name == "a" || o.Name == "z" {
			return errors.New(o.Name + " is broken")
		}
		return nil
	}
	const config = "a\nb <a\nc <a\nd <b,c,z\nz\ne <d\nfree\nmore <free"
	_, err := h.try(config)
	h.same("events", h.eventText(), `
a create begins
a fails: a is broken
b skipped for [a]
c skipped for [a]
z create begins
z fails: z is broken
d skipped for [a z]
e skipped for [a z]
free create begins
free ends
more create begins
more ends`)
	var failed *ApplyError
	if !errors.As(err, &failed) || failed.Skipped != 4 || failed.Interrupted || failed.Record != nil {
		t.Fatalf("%#v", err)
	}
	if got := err.Error(); got != "2 tools failed, first thing.a: a is broken (4 not begun)" {
		t.Errorf("error %q", got)
	}
	if got := h.summary(); got.Result != store.FailedRun || got.Counts != (store.Counts{Created: 2, Failed: 2, Skipped: 4}) {
		t.Errorf("summary %+v", got)
	}
	var skipped []string
	for _, e := range h.journal() {
		if e.Kind == store.Skipped {
			skipped = append(skipped, short(e.Tool)+" "+e.Action+" "+e.Error)
		}
	}
	slices.Sort(skipped)
	h.same("journal", strings.Join(skipped, "\n"), `
b create waits for thing.a
c create waits for thing.a
d create waits for thing.a, thing.z
e create waits for thing.a, thing.z`)

	h.before = nil
	h.apply(config)
	h.settled(config)
}

// summary is that of the last apply, which the journal must agree with.
func (h *house) summary() Summary {
	h.Helper()
	s := h.events[len(h.events)-1].(RunFinished).Summary
	for run, err := range h.store.Runs(h.Context()) {
		if err != nil {
			h.Fatal(err)
		}
		if run.ID == s.Run && (run.Counts != s.Counts || run.Result != s.Result) {
			h.Errorf("the journal says %+v, the summary %+v", run, s)
		}
	}
	return s
}

func TestFailFastBeginsNothingAfterAFailure(t *testing.T) {
	h := newHouse(t)
	h.opt.FailFast = true
	h.before = failing("create", "b", errors.New("no"))
	_, err := h.try("a\nb\nc\nd <b")
	h.same("events", h.eventText(), `
b create begins
b fails: no
d skipped for [b]
a skipped for []
c skipped for []`)
	var failed *ApplyError
	if !errors.As(err, &failed) || failed.Interrupted || failed.Skipped != 3 || len(failed.Failed) != 1 {
		t.Errorf("%#v", err)
	}
	if got := h.summary(); got.Result != store.FailedRun {
		t.Errorf("summary %+v", got)
	}
}

func TestWhenStoppedWhatRunsEndsAndNothingMoreBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.engine.Now, h.engine.Parallel = time.Now, 2
		stop := make(chan struct{})
		h.opt.Stop = stop
		h.before = func(ctx context.Context, _ string, _ options) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(2 * time.Second):
				return nil
			}
		}
		time.AfterFunc(time.Second, func() { close(stop) })
		const config = "a\nb\nc\nd <a"
		_, err := h.try(config)
		h.same("world", h.world.String(), "a\nb")
		var failed *ApplyError
		if !errors.As(err, &failed) || !failed.Interrupted || failed.Skipped != 2 || err.Error() != "interrupted (2 not begun)" {
			t.Errorf("%#v", err)
		}
		if got := h.summary(); got.Result != store.Interrupted || got.Counts != (store.Counts{Created: 2, Skipped: 2}) {
			t.Errorf("summary %+v", got)
		}
		h.truth()

		// A run that is stopped before it begins does nothing.
		h.verbs()
		if _, err := h.run(t.Context(), h.plan(config)); err == nil || err.Error() != "interrupted (2 not begun)" || h.verbs() != "" {
			t.Errorf("error %v", err)
		}
	})
}

func TestStoppingWhenTheLastChangeRunsInterruptsNothing(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	stop := make(chan struct{})
	h.opt.Stop = stop
	h.after = func(_ context.Context, _ string, o options) error {
		if o.Name == "b" {
			close(stop)
			cancel()
		}
		return nil
	}
	s, err := h.run(ctx, h.plan("a\nb <a"))
	if err != nil || s.Result != store.Succeeded {
		t.Errorf("%+v, %v", s, err)
	}
	h.after = nil
	h.settled("a\nb <a")
}

func TestACancelledVerbsOutcomeIsRecordedAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.engine.Now, h.engine.Parallel = time.Now, 2
		ctx, cancel := context.WithCancel(t.Context())
		h.before = func(ctx context.Context, _ string, o options) error {
			if o.Name == "stubborn" {
				time.Sleep(3 * time.Second) // in a bubble
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}
		time.AfterFunc(time.Second, cancel)
		const config = "a\nstubborn\nb <stubborn"
		_, err := h.run(ctx, h.plan(config))
		var failed *ApplyError
		if !errors.As(err, &failed) || !failed.Interrupted || !errors.Is(err, context.Canceled) || failed.Skipped != 1 {
			t.Errorf("%#v", err)
		}
		if got := err.Error(); got != "thing.a failed: context canceled; interrupted (1 not begun)" {
			t.Errorf("error %q", got)
		}
		if got := h.summary(); got.Result != store.Interrupted || got.Counts != (store.Counts{Created: 1, Failed: 1, Skipped: 1}) {
			t.Errorf("summary %+v", got)
		}
		tools := h.state().Tools
		if c := tools["thing.stubborn"]; c == nil || !c.Exists || c.Doubt != nil {
			t.Errorf("stubborn is recorded as %+v", c)
		}
		if c := tools["thing.a"]; c == nil || c.Exists || c.Doubt.Error != "context canceled" {
			t.Errorf("a is recorded as %+v", c)
		}
		h.before = nil
		h.apply(config)
		h.settled(config)
	})
}

func TestReadingThatIsCancelledIsAnError(t *testing.T) {
	h := newHouse(t)
	h.apply("a\nb")
	ctx, cancel := context.WithCancel(t.Context())
	h.before = func(context.Context, string, options) error { cancel(); return nil }
	if _, err := h.engine.Plan(ctx, toolchain("a\nb"), h.state(), PlanOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestAPanicIsTheErrorOfOneTool(t *testing.T) {
	h := newHouse(t)
	h.before = func(_ context.Context, _ string, o options) error {
		if o.Name == "a" {
			panic("ouch")
		}
		return nil
	}
	_, err := h.try("a\nb\nc <a")
	var panicked *plugins.PanicError
	if !errors.As(err, &panicked) || panicked.Verb != "create" {
		t.Errorf("error %v", err)
	}
	h.same("world", h.world.String(), "b")
	h.before = nil
	h.apply("a\nb\nc <a")
	h.before = func(context.Context, string, options) error { panic("ouch") }
	h.same("plan", planText(h.plan("a\nb\nc <a")), `
! a: plugin thing panicked in read: ouch
! b: plugin thing panicked in read: ouch
! c: plugin thing panicked in read: ouch`)
}

func TestAPlanThatHasGoneStaleIsRefused(t *testing.T) {
	h := newHouse(t)
	p := h.plan("a")
	h.apply("b")
	if _, err := h.run(t.Context(), p); !errors.Is(err, store.ErrStale) || h.verbs() != "create b" {
		t.Errorf("error %v", err)
	}
	session, err := h.store.Open(t.Context(), store.Holder{PID: 7}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	var locked *store.LockedError
	if _, err := h.run(t.Context(), h.plan("a\nb")); !errors.As(err, &locked) {
		t.Errorf("error %v", err)
	}
}
