package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"
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
