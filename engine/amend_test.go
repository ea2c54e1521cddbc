package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

func (h *house) amend(a Amendment) (Summary, error) {
	return h.engine.Amend(h.Context(), h.store, h.state(), h.opt, a)
}

func TestWhatIsForgottenStaysInTheWorld(t *testing.T) {
	h := newHouse(t)
	h.apply("a\nb")
	h.opt.Message = "b is the other team's"
	s, err := h.amend(Forget("thing.b"))
	if err != nil || s.Counts != (store.Counts{Recorded: 1}) {
		t.Fatal(s, err)
	}
	h.same("world", h.world.String(), "a\nb")
	if got := h.state().IDs(); !slices.Equal(got, []schema.ID{"thing.a"}) {
		t.Errorf("the record has %v", got)
	}
	if p := h.plan("a"); !p.Empty() {
		t.Error(planText(p))
	}
	for r, err := range h.store.Runs(t.Context()) {
		if err != nil || r.Message != "b is the other team's" || r.Result != store.Succeeded || r.Counts.Recorded != 1 {
			t.Errorf("the run is %+v %v", r, err)
		}
		break
	}
	if _, err := h.amend(Forget("thing.b")); !errors.Is(err, ErrNotRecorded) {
		t.Error(err)
	}
}

func TestAToolThatIsMovedIsTheSameUnderItsNewID(t *testing.T) {
	h := newHouse(t)
	h.apply("a name=x\nb value=@a.url")
	if _, err := h.amend(Move("thing.a", "thing.c")); err != nil {
		t.Fatal(err)
	}
	const renamed = "c name=x\nb value=@c.url"
	if p := h.plan(renamed); !p.Empty() {
		t.Errorf("there is something to do:\n%s", planText(p))
	}
	h.settled(renamed)
	for want, a := range map[string]Amendment{
		"thing.a is not in the state":            Move("thing.a", "thing.d"),
		"thing.b is in the state already":        Move("thing.c", "thing.b"),
		"thing.c and named.c are of two plugins": Move("thing.c", "named.c"),
		"is not an instance name":                Move("thing.c", "thing.C_"),
	} {
		if _, err := h.amend(a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	if got := len(slices.Collect(keys(h.store.Runs(t.Context())))); got != 2 {
		t.Errorf("there are %d runs", got)
	}
}

func keys[K, V any](seq func(func(K, V) bool)) func(func(K) bool) {
	return func(yield func(K) bool) {
		seq(func(k K, _ V) bool { return yield(k) })
	}
}

func TestWhatIsAdoptedIsNotCreatedAgain(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=1")
	h.world.change("b", func(r *resource) { r.Name, r.Value, r.Zone = "b", "theirs", "here" })
	const config = "a value=1\nb value=@a.url token=CANARY"
	h.verbs()
	if _, err := h.amend(h.engine.Adopt(toolchain(config), "thing.b")); err != nil {
		t.Fatal(err)
	}
	h.same("verbs", h.verbs(), "")
	p := h.plan(config)
	if c := p.Changes[1]; c.Action != Update || c.Reason != reasonAdopted {
		t.Errorf("the change is %+v", c)
	}
	h.apply(config)
	h.same("verbs", h.verbs(), "update b")
	h.settled(config)
	for want, do := range map[string]func() (Summary, error){
		"is in the state already":         func() (Summary, error) { return h.amend(h.engine.Adopt(toolchain(config), "thing.b")) },
		"there is nothing to adopt":       func() (Summary, error) { return h.amend(h.engine.Adopt(toolchain("c"), "thing.c")) },
		"not in the configuration":        func() (Summary, error) { return h.amend(h.engine.Adopt(toolchain("c"), "thing.d")) },
		"to a tool that is not there yet": func() (Summary, error) { return h.amend(h.engine.Adopt(toolchain("c\nd value=@c.url"), "thing.d")) },
	} {
		if _, err := do(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	for _, e := range h.journal() {
		if strings.Contains(string(e.Options), "CANARY") {
			t.Errorf("a secret is recorded: %s", e.Options)
		}
	}
}

func TestAnAmendmentOfAnOldStateIsRefused(t *testing.T) {
	h := newHouse(t)
	h.apply("a\nb")
	seen := h.state()
	h.apply("a\nb\nc")
	if _, err := h.engine.Amend(t.Context(), h.store, seen, h.opt, Forget("thing.a")); !errors.Is(err, store.ErrStale) {
		t.Error(err)
	}
}

func TestAnAdoptedToolKeepsWhatWasBegunUnderAnotherName(t *testing.T) {
	h := newHouse(t)
	h.apply("k")
	h.after = failing("create", "x", errHalf)
	_, _ = h.try("named.a name=x\nk")
	h.after = nil
	h.world.put(options{Name: "y", Zone: "here"})
	if _, err := h.amend(h.engine.Adopt(toolchain("named.a name=y\nk"), "named.a")); err != nil {
		t.Fatal(err)
	}
	h.apply("named.a name=y\nk")
	h.same("world", h.world.String(), "k\ny")
	h.settled("named.a name=y\nk")
}
