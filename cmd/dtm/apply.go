package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/devstream-io/dtm/cmd/dtm/trace"
	"github.com/devstream-io/dtm/cmd/dtm/ui"
	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// runFlags are the flags of the commands that change something.
type runFlags struct {
	Yes      bool   `short:"y" help:"Do not ask."`
	Parallel int    `default:"${parallel}" placeholder:"N" help:"How many tools at the same time (default ${parallel}); 1 is strictly one after the other."`
	FailFast bool   `help:"Begin nothing new after a failure."`
	Message  string `short:"m" placeholder:"TEXT" help:"Why, for the history."`
	lockFlags
	JSON   bool   `name:"json" help:"Print one JSON event a line on standard output. Needs -y."`
	Events string `placeholder:"FILE" help:"Write the events to FILE, one JSON object a line."`
}

type applyCmd struct {
	configFlags
	runFlags
	planFlags
	AllowEmpty bool   `help:"Let a configuration without tools delete everything that is recorded."`
	Plan       string `arg:"" optional:"" name:"plan" placeholder:"PLAN" help:"A file that \"dtm plan --out\" has written: exactly this plan is applied, and nothing is asked."`
}

// Run makes everything as the configuration says, or does what a saved plan says.
func (c *applyCmd) Run(ctx context.Context, a *app) error {
	r := runner{app: a, name: "Apply", flags: c.runFlags, notes: true, nothing: "No changes done since last apply. There is nothing to do.", done: "All plugins applied successfully."}
	if c.Plan != "" {
		return c.saved(ctx, &r)
	}
	return r.run(ctx, &c.configFlags, func(p *project, _ *store.State) (*schema.Config, engine.PlanOptions, error) {
		return p.config, c.options(engine.PlanOptions{AllowEmpty: c.AllowEmpty}), nil
	})
}

// runner is what apply, delete and destroy have in common: read, plan, show, ask, do, and say how it ended.
type runner struct {
	app   *app
	name  string
	flags runFlags
	// nothing is said when there is nothing to do, done when all is done.
	nothing, done string
	events        streams
	// notes tells the notes of the configuration.
	notes bool
	// saved is the plan that it must be; nil for whatever is planned.
	saved *engine.SavedPlan
}

// aim says, from what is recorded, what is to be planned.
type aim func(p *project, state *store.State) (*schema.Config, engine.PlanOptions, error)

func (r *runner) run(ctx context.Context, flags *configFlags, to aim) error {
	a := r.app
	if r.flags.JSON && !r.flags.Yes {
		return errors.New("--json cannot ask; add -y")
	}
	a.screen.Info("%s started.", r.name)
	if err := r.openEvents(); err != nil {
		return err
	}
	defer r.closeEvents()
	p, err := a.open(ctx, flags, r.flags.Parallel)
	if err != nil {
		return err
	}
	return r.carryOut(ctx, p, to)
}

func (r *runner) carryOut(ctx context.Context, p *project, to aim) error {
	a := r.app
	a.screen.Info("%s", p.describe())
	if r.notes {
		a.showNotes(p.config)
	}
	until := time.Now().Add(r.flags.LockTimeout)
	for {
		if err := a.awaitLock(ctx, p.store, until); err != nil {
			return err
		}
		err := r.planAndApply(ctx, p, to)
		var locked *store.LockedError
		if r.saved != nil || !errors.Is(err, store.ErrStale) && !errors.As(err, &locked) || time.Now().After(until) {
			return err
		}
		a.screen.Warn("Somebody else was faster, so it is planned again.")
	}
}

// planAndApply plans, shows, asks and does.
func (r *runner) planAndApply(ctx context.Context, p *project, to aim) error {
	a := r.app
	state, err := p.store.Load(ctx)
	if err != nil {
		return err
	}
	if r.saved != nil {
		if err := r.saved.Check(state); err != nil {
			return err
		}
	}
	config, options, err := to(p, state)
	if err != nil {
		return err
	}
	plan, err := p.engine.Plan(ctx, config, state, options)
	if refused, ok := errors.AsType[*engine.ProtectedError](err); ok {
		a.screen.Plan(plan)
		return refused
	}
	if err != nil {
		return explainEmpty(err)
	}
	if r.saved != nil {
		if err := r.saved.Same(plan); err != nil {
			return err
		}
	}
	r.events.Planned(plan)
	if plan.Count() == 0 {
		if len(plan.Errors) > 0 {
			a.screen.Plan(plan)
			return &engine.ApplyError{Failed: plan.Errors}
		}
		a.screen.Info("%s", r.nothing)
		a.screen.Success("%s finished.", r.name)
		return nil
	}
	a.screen.Plan(plan)
	if !r.flags.Yes && r.saved == nil {
		if ok, err := a.confirm(ctx); err != nil || !ok {
			return err
		}
	}
	return r.apply(ctx, p, plan)
}

func (r *runner) apply(ctx context.Context, p *project, plan *engine.Plan) error {
	a := r.app
	tracer, err := trace.Start(ctx, os.Getenv, version, strings.ToLower(r.name))
	if err != nil {
		a.screen.Warn("There are no traces: %v", err)
	}
	// The last words do not wait for a collector.
	defer func() {
		tracer.Close()
		if err := tracer.Err(); err != nil {
			a.screen.Warn("The traces are not complete: %v", err)
		}
	}()
	shown := ui.Lines(a.screen)
	switch {
	case r.flags.JSON:
		shown = ui.Tee()
	case a.live:
		shown = ui.Live(a.screen, a.stderr, p.engine.Now)
	}
	progress := ui.Tee(shown, &r.events, tracer)
	log := zerolog.Ctx(ctx)
	p.engine.Emit = func(ev engine.Event) {
		log.Debug().Type("event", ev).Interface("of", ev).Msg("event")
		progress.Event(ev)
	}
	a.applying.Store(true)
	summary, err := p.engine.Apply(ctx, p.store, plan, engine.ApplyOptions{
		Holder: a.holder(), Version: version, Stop: a.stop, FailFast: r.flags.FailFast, Message: r.flags.Message,
	})
	a.applying.Store(false)
	shown.Close()
	if old, ok := p.store.(*successor); ok && old.taken {
		a.screen.Info("The state of DevStream was taken over; what it was is in %s, with the secrets that it had.", relative(backup(old.place)))
	}
	if errors.Is(err, store.ErrStale) {
		return fmt.Errorf("%w: somebody else has changed it; run again to see a new plan", err)
	}
	var failed *engine.ApplyError
	if errors.As(err, &failed) {
		a.screen.Info("%s", counts(summary))
		if len(failed.Failed) > 1 { // one alone is said by the error itself
			for _, f := range failed.Failed {
				a.screen.Fail("Tool (%s) failed: %v", ui.Tool(f.ID), f.Err)
			}
		}
		return err
	}
	if err != nil {
		return err
	}
	a.screen.Info("%s", counts(summary))
	a.screen.Success("%s", r.done)
	a.screen.Success("%s finished.", r.name)
	return nil
}

func counts(s engine.Summary) string {
	n := s.Counts
	recorded := ""
	if n.Recorded > 0 {
		recorded = fmt.Sprintf("%d recorded, ", n.Recorded)
	}
	return fmt.Sprintf("%d created, %d updated, %d replaced, %d deleted, %s%d failed, %d skipped in %s. (run %s)",
		n.Created, n.Updated, n.Replaced, n.Deleted, recorded, n.Failed, n.Skipped, shortDuration(s.Duration), s.Run)
}

// explainEmpty says what to write where an empty configuration is meant.
func explainEmpty(err error) error {
	if errors.Is(err, engine.ErrNoTools) {
		return hinted{err, "check the file; `dtm destroy` deletes everything, and `dtm apply --allow-empty` says that you mean it"}
	}
	return err
}

// hinted is an error with something to try.
type hinted struct {
	error
	hint string
}

func (h hinted) Hint() string  { return h.hint }
func (h hinted) Unwrap() error { return h.error }

// relative is a path as short as it can be said from here.
func relative(path string) string {
	if !filepath.IsAbs(path) {
		return path
	}
	here, err := filepath.Abs(".")
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(here, path)
	if err != nil || len(rel) > len(path) {
		return path
	}
	return rel
}
