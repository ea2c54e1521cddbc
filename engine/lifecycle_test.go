package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
)

// treat gives the tool of this name a lifecycle.
func treat(config *schema.Config, name string, change func(*schema.Lifecycle)) *schema.Config {
	for i := range config.Tools {
		if config.Tools[i].ID == toolID(name) {
			change(&config.Tools[i].Lifecycle)
		}
	}
	return config
}

func (h *house) planOf(config *schema.Config) *Plan {
	h.Helper()
	p, err := h.engine.Plan(h.Context(), config, h.state(), h.planned)
	if err != nil {
		h.Fatal(err)
	}
	return p
}

// applyOf applies a configuration, which must succeed, and returns its plan.
func (h *house) applyOf(config *schema.Config) *Plan {
	h.Helper()
	p := h.planOf(config)
	if _, err := h.run(h.Context(), p); err != nil {
		h.Fatalf("apply: %v\nplan:\n%s", err, planText(p))
	}
	return p
}

func quick(l *schema.Lifecycle) { l.Backoff = time.Microsecond }

func TestAnErrorThatMayPassIsTriedAgainAsOftenAsTheLifecycleSays(t *testing.T) {
	for _, test := range []struct {
		fails, retries int
		ok             bool
	}{{0, 0, true}, {1, 0, false}, {2, 2, true}, {3, 2, false}} {
		t.Run(fmt.Sprintf("%d failures, %d retries", test.fails, test.retries), func(t *testing.T) {
			for _, verb := range []string{"create", "update", "delete", "read"} {
				h := newHouse(t)
				lifecycle := func(l *schema.Lifecycle) { quick(l); l.Retries = test.retries }
				begin := func(text string) *schema.Config { return treat(toolchain(text), "a", lifecycle) }
				if verb != "create" {
					h.applyOf(begin("a\nk"))
				}
				left := test.fails
				h.before = func(_ context.Context, v string, _ options) error {
					if v == verb && left > 0 {
						left--
						return plugins.Retryable(errors.New("busy"), 0)
					}
					return nil
				}
				next := map[string]string{"create": "a", "update": "a value=2\nk", "delete": "k", "read": "a\nk"}[verb]
				p := h.planOf(begin(next))
				_, err := h.run(t.Context(), p)
				if verb == "read" && len(p.Errors) > 0 {
					err = &p.Errors[0]
				}
				if (err == nil) != test.ok {
					t.Errorf("%s: %v", verb, err)
				}
				retries := 0
				for _, ev := range h.events {
					if ev, ok := ev.(Retrying); ok {
						if retries++; ev.Attempt != retries+1 || ev.Err.Error() != "busy" {
							t.Errorf("%s: %+v", verb, ev)
						}
					}
				}
				if want := min(test.fails, test.retries); verb != "read" && retries != want {
					t.Errorf("%s: %d retries were told, not %d", verb, retries, want)
				}
			}
		})
	}
}

func TestAnErrorThatIsNotMarkedIsNotTriedAgain(t *testing.T) {
	h := newHouse(t)
	h.before = failing("create", "a", errors.New("no"))
	if _, err := h.try("a"); err == nil {
		t.Fatal("no error")
	}
	h.same("verbs", h.verbs(), "create a")
}

func TestWaitingForARetryEndsWhenTheRunIsStopped(t *testing.T) {
	for _, by := range []string{"stop", "cancel"} {
		t.Run(by, func(t *testing.T) {
			h := newHouse(t)
			stop := make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			h.before = failing("create", "a", plugins.Retryable(errors.New("busy"), time.Hour))
			h.opt.Stop = stop
			emit := h.engine.Emit
			h.engine.Emit = func(ev Event) {
				emit(ev)
				if _, ok := ev.(Retrying); ok && by == "stop" {
					close(stop)
				} else if ok {
					cancel()
				}
			}
			if _, err := h.run(ctx, h.plan("a")); err == nil {
				t.Fatal("no error")
			}
		})
	}
}

func TestAVerbEndsWithItsTimeout(t *testing.T) {
	h := newHouse(t)
	h.before = func(ctx context.Context, verb string, _ options) error {
		if verb == "create" {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	p := h.planOf(treat(toolchain("a"), "a", func(l *schema.Lifecycle) { l.Timeout = time.Millisecond }))
	_, err := h.run(t.Context(), p)
	var late *TimeoutError
	if !errors.As(err, &late) || !strings.Contains(err.Error(), "thing.a failed: timed out after 1ms") || late.Hint() == "" {
		t.Errorf("the error is %v", err)
	}
}

func TestAPlanThatWouldDestroyWhatIsProtectedIsRefused(t *testing.T) {
	protect := func(text string) *schema.Config {
		return treat(toolchain(text), "a", func(l *schema.Lifecycle) { l.PreventDestroy = true })
	}
	h := newHouse(t)
	h.applyOf(protect("a\nb"))
	for text, want := range map[string]string{
		"a zone=there\nb": "preventDestroy: thing.a would be replaced",
		"b":               "preventDestroy: thing.a would be deleted",
	} {
		p, err := h.engine.Plan(t.Context(), protect(text), h.state(), h.planned)
		if p == nil || p.Count() != 1 {
			t.Errorf("%s: the plan cannot be shown: %v", text, p)
		}
		var refused *ProtectedError
		if !errors.As(err, &refused) || err.Error() != want || refused.Hint() == "" {
			t.Errorf("%s: %v", text, err)
		}
	}
	h.same("an update is none", planText(h.applyOf(protect("a value=2\nb"))), `~ a: options.value "" "2"`)
	// It is left out, or not protected any more.
	h.planned.Selection = Selection{Exclude: []string{"thing.a"}}
	h.apply("k")
	h.planned.Selection = Selection{}
	h.same("the record changes", planText(h.applyOf(toolchain("a value=2\nk"))), "~ a: lifecycle.preventDestroy true -")
	h.apply("k")
	h.settled("k")
}

func TestWhatIsKeptOnDeleteOnlyLeavesTheRecord(t *testing.T) {
	h := newHouse(t)
	h.applyOf(treat(toolchain("a\nk"), "a", func(l *schema.Lifecycle) { l.KeepOnDelete = true }))
	h.verbs()
	p := h.apply("k")
	h.same("plan", planText(p), "- a")
	if c := p.Changes[1]; !c.RecordOnly() || c.Reason != reasonKept {
		t.Errorf("the change is %+v", c)
	}
	h.same("verbs", h.verbs(), "")
	h.same("world", h.world.String(), "a\nk")
	if got := h.state().IDs(); len(got) != 1 {
		t.Errorf("the record has %v", got)
	}
}

func TestIgnoredChangesCountForNothing(t *testing.T) {
	of := func(text string) *schema.Config {
		return treat(toolchain(text), "a", func(l *schema.Lifecycle) {
			l.IgnoreChanges = []string{"options.value", "options.token", "resource.rev", "resource.outputs"}
		})
	}
	h := newHouse(t)
	h.applyOf(of("a value=1 token=xxxx"))
	for what, config := range map[string]string{
		"an option": "a value=2 token=xxxx", "a secret": "a value=1 token=yyyy", "an option that goes": "a token=xxxx",
	} {
		if p := h.planOf(of(config)); !p.Empty() {
			t.Errorf("%s: %s", what, planText(p))
		}
	}
	h.world.change("a", func(r *resource) { r.Rev = 7 })
	if p := h.planOf(of("a value=1 token=xxxx")); !p.Empty() {
		t.Errorf("drift: %s", planText(p))
	}
	h.same("another change", planText(h.applyOf(of("a value=2 token=yyyy tags=[\"x\"]"))), `~ a: options.tags - ["x"]`)
	h.same("the value stays", h.world.String(), "a value=1")
	if p := h.planOf(of("a value=3 token=yyyy tags=[\"x\"]")); !p.Empty() {
		t.Errorf("after: %s", planText(p))
	}
}

func TestIgnoredChangesNeverBecomeOthersOnTheWay(t *testing.T) {
	for name, test := range map[string]struct {
		path, before, after, token, value string
		tags                              []string
	}{
		"a list in which one place is ignored": {
			path: "options.tags[1]", before: `a tags=["x","y"]`, after: `a value=2 tags=["x","z"]`, value: "2", tags: []string{"x", "y"},
		},
		"text that looks like a reference": {
			path: "options.value", before: "a value=$${{x}}", after: `a value=2 tags=["x"]`, value: "${{x}}", tags: []string{"x"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			of := func(text string) *schema.Config {
				return treat(toolchain(text), "a", func(l *schema.Lifecycle) { l.IgnoreChanges = []string{test.path} })
			}
			h.applyOf(of(test.before))
			h.applyOf(of(test.after))
			if r := h.now["a"]; r.Value != test.value || !slices.Equal(r.Tags, test.tags) {
				t.Errorf("it is %+v", r)
			}
			if p := h.planOf(of(test.after)); !p.Empty() {
				t.Errorf("there is still something to do:\n%s", planText(p))
			}
		})
	}
}

func TestAnIgnoredPathAboveASecretDoesNotLoseTheSecret(t *testing.T) {
	h := newHouse(t)
	of := func(text string) *schema.Config {
		return treat(toolchain(text), "a", func(l *schema.Lifecycle) { l.IgnoreChanges = []string{"options.keys", "options.vault"} })
	}
	var got options
	h.before = func(_ context.Context, _ string, o options) error {
		got = o
		return nil
	}
	h.applyOf(of(`a keys=[{"id":"1","secret":"CANARY"}] vault={"k":"CANARY"}`))
	h.applyOf(of(`a value=2 keys=[{"id":"1","secret":"CANARY"}] vault={"k":"CANARY"}`))
	if got.Keys[0].Secret != "CANARY" || got.Vault["k"] != "CANARY" {
		t.Errorf("the plugin was given %+v", got)
	}
}

func TestAnIgnoredReferenceIsNotUnknown(t *testing.T) {
	h := newHouse(t)
	of := func(text string) *schema.Config {
		return treat(toolchain(text), "named.b", func(l *schema.Lifecycle) { l.IgnoreChanges = []string{"options.value"} })
	}
	h.applyOf(of("a value=1\nnamed.b name=x value=@a.url"))
	p := h.planOf(of("a value=2\nnamed.b name=x value=@a.url"))
	if c := find(p, "named.b"); c.Action != NoOp || len(c.Unknown) > 0 {
		t.Errorf("%+v", c)
	}
}

func TestWhatWasOnlyBegunHasNothingToIgnore(t *testing.T) {
	h := newHouse(t)
	of := func(text string) *schema.Config {
		return treat(toolchain(text), "a", func(l *schema.Lifecycle) { l.IgnoreChanges = []string{"options.zone"} })
	}
	h.after = failing("create", "a", errHalf)
	if _, err := h.run(t.Context(), h.planOf(of("a zone=there"))); err == nil {
		t.Fatal("no error")
	}
	h.after = nil
	h.same("plan", planText(h.applyOf(of("a"))), `± a: options.zone "there" "here" replace`)
	h.truth()
}

func TestATimeoutThatIsTooShortToReadCanBeMadeLonger(t *testing.T) {
	h := newHouse(t)
	of := func(timeout time.Duration) *schema.Config {
		return treat(toolchain("a"), "a", func(l *schema.Lifecycle) { l.Timeout = timeout })
	}
	h.applyOf(of(time.Nanosecond * 1e9))
	var until time.Time
	h.before = func(ctx context.Context, _ string, _ options) error {
		until, _ = ctx.Deadline()
		return nil
	}
	began := time.Now()
	h.applyOf(of(time.Hour))
	if until.Sub(began) < time.Minute {
		t.Errorf("it had %s to be read", until.Sub(began))
	}
}

func keep(text, name string) *schema.Config {
	return treat(toolchain(text), name, func(l *schema.Lifecycle) { l.KeepOnDelete = true })
}

func TestAReplaceOfWhatIsKeptLeavesItAndItsRecordUntilTheOtherIsThere(t *testing.T) {
	h := newHouse(t)
	h.applyOf(keep("named.a name=x\nk", "named.a"))
	h.before = failing("create", "y", errHalf)
	h.verbs()
	p := h.planOf(keep("named.a name=y zone=there\nk", "named.a"))
	if s := p.Summary(); s.Replace != 1 {
		t.Fatal(planText(p))
	}
	if _, err := h.run(t.Context(), p); err == nil {
		t.Fatal("no error")
	}
	h.same("events", h.eventText(), "named.a replace begins\nnamed.a fails: cut off in the middle")
	h.before = nil
	h.same("verbs", h.verbs(), "create y")
	if have := h.state().Tools["named.a"]; have == nil || !have.Exists || have.Doubt == nil {
		t.Errorf("the record has %+v", have)
	}
	s, err := h.run(t.Context(), h.planOf(keep("named.a name=y zone=there\nk", "named.a")))
	if err != nil {
		t.Fatal(err)
	}
	h.same("events", h.eventText(), "named.a replace begins\nnamed.a ends")
	h.same("world", h.world.String(), "k\nx\ny zone=there")
	for r := range keys(h.store.Runs(t.Context())) {
		if r.Counts != s.Counts {
			t.Errorf("the history has %+v, the summary %+v", r.Counts, s.Counts)
		}
		break
	}
}

func TestWhatIsKeptOutlivesAReplaceThatFails(t *testing.T) {
	for name, last := range map[string]string{"not wanted any more": "k", "wanted as it was": "a\nk"} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.applyOf(keep("a\nk", "a"))
			// It has the same name, so it cannot be made beside the old one.
			if _, err := h.run(t.Context(), h.planOf(keep("a zone=there\nk", "a"))); err == nil {
				t.Fatal("no error")
			}
			h.verbs()
			h.applyOf(keep(last, "a"))
			h.same("world", h.world.String(), "a\nk")
			if strings.Contains(h.verbs(), "delete") {
				t.Error("it was deleted")
			}
		})
	}
}

func TestReplacesInTwoPartsKeepWhatIsKept(t *testing.T) {
	h := newHouse(t)
	h.applyOf(keep("named.a name=x\nnamed.b name=y <named.a", "named.a"))
	h.verbs()
	h.applyOf(keep("named.a name=x2 zone=there\nnamed.b name=y zone=there <named.a", "named.a"))
	h.same("world", h.world.String(), "x\nx2 zone=there\ny zone=there")
	h.same("verbs", h.verbs(), "delete y, create x2, create y")
}

func TestALifecycleHoldsForWhatIsDeletedWithoutARecord(t *testing.T) {
	h := newHouse(t)
	h.apply("k")
	h.planned.Keep = func(id schema.ID) bool { return id == "thing.k" }
	h.planned.AllowEmpty = true
	h.planned.Orphans = keep("a", "a").Tools
	h.verbs()
	h.apply("")
	h.same("verbs", h.verbs(), "")
	h.planned.Orphans = treat(toolchain("a"), "a", func(l *schema.Lifecycle) { l.PreventDestroy = true }).Tools
	var refused *ProtectedError
	if _, err := h.engine.Plan(t.Context(), toolchain(""), h.state(), h.planned); !errors.As(err, &refused) {
		t.Error(err)
	}
}

func TestAFirstWaitThatIsLongDoesNotBecomeShorter(t *testing.T) {
	waits := attempts{Lifecycle: schema.Lifecycle{Backoff: 20 * time.Minute}}.waits()
	for i := range 3 {
		if wait := waits.NextBackOff(); wait < 10*time.Minute {
			t.Errorf("wait %d is %s", i, wait)
		}
	}
}

func TestNoRetryBeginsAfterAStop(t *testing.T) {
	for range 50 {
		stop := make(chan struct{})
		calls := 0
		a := attempts{Lifecycle: schema.Lifecycle{Retries: 5}, stop: stop}
		err := a.do(t.Context(), func(context.Context) error {
			if calls++; calls == 1 {
				close(stop)
			}
			return plugins.Retryable(errors.New("busy"), 0)
		})
		if err == nil || calls != 1 {
			t.Fatalf("%d calls, %v", calls, err)
		}
	}
}

func TestATimeoutThatTheVerbReturnsItselfHasAnEnd(t *testing.T) {
	a := attempts{Lifecycle: schema.Lifecycle{Timeout: time.Millisecond}}
	err := a.do(t.Context(), func(ctx context.Context) error {
		<-ctx.Done()
		return fmt.Errorf("get: %w", context.Cause(ctx)) // as net/http does it
	})
	if err == nil || err.Error() != "timed out after 1ms" || errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
