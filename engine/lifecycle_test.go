package engine

import (
	"context"
	"errors"
	"fmt"
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
		_, err := h.engine.Plan(t.Context(), protect(text), h.state(), h.planned)
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
