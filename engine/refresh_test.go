package engine

import (
	"slices"
	"testing"

	"github.com/devstream-io/dtm/schema"
)

func TestWithoutRefreshNothingIsRead(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=1\nb value=@a.url")
	h.world.change("a", func(r *resource) { r.Value = "2" })
	h.world.mu.Lock()
	h.world.calls = nil
	h.world.mu.Unlock()
	h.planned.Refresh = RefreshNone
	if p := h.plan("a value=1\nb value=@a.url"); !p.Empty() {
		t.Errorf("there is something to do:\n%s", planText(p))
	}
	if len(h.world.calls) > 0 {
		t.Errorf("it was read: %v", h.world.calls)
	}
	h.same("plan", planText(h.plan("a value=3\nb value=@a.url")), `~ a: options.value "1" "3"
~ b: options.value "a/1#0" "${{ thing.a.outputs.url }}" unknown`)
}

func TestRefreshOnlyRecordsWhatExists(t *testing.T) {
	h := newHouse(t)
	const config = "a value=1\nb value=@a.url\nc\nd <c\nl"
	h.apply(config)
	h.world.change("a", func(r *resource) { r.Rev = 7 })
	h.world.change("l", func(r *resource) { r.Rev = 8 })
	h.world.remove("c")
	h.verbs()
	h.planned.Refresh = RefreshOnly
	h.same("plan", planText(h.apply(config)), `~ a: resource.outputs.url "a/1#0" "a/1#7", resource.rev 0 7
- c
~ l: resource.outputs.url "l/#0" "l/#8", resource.rev 0 8`)
	h.same("verbs", h.verbs(), "")
	h.truth()
	if p := h.plan(config); !p.Empty() {
		t.Errorf("once more:\n%s", planText(p))
	}
	h.planned.Refresh = RefreshAll
	h.same("what follows", planText(h.apply(config)), `~ b: options.value "a/1#0" "a/1#7"
+ c`)
	h.settled(config)
}

func TestRefreshOnlyTellsWhatItDoesNotCompare(t *testing.T) {
	h := newHouse(t)
	h.apply("a\nb")
	h.before = failing("update", "a", errHalf)
	if _, err := h.try("a value=2\nb"); err == nil {
		t.Fatal("no error")
	}
	h.before = nil
	h.planned.Refresh = RefreshOnly
	p := h.plan("a value=2\nb")
	if !slices.Equal(p.InDoubt, []schema.ID{"thing.a"}) || len(p.Changes) != 1 {
		t.Errorf("in doubt: %v of %s", p.InDoubt, planText(p))
	}
}

func TestRefreshOnlyNeedsNoToolsInTheConfiguration(t *testing.T) {
	h := newHouse(t)
	h.apply("a")
	h.planned.Refresh = RefreshOnly
	if p := h.plan(""); !p.Empty() {
		t.Errorf("there is something to do:\n%s", planText(p))
	}
}

func TestRefreshOnlyDoesNotTakeAnAdoptedToolForOneThatIsAsItShouldBe(t *testing.T) {
	h := newHouse(t)
	h.apply("a")
	h.world.change("b", func(r *resource) { r.Name, r.Value, r.Zone = "b", "theirs", "here" })
	if _, err := h.amend(h.engine.Adopt(toolchain("a\nb value=1"), "thing.b")); err != nil {
		t.Fatal(err)
	}
	h.world.change("b", func(r *resource) { r.Rev = 7 })
	h.planned.Refresh = RefreshOnly
	h.apply("a\nb value=1")
	h.planned.Refresh = RefreshAll
	h.apply("a\nb value=1")
	h.same("world", h.world.String(), "a\nb value=1")
}
