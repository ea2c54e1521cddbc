package engine

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/store"
)

// base is a tool, one that uses its output, one that uses that one's, and one that only waits for it.
const base = `
a value=1
b value=@a.url
c value=@b.url
w <a`

func TestDriftIsRepairedWithoutTouchingWhatDependsOnIt(t *testing.T) {
	h := newHouse(t)
	h.apply(base)
	h.world.change("a", func(r *resource) { r.Value = "by hand" })
	p := h.apply(base)
	h.same("plan", planText(p), `~ a: resource.outputs.url "a/by hand#0" "a/1#0", resource.value "by hand" "1"`)
	if got := h.verbs(); got != "update a" {
		t.Errorf("verbs: %s", got)
	}
	h.settled(base)
}

// again makes every update of name give another revision, and so other outputs.
func (h *house) again(name string) {
	h.before = func(_ context.Context, verb string, o options) error {
		if verb == "update" && o.Name == name {
			h.world.change(name, func(r *resource) { r.Rev++ })
		}
		return nil
	}
}

func TestWhatRefersToARepairedToolFollowsInTheSameRun(t *testing.T) {
	h := newHouse(t)
	h.apply(base)
	h.world.change("a", func(r *resource) { r.Value = "by hand" })
	h.again("a")
	p, err := h.try(base)
	if err != nil {
		t.Fatal(err)
	}
	h.same("plan", planText(p), `~ a: resource.outputs.url "a/by hand#0" "a/1#0", resource.value "by hand" "1"`)
	if got := h.verbs(); got != "update a, update b, update c" {
		t.Errorf("verbs: %s", got)
	}
	h.same("world", h.world.String(), `
a value=1
b value=a/1#1
c value=b/a/1#1#0
w`)
	h.before = nil
	h.settled(base)
}

func TestWhatFollowsIsNeverReplaced(t *testing.T) {
	h := newHouse(t)
	const config = "a value=1\nb zone=@a.url\nc <b"
	h.apply(config)
	h.world.change("a", func(r *resource) { r.Value = "by hand" })
	h.again("a")
	_, err := h.try(config)
	if !errors.Is(err, errFollow) {
		t.Fatalf("error %v", err)
	}
	if got := h.verbs(); got != "update a" {
		t.Errorf("verbs: %s", got)
	}
	h.before = nil
	h.same("plan", planText(h.apply(config)), `± b: options.zone "a/1#0" "a/1#1" replace`)
	h.settled(config)
}

func TestAChangeThatWasPlannedWithOutputsThatMovedIsDecidedAgain(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=1\nb value=1 zone=@a.url\nc value=@a.url <a,b")
	h.world.change("a", func(r *resource) { r.Value = "by hand" })
	h.again("a")
	// b is to be updated, and would have to be replaced now. c was to be recorded, and has to be updated now.
	const config = "a value=1\nb value=2 zone=@a.url\nc value=@a.url"
	p, err := h.try(config)
	h.same("plan", planText(p), `
~ a: resource.outputs.url "a/by hand#0" "a/1#0", resource.value "by hand" "1"
~ b: options.value "1" "2"
~ c: dependsOn ["thing.a","thing.b"] ["thing.a"]`)
	if !errors.Is(err, errFollow) {
		t.Errorf("error %v", err)
	}
	if got := h.verbs(); got != "update a, update c" {
		t.Errorf("verbs: %s", got)
	}
	h.before = nil
	h.same("next plan", planText(h.apply(config)), `± b: options.value "1" "2", options.zone "a/1#0" "a/1#1" replace`)
	h.settled(config)
}

func TestARepairWhoseOptionsAreUnknownPromisesNoOutputs(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=1\nb value=@a.url\nc value=@b.url")
	h.world.change("b", func(r *resource) { r.Value = "by hand" })
	p := h.apply("a value=2\nb value=@a.url\nc value=@b.url")
	h.same("plan", planText(p), `
~ a: options.value "1" "2"
~ b: options.value "a/1#0" "${{ thing.a.outputs.url }}" unknown, resource.outputs.url "b/by hand#0" "b/a/1#0#0", resource.value "by hand" "a/1#0"
~ c: options.value "b/a/1#0#0" "${{ thing.b.outputs.url }}" unknown`)
	h.settled("a value=2\nb value=@a.url\nc value=@b.url")
}

func TestWhatIsGoneIsCreatedAgainAndWhatRefersToItWaits(t *testing.T) {
	h := newHouse(t)
	h.apply(base)
	h.world.remove("a")
	p := h.apply(base)
	h.same("plan", planText(p), `
+ a
~ b: options.value "a/1#0" "${{ thing.a.outputs.url }}" unknown
~ c: options.value "b/a/1#0#0" "${{ thing.b.outputs.url }}" unknown`)
	if got := h.verbs(); got != "create a" {
		t.Errorf("verbs: %s", got)
	}
	h.same("events", h.eventText(), `
a create begins
a ends
b is unchanged
c is unchanged`)
	h.settled(base)
}

func TestWhatRefersToAChangedOutputIsUpdatedInTheSameRun(t *testing.T) {
	h := newHouse(t)
	h.apply(base)
	config := strings.Replace(base, "value=1", "value=2", 1)
	p := h.apply(config)
	h.same("plan", planText(p), `
~ a: options.value "1" "2"
~ b: options.value "a/1#0" "${{ thing.a.outputs.url }}" unknown
~ c: options.value "b/a/1#0#0" "${{ thing.b.outputs.url }}" unknown`)
	if got := h.verbs(); got != "update a, update b, update c" {
		t.Errorf("verbs: %s", got)
	}
	h.settled(config)
}

func TestWhatWasUnknownAndIsTheSameCallsNoVerbAndRecordsNothing(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=1 token=t1\nb value=@a.url\nc zone=@a.url")
	p := h.apply("a value=1 token=t2\nb value=@a.url\nc zone=@a.url")
	h.same("plan", planText(p), `
~ a: options.token - - secret
~ b: options.value "a/1#0" "${{ thing.a.outputs.url }}" unknown
± c: options.zone "a/1#0" "${{ thing.a.outputs.url }}" unknown replace`)
	if got := h.verbs(); got != "update a" {
		t.Errorf("verbs: %s", got)
	}
	h.same("events", h.eventText(), `
a update begins
a ends
b is unchanged
c is unchanged`)
	var kinds []string
	for _, e := range h.journal() {
		if e.Run == h.events[len(h.events)-1].(RunFinished).Summary.Run {
			kinds = append(kinds, string(e.Kind)+" "+short(e.Tool))
		}
	}
	if got := strings.Join(kinds, ", "); got != "started , intent a, applied a, finished " {
		t.Errorf("journal: %s", got)
	}
	h.settled("a value=1 token=t2\nb value=@a.url\nc zone=@a.url")
}

func TestOtherDependenciesAreRecordedWithoutAVerb(t *testing.T) {
	h := newHouse(t)
	h.apply("a\nb\nc <a")
	p := h.plan("a\nb\nc <b")
	h.same("plan", planText(p), `~ c: dependsOn ["thing.a"] ["thing.b"]`)
	h.verbs()
	s, err := h.run(t.Context(), p)
	if err != nil || s.Counts != (store.Counts{Updated: 1}) {
		t.Errorf("%+v, %v", s, err)
	}
	if got := h.verbs(); got != "" {
		t.Errorf("verbs: %s", got)
	}
	h.settled("a\nb\nc <b")
	h.same("plan", planText(h.apply("a\nc")), `
~ c: dependsOn ["thing.b"] []
- b`)
}
