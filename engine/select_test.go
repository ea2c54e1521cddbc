package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store/storetest"
)

func TestASelectionIsWhatItsPatternsReach(t *testing.T) {
	const chain = "a\nb <a\nc <b\nd <c\nnamed.x name=x"
	for _, test := range []struct {
		target, exclude, want, leftOut string
	}{
		{"thing.b", "", "b", "named.x a c d"},
		{"+thing.b", "", "a b", "named.x c d"},
		{"thing.b+", "", "b c d", "named.x a"},
		{"+thing.c+", "", "a b c d", "named.x"},
		{"thing.*", "", "a b c d", "named.x"},
		{"thing.[ab] named.*", "", "named.x a b", "c d"},
		{"", "thing.c+", "named.x a b", "c d"},
		{"", "+thing.b", "named.x c d", "a b"},
		{"+thing.d", "thing.a", "b c d", "named.x a"},
		{"", "", "named.x a b c d", ""},
	} {
		t.Run(test.target+" -"+test.exclude, func(t *testing.T) {
			h := newHouse(t)
			h.apply(chain)
			h.planned.Selection = Selection{Target: strings.Fields(test.target), Exclude: strings.Fields(test.exclude)}
			p := h.plan(chain)
			var ids, out []string
			for _, c := range p.Changes {
				ids = append(ids, short(c.ID))
			}
			for _, id := range p.LeftOut {
				out = append(out, short(id))
			}
			slices.Sort(ids)
			want := strings.Fields(test.want)
			slices.Sort(want)
			h.same("selected", strings.Join(ids, "\n"), strings.Join(want, "\n"))
			h.same("left out", strings.Join(out, " "), test.leftOut)
		})
	}
}

func TestAPatternThatSelectsNothingIsAMistake(t *testing.T) {
	h := newHouse(t)
	for pattern, want := range map[string]string{
		"thing.hell": `"thing.hell" matches no tool of the configuration or the state; did you mean ` + "`thing.hello`?",
		"[":          `"[" is not a pattern; write an ID, as in localfile.hello, or a glob, as in localfile.*`,
		"+":          `"" is not a pattern; write an ID, as in localfile.hello, or a glob, as in localfile.*`,
	} {
		_, err := h.engine.Plan(t.Context(), toolchain("hello"), h.state(), PlanOptions{Selection: Selection{Exclude: []string{pattern}}})
		var of *PatternError
		if !errors.As(err, &of) {
			t.Fatalf("%s: %v", pattern, err)
		}
		h.same(pattern, of.Error()+"; "+of.Hint(), want)
	}
}

func TestATargetedApplyChangesOnlyWhatItIsAbout(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=1\nb value=@a.url\nc value=1\nold")
	h.planned.Selection = Selection{Target: []string{"thing.b", "thing.c"}}
	const next = "a value=2\nb value=@a.url tags=[\"t\"]\nc value=2\nnew"
	h.same("plan", planText(h.apply(next)), `~ b: options.tags - ["t"]
~ c: options.value "1" "2"`)
	h.same("world", h.world.String(), "a value=1\nb value=a/1#0\nc value=2\nold")
	h.planned.Selection = Selection{}
	h.apply(next)
	h.same("world", h.world.String(), "a value=2\nb value=a/2#0\nc value=2\nnew")
	h.settled(next)
}

func TestASelectionThatWouldTearDependenciesIsRefused(t *testing.T) {
	h := newHouse(t)
	h.planned.Selection = Selection{Target: []string{"thing.b"}}
	_, err := h.engine.Plan(t.Context(), toolchain("a\nb <a"), h.state(), h.planned)
	var torn *SelectionError
	if !errors.As(err, &torn) || err.Error() != "thing.b depends on thing.a, which is not there yet and is left out" || !strings.Contains(torn.Hint(), "+thing.b") {
		t.Errorf("create: %v", err)
	}
	h.planned.Selection = Selection{}
	h.apply("a\nb <a\nk")
	h.planned.Selection = Selection{Target: []string{"thing.a"}}
	_, err = h.engine.Plan(t.Context(), toolchain("k"), h.state(), h.planned)
	if !errors.As(err, &torn) || err.Error() != "thing.a is to be deleted, but thing.b depends on it and is left out" || !strings.Contains(torn.Hint(), "thing.a+") {
		t.Errorf("delete: %v", err)
	}
	h.planned.Selection = Selection{Target: []string{"thing.a+"}}
	h.apply("k")
	h.planned.Selection = Selection{}
	h.settled("k")
}

func TestASelectionNeverDestroysWhatOneThatIsLeftOutHas(t *testing.T) {
	only := func(id string) Selection { return Selection{Target: []string{id}} }
	h := newHouse(t)
	h.apply("named.a name=x\nk")
	// a was renamed b, and only the old name is selected.
	h.planned.Selection = only("named.a")
	_, err := h.engine.Plan(t.Context(), toolchain("named.b name=x\nk"), h.state(), h.planned)
	var torn *SelectionError
	if !errors.As(err, &torn) || err.Error() != "named.a is to be deleted, but named.b is to have what it manages and is left out" || torn.Hint() != "--target 'named.b' takes it in" {
		t.Fatalf("the error is %v", err)
	}
	// Only the new name is selected: it has the thing before the old one is forgotten.
	h.planned.Selection = only("named.b")
	h.apply("named.b name=x\nk")
	h.planned.Selection = only("named.a")
	h.verbs()
	p := h.apply("named.b name=x\nk")
	h.same("plan", planText(p), "- named.a")
	if c := find(p, "named.a"); !c.RecordOnly() {
		t.Errorf("%+v", c)
	}
	h.same("verbs", h.verbs(), "")
	h.planned.Selection = Selection{}
	h.settled("named.b name=x\nk")
}

func TestToolsOfOneThingAreAMistakeWhateverIsSelected(t *testing.T) {
	h := newHouse(t)
	h.apply("named.a name=x")
	h.planned.Selection = Selection{Target: []string{"named.b"}}
	_, err := h.engine.Plan(t.Context(), toolchain("named.a name=x\nnamed.b name=x"), h.state(), h.planned)
	if err == nil || !strings.Contains(err.Error(), "x is managed by named.a already") {
		t.Error(err)
	}
}

func TestASelectedToolDoesNotTakeWhatOneThatIsLeftOutWillMoveAwayFrom(t *testing.T) {
	h := newHouse(t)
	h.apply("named.a name=x")
	h.planned.Selection = Selection{Target: []string{"named.b"}}
	_, err := h.engine.Plan(t.Context(), toolchain("named.a name=y\nnamed.b name=x"), h.state(), h.planned)
	var torn *SelectionError
	if !errors.As(err, &torn) || err.Error() != "named.b is to have what named.a still manages, which is left out" {
		t.Errorf("the error is %v", err)
	}
}

func TestWhatOnlyADoubtOfOneThatIsLeftOutNeedsIsNotDeleted(t *testing.T) {
	h := newHouse(t)
	h.apply("a\nk")
	h.after = failing("create", "b", errHalf)
	_, _ = h.try("a\nb <a\nk")
	h.after = nil
	h.planned.Selection = Selection{Target: []string{"thing.a"}}
	_, err := h.engine.Plan(t.Context(), toolchain("k"), h.state(), h.planned)
	var torn *SelectionError
	if !errors.As(err, &torn) {
		t.Errorf("the error is %v", err)
	}
}

func TestAToolThatCannotBePlannedKeepsItsThing(t *testing.T) {
	h := newHouse(t)
	h.apply("n\nnamed.a name=x")
	// b is a under another name, but it refers to an output that there is not.
	p, err := h.try("n\nnamed.b name=x value=@n.nothing")
	if err == nil {
		t.Errorf("no error:\n%s", planText(p))
	}
	h.same("world", h.world.String(), "n\nx")
}

func TestAToolThatMovesAwayLeavesWhatAnotherHasTaken(t *testing.T) {
	h := newHouse(t)
	h.apply("named.a name=x\nk")
	h.planned.Selection = Selection{Target: []string{"named.b"}}
	h.apply("named.b name=x\nk")
	h.planned.Selection = Selection{}
	const both = "named.a name=y\nnamed.b name=x\nk"
	h.apply(both)
	h.same("world", h.world.String(), "k\nx\ny")
	h.settled(both)
}

func TestAToolIsHandedOnThoughOtherOptionsAreNotKnownYet(t *testing.T) {
	h := newHouse(t)
	h.apply("n value=1\nnamed.a name=x")
	h.verbs()
	const renamed = "n value=2\nnamed.b name=x value=@n.url"
	h.apply(renamed)
	h.same("verbs", h.verbs(), "update n, create x")
	h.settled(renamed)
}

// owners is a configuration in which some tools have some of a few things.
func owners(r *rand.Rand) string {
	var b strings.Builder
	things := r.Perm(5)
	for i := range 4 {
		if r.IntN(4) > 0 {
			fmt.Fprintf(&b, "named.t%d name=x%d value=%d\n", i, things[i], r.IntN(2))
		}
	}
	return b.String()
}

func TestThingsThatChangeHandsAtRandomAreNeverLostToASelection(t *testing.T) {
	for seed := range 30 {
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		h := newHouse(t)
		h.engine.Parallel = []int{1, 4}[seed%2]
		var story []string
		for range 12 {
			config := owners(r)
			var sel Selection
			for i := range 4 {
				if id := fmt.Sprintf("named.t%d", i); r.IntN(2) == 0 && (strings.Contains(config, id) || h.state().Tools[schema.ID(id)] != nil) {
					sel.Target = append(sel.Target, id)
				}
			}
			before := h.state()
			p, err := h.engine.Plan(t.Context(), toolchain(config), before, PlanOptions{AllowEmpty: true, Selection: sel})
			var torn *SelectionError
			switch {
			case errors.As(err, &torn):
				story = append(story, err.Error())
			case err != nil:
				t.Error(err)
			default:
				story = append(story, fmt.Sprintf("%s%v:\n%s", config, sel.Target, planText(p)))
				healthy, there := h.store, h.world.String()+"\n"
				if r.IntN(3) == 0 {
					h.store = storetest.Faulty(healthy, storetest.Fault{N: 1 + r.IntN(8), Recorded: r.IntN(2) == 0})
				}
				if _, err := h.run(t.Context(), p); err != nil && !errors.Is(err, storetest.ErrFault) {
					t.Error(err)
				}
				h.store = healthy
				for _, id := range p.LeftOut {
					if have := before.Tools[id]; have != nil && have.Exists {
						if name := nameOf(h, have.Options); h.now[name].Name == "" && strings.Contains(there, name+" ") {
							t.Errorf("%s of %s is lost", name, id)
						}
					}
				}
			}
			if r.IntN(2) == 0 {
				h.planned = PlanOptions{AllowEmpty: true}
				story = append(story, "all:\n"+config+planText(h.apply(config)))
				h.settled(config)
			}
			if t.Failed() {
				t.Fatalf("seed %d:\n%s", seed, strings.Join(story, "\n"))
			}
		}
	}
}
