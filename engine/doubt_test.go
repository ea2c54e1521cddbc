package engine

import (
	"context"
	"errors"
	"testing"

	"github.com/devstream-io/dtm/schema"
)

func TestAFailedUpdateDoesNotStandInTheWayOfTheNextWish(t *testing.T) {
	for _, plugin := range []string{"thing", "named"} {
		t.Run(plugin, func(t *testing.T) {
			h := newHouse(t)
			h.before = func(_ context.Context, verb string, o options) error {
				if verb != "delete" && o.Value == "bad" {
					return errors.New("bad is no value")
				}
				return nil
			}
			const other = "\nother"
			// A create, then an update, to something that is refused for ever; then to something that is not.
			for _, value := range []string{"bad", "1", "bad", "2", "bad", "2"} {
				_, err := h.try(plugin + ".a value=" + value + other)
				if (err != nil) != (value == "bad") {
					t.Fatalf("%s: %v", value, err)
				}
			}
			h.settled(plugin + ".a value=2" + other)
			if _, err := h.try(plugin + ".a value=bad" + other); err == nil {
				t.Fatal("no error")
			}
			h.apply("other")
			h.same("world", h.world.String(), "other")
			h.settled("other")
		})
	}
}

func TestAFailedCreateInAnotherZoneIsReplaced(t *testing.T) {
	h := newHouse(t)
	h.after = failing("create", "a", errHalf)
	if _, err := h.try("a zone=there\nb"); err == nil {
		t.Fatal("no error")
	}
	h.after = nil
	h.same("plan", planText(h.apply("a\nb")), `± a: options.zone "there" "here" replace`)
	h.settled("a\nb")
}

func TestADeleteThatFailsIsTriedAgainWithAllThatIsKnown(t *testing.T) {
	for name, setup := range map[string]func(h *house){
		"of what was created": func(h *house) { h.apply("a name=x\nb <a\nk") },
		"of what was only begun": func(h *house) {
			h.apply("k")
			h.after = failing("create", "x", errHalf)
			_, _ = h.try("a name=x\nk")
		},
		"of what was being renamed": func(h *house) {
			h.apply("a name=w\nk")
			h.half = func(string, options) bool { return true }
			_, _ = h.try("a name=x\nk")
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			setup(h)
			h.after, h.half = nil, nil
			for range 2 {
				h.before = func(_ context.Context, verb string, _ options) error {
					if verb == "delete" {
						return errors.New("not now")
					}
					return nil
				}
				if _, err := h.try("k"); err == nil {
					t.Fatal("no error")
				}
			}
			h.before = nil
			h.apply("k")
			h.same("world", h.world.String(), "k")
			h.settled("k")
		})
	}
}

func TestWhatAToolHasBegunWithTheThingOfAnotherIsNotRemoved(t *testing.T) {
	const other = "\nnamed.b name=x"
	for name, third := range map[string]string{
		"wanted otherwise":    "n tags=[\"x\"]\nnamed.a name=y" + other,
		"not wanted any more": "n tags=[\"x\"]" + other,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.apply("n tags=[\"a\"]\nnamed.a name=@n.list.1" + other)
			// That it would be the name of b is known only when it is too late.
			h.after = failing("update", "x", errHalf)
			if _, err := h.try("n tags=[\"x\"]\nnamed.a name=@n.list.1" + other); err == nil {
				t.Fatal("no error")
			}
			h.after = nil
			h.apply(third)
			h.settled(third)
		})
	}
}

func TestNothingStaysBehindOfWhatWasBegunUnderSeveralNames(t *testing.T) {
	for _, plugin := range []string{"thing", "named"} {
		for name, last := range map[string]string{"wanted under a third": plugin + ".a name=z\nk", "not wanted any more": "k"} {
			t.Run(plugin+" "+name, func(t *testing.T) {
				h := newHouse(t)
				h.apply("k")
				h.after = failing("create", "x", errHalf)
				if _, err := h.try(plugin + ".a name=x\nk"); err == nil {
					t.Fatal("no error")
				}
				// What was x is becoming y, or is removed for it, and y is begun as well.
				h.after, h.half = failing("create", "y", errHalf), func(string, options) bool { return true }
				if _, err := h.try(plugin + ".a name=y\nk"); err == nil {
					t.Fatal("no error")
				}
				h.after, h.half = nil, nil
				h.apply(last)
				want := "k"
				if name == "wanted under a third" {
					want = "k\nz"
				}
				h.same("world", h.world.String(), want)
				h.settled(last)
			})
		}
	}
}

func TestAPlanTellsWhatIsThereOfWhatWasBegun(t *testing.T) {
	h := newHouse(t)
	h.after = failing("create", "a", errHalf)
	h.before = failing("create", "b", errHalf)
	_, _ = h.try("a")
	_, _ = h.try("a\nb")
	h.after, h.before = nil, nil
	p := h.plan("a\nb")
	for i, want := range []string{reasonBegunThere, reasonBegunNot} {
		if c := p.Changes[i]; c.Reason != want || c.Action != Create || len(c.Have.Doubts()) != 1 {
			t.Errorf("%s %s %s", c.ID, c.Action, c.Reason)
		}
	}
	// Where it cannot be read it is done again all the same.
	h.before = failing("read", "a", errHalf)
	h.same("plan", planText(h.apply("a\nb")), "+ a\n+ b")
	h.before = nil
	h.settled("a\nb")
}

func TestALifecycleHoldsForWhatWasOnlyBegun(t *testing.T) {
	h := newHouse(t)
	h.apply("k")
	h.after = func(_ context.Context, verb string, o options) error {
		if verb == "create" && o.Name != "k" {
			return errHalf
		}
		return nil
	}
	config := treat(toolchain("a\nb\nk"), "a", func(l *schema.Lifecycle) { l.KeepOnDelete = true })
	config = treat(config, "b", func(l *schema.Lifecycle) { l.PreventDestroy = true })
	if _, err := h.run(t.Context(), h.planOf(config)); err == nil {
		t.Fatal("no error")
	}
	h.after = nil
	var refused *ProtectedError
	if _, err := h.engine.Plan(t.Context(), toolchain("k"), h.state(), h.planned); !errors.As(err, &refused) {
		t.Errorf("the plan without b: %v", err)
	}
	h.planned.Selection = Selection{Exclude: []string{"thing.b"}}
	h.verbs()
	h.apply("k")
	h.same("verbs", h.verbs(), "")
	h.same("world", h.world.String(), "a\nb\nk")
}

func TestWhatIsProtectedMayBeAnotherAsLongAsThereIsNothing(t *testing.T) {
	protect := func(text string) *schema.Config {
		return treat(toolchain(text), "a", func(l *schema.Lifecycle) { l.PreventDestroy = true })
	}
	h := newHouse(t)
	// A place that cannot be had: nothing was made.
	h.before = failing("create", "a", errors.New("no such place"))
	if _, err := h.run(t.Context(), h.planOf(protect("a zone=nowhere"))); err == nil {
		t.Fatal("no error")
	}
	h.before = nil
	h.applyOf(protect("a zone=there"))
	h.same("world", h.world.String(), "a zone=there")

	// One that was made, though its maker never said so.
	h = newHouse(t)
	h.after = func(_ context.Context, verb string, _ options) error {
		if verb == "create" {
			return errHalf
		}
		return nil
	}
	if _, err := h.run(t.Context(), h.planOf(protect("a zone=nowhere"))); err == nil {
		t.Fatal("no error")
	}
	h.after = nil
	var refused *ProtectedError
	if _, err := h.engine.Plan(t.Context(), protect("a zone=there"), h.state(), h.planned); !errors.As(err, &refused) {
		t.Errorf("the plan: %v", err)
	}
}
