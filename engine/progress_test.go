package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
)

func TestWhatAVerbReportsIsAnEventBetweenItsBeginAndItsEnd(t *testing.T) {
	h := newHouse(t)
	h.before = func(ctx context.Context, verb string, o options) error {
		for _, text := range []string{verb + " 1 of 2", verb + " 1 of 2", " ", verb + " 2\n\tof \x1b[1m2", verb + " 1 of 2"} {
			plugins.Report(ctx, text)
		}
		return nil
	}
	h.apply("a\nb")
	h.same("create", h.eventText(), `
a create begins
a says: create 1 of 2
a says: create 2 of [1m2
a says: create 1 of 2
a ends
b create begins
b says: create 1 of 2
b says: create 2 of [1m2
b says: create 1 of 2
b ends`)
	for _, ev := range h.events {
		if ev, ok := ev.(Progress); ok && (ev.Action != Create || ev.Time.IsZero()) {
			t.Errorf("%+v", ev)
		}
	}
	h.apply("a value=2")
	h.same("update and delete", h.eventText(), `
a update begins
a says: update 1 of 2
a says: update 2 of [1m2
a says: update 1 of 2
a ends
b delete begins
b says: delete 1 of 2
b says: delete 2 of [1m2
b says: delete 1 of 2
b ends`)
}

func TestWhatIsWaitedForWhileAPlanIsMadeIsTold(t *testing.T) {
	h := newHouse(t)
	h.before = func(ctx context.Context, verb string, _ options) error {
		if verb == "read" || verb == "preview" {
			plugins.Report(ctx, verb)
		}
		return nil
	}
	h.apply("seer.a")
	h.events = nil
	h.plan("seer.a value=2")
	var said []string
	for _, ev := range h.events {
		if ev, ok := ev.(Progress); ok {
			said = append(said, fmt.Sprint(ev.ID, " ", ev.Action, ": ", ev.Text))
		}
	}
	h.same("reports", strings.Join(said, "\n"), "seer.a no-op: read\nseer.a no-op: preview")
}

func TestWhatIsReportedHasNoSecrets(t *testing.T) {
	h := newHouse(t)
	h.before = func(ctx context.Context, _ string, o options) error {
		plugins.Report(ctx, "logging in with "+o.Token)
		return nil
	}
	h.apply("a token=CANARY")
	h.same("events", h.eventText(), "a create begins\na says: logging in with (secret)\na ends")
}

func TestAnotherTryReportsAnew(t *testing.T) {
	h := newHouse(t)
	tries := 0
	h.before = func(ctx context.Context, verb string, _ options) error {
		if plugins.Report(ctx, "waiting"); verb == "create" && tries == 0 {
			tries++
			return plugins.Retryable(errors.New("busy"), 0)
		}
		return nil
	}
	h.applyOf(treat(toolchain("a"), "a", func(l *schema.Lifecycle) { quick(l); l.Retries = 1 }))
	h.same("events", h.eventText(), "a create begins\na says: waiting\na says: waiting\na ends")
}

func TestWhatAVerbLeavesRunningHasNothingToSay(t *testing.T) {
	h := newHouse(t)
	var left context.Context
	h.before = func(ctx context.Context, _ string, _ options) error {
		left = ctx
		return nil
	}
	h.apply("a")
	plugins.Report(left, "still here")
	h.same("events", h.eventText(), "a create begins\na ends")
}
