package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// rollback plans and applies what was in force after a run.
func (h *house) rollback(run string, today *schema.Config) *Plan {
	h.Helper()
	then, err := h.store.At(h.Context(), run)
	if err != nil {
		h.Fatal(err)
	}
	config, err := h.engine.Former(then, today)
	if err != nil {
		h.Fatal(err)
	}
	p, err := h.engine.Plan(h.Context(), config, h.state(), PlanOptions{AllowEmpty: true})
	if err != nil {
		h.Fatal(err)
	}
	if _, err := h.run(h.Context(), p); err != nil {
		h.Fatal(err)
	}
	return p
}

func (h *house) lastRun() string {
	for r, err := range h.store.Runs(h.Context()) {
		if err != nil {
			h.Fatal(err)
		}
		return r.ID
	}
	return ""
}

func TestARollbackMakesWhatWasAfterARun(t *testing.T) {
	h := newHouse(t)
	h.env["E"] = "CANARY"
	configs := []string{
		"a value=1\nb value=@a.url token=SECRET tags=[\"@env.E\"]\nc <b",
		"a value=2 zone=there\nb value=@a.url token=SECRET\nd <a",
		"e",
		"a value=@e.url\ne",
	}
	var runs, worlds []string
	for _, c := range configs {
		h.apply(c)
		runs, worlds = append(runs, h.lastRun()), append(worlds, h.world.String())
	}
	for _, i := range []int{0, 2, 1, 3, 0} {
		h.rollback(runs[i], toolchain(configs[0]))
		h.same("world after the rollback", h.world.String(), worlds[i])
		h.truth()
		if p := h.rollback(runs[i], toolchain(configs[0])); !p.Empty() {
			t.Errorf("once more:\n%s", planText(p))
		}
	}
	if h.tokens["b"] != "SECRET" {
		t.Errorf("the token of b is %q", h.tokens["b"])
	}
}

func TestARollbackNeedsTheSecretsOfToday(t *testing.T) {
	h := newHouse(t)
	h.apply("a keys=[{\"id\":\"1\",\"secret\":\"CANARY\"}]")
	then := h.state()
	h.apply("b")
	config, err := h.engine.Former(then, toolchain("b"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.engine.Plan(t.Context(), config, h.state(), PlanOptions{})
	var lost *LostSecretError
	if !errors.As(err, &lost) || err.Error() != "thing.a: options.keys[0].secret was secret, so it was not recorded" || lost.Hint() == "" {
		t.Error(err)
	}
}

func TestStatesAreComparedToolByTool(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=1 token=CANARY1\nb\nc <b")
	before := h.state()
	h.apply("a value=2 token=CANARY2\nc\nd value=x")
	diffs, err := h.engine.Compare(before, h.state())
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, d := range diffs {
		line := string(d.Action) + " " + short(d.ID)
		for _, f := range d.Diff {
			if d.Action != Create {
				line += "; " + diffText(f)
			}
		}
		lines = append(lines, line)
	}
	h.same("differences", strings.Join(lines, "\n"), `~ a; options.token - - secret; options.value "1" "2"; resource.outputs.url "a/1#0" "a/2#0"; resource.value "1" "2"
- b
~ c; dependsOn ["thing.b"] []
+ d`)
	if same, err := h.engine.Compare(before, before); len(same) > 0 || err != nil {
		t.Error(same, err)
	}
	if all, err := h.engine.Compare(store.NewState(), before); len(all) != 3 || err != nil {
		t.Error(all, err)
	}
}

func TestARollbackFindsTheSecretOfAnElementWhereverItStandsToday(t *testing.T) {
	h := newHouse(t)
	h.apply(`a keys=[{"id":"1","secret":"CANARY1"},{"id":"2","secret":"CANARY2"}]`)
	run := h.lastRun()
	const today = `a keys=[{"id":"2","secret":"CANARY2"},{"id":"1","secret":"CANARY1"}]`
	h.apply(today)
	var got []key
	h.before = func(_ context.Context, verb string, o options) error {
		if verb == "update" {
			got = o.Keys
		}
		return nil
	}
	h.rollback(run, toolchain(today))
	if want := []key{{"1", "CANARY1"}, {"2", "CANARY2"}}; !slices.Equal(got, want) {
		t.Errorf("the plugin was given %v", got)
	}
}

func TestARollbackCanLeaveOutWhatHasLostItsSecret(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=1 token=CANARY\nb value=1")
	then := h.state()
	h.apply("b value=2")
	config, err := h.engine.Former(then, toolchain("b value=2"))
	if err != nil {
		t.Fatal(err)
	}
	var lost *LostSecretError
	if _, err := h.engine.Plan(t.Context(), config, h.state(), PlanOptions{}); !errors.As(err, &lost) || err.Error() != "thing.a: options.token was secret, so it was not recorded" {
		t.Error(err)
	}
	p, err := h.engine.Plan(t.Context(), config, h.state(), PlanOptions{Selection: Selection{Exclude: []string{"thing.a"}}})
	if err != nil {
		t.Fatal(err)
	}
	h.same("plan", planText(p), `~ b: options.value "2" "1"`)
}

func TestARollbackToAToolWithoutAPluginIsToldBeforeAnythingRuns(t *testing.T) {
	h := newHouse(t)
	h.apply("heir.a\nb")
	run := h.lastRun()
	h.apply("b")
	then, err := h.store.At(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	delete(h.engine.Plugins, "heir")
	config, err := h.engine.Former(then, toolchain("b"))
	if err != nil {
		t.Fatal(err)
	}
	p := h.planOf(config)
	if len(p.Errors) != 1 || p.Errors[0].ID != "heir.a" {
		t.Errorf("the plan is\n%s", planText(p))
	}
}

func TestARollbackKeepsTextThatLooksLikeAReference(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=$${{x}}")
	run := h.lastRun()
	h.apply("a value=2")
	h.rollback(run, toolchain("a value=2"))
	h.same("world", h.world.String(), "a value=${{x}}")
	h.truth()
}
