package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

func TestWhatIsRemovedIsDeletedInReverseOfTheRecordedOrder(t *testing.T) {
	h := newHouse(t)
	h.apply("a\nb <a\nc value=@b.url\nkeep")
	p := h.apply("keep")
	h.same("plan", planText(p), "- c\n- b\n- a")
	if got := h.verbs(); got != "delete c, delete b, delete a" {
		t.Errorf("verbs: %s", got)
	}
	h.settled("keep")
}

func TestADeleteWaitsForTheUpdateThatEndsTheDependency(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=1\nb value=@a.url\nc <a")
	const config = "n\nb value=2\nc <n"
	p := h.apply(config)
	h.same("plan", planText(p), `
+ n
~ b: options.value "a/1#0" "2"
~ c: dependsOn ["thing.a"] ["thing.n"]
- a`)
	if got := h.verbs(); got != "create n, update b, delete a" {
		t.Errorf("verbs: %s", got)
	}
	h.settled(config)
}

func TestADeleteDoesNotHappenWhenTheUpdateBeforeItFails(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=1\nb value=@a.url")
	h.before = failing("update", "b", errors.New("no"))
	if _, err := h.try("b value=2"); err == nil {
		t.Fatal("no error")
	}
	h.same("world", h.world.String(), "a value=1\nb value=a/1#0")
	h.before = nil
	h.apply("b value=2")
	h.settled("b value=2")
}

func TestAReplacedToolIsMadeAnewAndWhatRefersToItFollows(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=1\nb value=@a.url\nc zone=@a.name\nd <a\nold <a")
	const config = "a value=2 zone=there\nb value=@a.url\nc zone=@a.name\nd <a"
	p := h.apply(config)
	h.same("plan", planText(p), `
- old
± a: options.value "1" "2", options.zone "here" "there" replace
~ b: options.value "a/1#0" "${{ thing.a.outputs.url }}" unknown
± c: options.zone "a" "${{ thing.a.outputs.name }}" unknown replace`)
	if got := h.verbs(); got != "delete old, delete a, create a, update b" {
		t.Errorf("verbs: %s", got)
	}
	h.settled(config)
}

func TestReplacedToolsAreDeletedInReverseOrderBeforeAnyIsMadeAnew(t *testing.T) {
	h := newHouse(t)
	h.apply("a\nb <a\nc <b\nalone")
	const config = "a zone=there\nb zone=there <a\nc zone=there <b\nalone zone=there"
	h.apply(config)
	if got := h.verbs(); got != "delete c, delete b, delete a, create a, create b, create c, delete alone, create alone" {
		t.Errorf("verbs: %s", got)
	}
	h.settled(config)
}

func TestAReplaceWhoseDeleteFailsIsOneFailure(t *testing.T) {
	h := newHouse(t)
	h.apply("a\nb <a")
	h.before = failing("delete", "b", errors.New("no"))
	const config = "a zone=there\nb zone=there <a"
	_, err := h.try(config)
	var failed *ApplyError
	if !errors.As(err, &failed) || len(failed.Failed) != 1 || failed.Failed[0].ID != "thing.b" || failed.Skipped != 1 {
		t.Errorf("got %v", err)
	}
	h.before = nil
	h.apply(config)
	h.settled(config)
}

func TestAReplaceDoesNotWaitForADeleteThatWaitsForItself(t *testing.T) {
	h := newHouse(t)
	// e stops depending on d, which goes, and depends on a, which is replaced: d waits for e, e for a, and a would wait
	// for d. The same does not hold for x and y.
	h.apply("a\nd <a\ne <d\nx\ny <x")
	const config = "a zone=there\ne <a\nx zone=there"
	p := h.apply(config)
	h.same("plan", planText(p), `
± a: options.zone "here" "there" replace
~ e: dependsOn ["thing.d"] ["thing.a"]
- d
- y
± x: options.zone "here" "there" replace`)
	h.settled(config)
}

func TestEventsOfAReplaceAreOneBeginningAndOneEnd(t *testing.T) {
	h := newHouse(t)
	h.apply("a")
	p := h.plan("a zone=there")
	s, err := h.run(t.Context(), p)
	if err != nil || s.Counts != (store.Counts{Replaced: 1}) {
		t.Errorf("%+v, %v", s, err)
	}
	h.same("events", h.eventText(), "a replace begins\na ends")
	for run, err := range h.store.Runs(t.Context()) {
		if err != nil || run.ID == s.Run && run.Counts != s.Counts {
			t.Errorf("%v, the journal counts %+v", err, run.Counts)
		}
	}
}

func TestAThingThatGotAnotherInstanceNameIsHandedOn(t *testing.T) {
	h := newHouse(t)
	h.apply("named.a name=x value=1\nnamed.b name=y")
	const config = "named.c name=x value=2\nnamed.b name=y"
	p := h.apply(config)
	h.same("plan", planText(p), "+ named.c\n- named.a")
	if got := h.verbs(); got != "create x" {
		t.Errorf("verbs: %s", got)
	}
	h.settled(config)

	_, err := h.engine.Plan(t.Context(), toolchain("named.c name=x\nnamed.b name=x"), h.state(), PlanOptions{})
	var errs schema.Errors
	if !errors.As(err, &errs) || err.Error() != "tools.named.b: x is managed by named.c already: dtm.cue:2" {
		t.Errorf("%T %v", err, err)
	}
}

func TestAToolWaitsForTheOneThatStillHoldsItsThing(t *testing.T) {
	h := newHouse(t)
	h.apply("named.a name=x")
	const config = "named.b name=x\nnamed.a name=y"
	h.apply(config)
	if got := h.verbs(); got != "update y, create x" {
		t.Errorf("verbs: %s", got)
	}
	h.settled(config)
}

func TestAToolWaitsForTheOneThatMayHaveBegunItsThing(t *testing.T) {
	for name, next := range map[string]string{
		"not wanted any more": "named.b name=x\nnamed.k name=k",
		"wanted otherwise":    "named.b name=x\nnamed.k name=k\nnamed.a name=z",
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.apply("named.k name=k")
			h.after = failing("create", "x", errHalf)
			if _, err := h.try("named.a name=x\nnamed.k name=k"); err == nil {
				t.Fatal("no error")
			}
			h.after = nil
			h.apply(next)
			h.settled(next)
		})
	}
}

// watched makes every verb take a second, and notes how many run at the same time.
func (h *house) watched() (most func() int) {
	var mu sync.Mutex
	running, max := 0, 0
	h.before = func(_ context.Context, verb string, _ options) error {
		mu.Lock()
		running++
		if running > max {
			max = running
		}
		mu.Unlock()
		time.Sleep(time.Second) // in a bubble
		mu.Lock()
		running--
		mu.Unlock()
		return nil
	}
	h.engine.Now = time.Now
	return func() int { return max }
}

func TestNoMoreVerbsRunAtTheSameTimeThanAllowed(t *testing.T) {
	for _, parallel := range []int{1, 3, 100} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			h.engine.Parallel = parallel
			most := h.watched()
			var config strings.Builder
			for i := range 12 {
				fmt.Fprintf(&config, "t%d\n", i)
			}
			for _, step := range []string{"apply", "plan"} {
				began := time.Now()
				if step == "apply" {
					h.apply(config.String())
				} else {
					h.plan(config.String())
				}
				want := min(parallel, 12)
				if most() != want || time.Since(began) != time.Duration(12/want)*time.Second {
					t.Errorf("%s with %d: %d at the same time, in %s", step, parallel, most(), time.Since(began))
				}
			}
		})
	}
}

func TestTheLongestPathByRecordedDurationsGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.engine.Now = time.Now
		h.before = func(_ context.Context, verb string, o options) error {
			takes := map[string]time.Duration{"a": time.Second, "b": 5 * time.Second, "c": 2 * time.Second, "d": 4 * time.Second}
			time.Sleep(takes[o.Name]) // in a bubble
			return nil
		}
		h.apply("a\nb\nc\nd <c")
		if got := h.verbs(); got != "create c, create a, create b, create d" {
			t.Errorf("without a history: %s", got)
		}
		h.apply("a value=2\nb value=2\nc value=2\nd value=2 <c")
		if got := h.verbs(); got != "update c, update b, update d, update a" {
			t.Errorf("with a history: %s", got)
		}
	})
}

func TestOneAtATimeTheOrderIsAlwaysTheSame(t *testing.T) {
	var first string
	for range 5 {
		h := newHouse(t)
		h.apply("a\nb <a\nc <a\nd <b,c\ne\nf <e")
		h.apply("a value=1\nc value=@a.url\nd <c\ng <e\ne zone=there")
		got := h.verbs() + "\n" + h.eventText()
		if first == "" {
			first = got
		}
		h.same("order", got, first)
	}
}
