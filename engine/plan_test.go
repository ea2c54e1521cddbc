package engine

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/schema"
)

func TestAChainIsCreatedInOrderAndASecondPlanIsEmpty(t *testing.T) {
	h := newHouse(t)
	const config = `
c value=@b.url-and-@a.name
b value=@a.url tags=["x","@a.list.0"]
a value=1`
	p := h.apply(config)
	h.same("plan", planText(p), `
+ a
+ b
+ c`)
	h.same("events", h.eventText(), `
a create begins
a ends
b create begins
b ends
c create begins
c ends`)
	h.same("world", h.world.String(), `
a value=1
b value=a/1#0
c value=b/a/1#0#0-and-a`)
	h.settled(config)
	if s := h.plan(config).Summary(); s != (PlanSummary{Unchanged: 3}) {
		t.Errorf("summary %+v", s)
	}
}

func TestAPlanShowsTheFieldsThatChange(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=1 tags=[\"x\"]\nb value=1 token=t1\nc")
	p := h.apply("a value=2 tags=[\"x\",\"y\"]\nb value=1 token=t2\nc")
	h.same("plan", planText(p), `
~ a: options.tags[1] - "y", options.value "1" "2"
~ b: options.token - - secret`)
	if got := h.verbs(); got != "update a, update b" {
		t.Errorf("verbs: %s", got)
	}
	if h.tokens["b"] != "t2" {
		t.Errorf("b has the token %q", h.tokens["b"])
	}
	h.settled("a value=2 tags=[\"x\",\"y\"]\nb value=1 token=t2\nc")
}

func TestAChangedVariableIsSeenByItsDigest(t *testing.T) {
	h := newHouse(t)
	const config = "a token=@env.TOKEN value=x-@env.V"
	h.env["TOKEN"], h.env["V"] = "t1", "v1"
	h.apply(config)
	h.settled(config)
	h.env["TOKEN"] = "t2"
	p := h.apply(config)
	h.same("plan", planText(p), `~ a: options.token - - secret`)
	if h.tokens["a"] != "t2" {
		t.Errorf("the token is %q", h.tokens["a"])
	}
	h.settled(config)
}

func TestASecretMayComeFromAnOutput(t *testing.T) {
	h := newHouse(t)
	const config = "a value=1\nb token=@a.url creds={\"x\":\"@a.url\"}"
	h.apply(config)
	if h.tokens["b"] != "a/1#0" {
		t.Errorf("the token is %q", h.tokens["b"])
	}
	h.settled(config)
	const moved = "a value=2\nb token=@a.url creds={\"x\":\"@a.url\"}"
	h.same("plan", planText(h.apply(moved)), `
~ a: options.value "1" "2"
~ b: options.creds - - unknown secret, options.token - - unknown secret`)
	h.settled(moved)
	h.same("plan", planText(h.apply(moved+" zone=there")), `± b: options.zone "here" "there" replace`)
	h.settled(moved + " zone=there")
}

func TestAVariableThatASecretCameFromIsNotNeededAnyMore(t *testing.T) {
	h := newHouse(t)
	h.env["OLD"] = "t1"
	h.apply("a token=@env.OLD\nb token=@env.OLD")
	delete(h.env, "OLD")
	h.env["NEW"] = "t2"
	h.same("plan", planText(h.apply("a token=@env.NEW\nb")), `
~ a: options.token - - secret
~ b: options.token - - secret`)
	h.settled("a token=@env.NEW\nb")
}

func TestVariablesThatAreNotSetAreToldAllAtOnceBeforeAnythingRuns(t *testing.T) {
	h := newHouse(t)
	config := toolchain("a value=@env.ONE\nb tags=[\"@env.TWO\"] token=@env.ONE")
	_, err := h.engine.Plan(t.Context(), config, h.state(), PlanOptions{})
	var errs schema.Errors
	if !errors.As(err, &errs) {
		t.Fatalf("%T %v", err, err)
	}
	h.same("error", err.Error(), `
tools.thing.a.options.value: the environment variable ONE is not set (export ONE=… and run again): dtm.cue:1
tools.thing.b.options.tags[0]: the environment variable TWO is not set (export TWO=… and run again): dtm.cue:2
tools.thing.b.options.token: the environment variable ONE is not set (export ONE=… and run again): dtm.cue:2`)
	if got := h.verbs(); got != "" {
		t.Errorf("verbs: %s", got)
	}
}

func TestACycleIsNamedByItsPath(t *testing.T) {
	h := newHouse(t)
	_, err := h.engine.Plan(t.Context(), toolchain("a value=@b.url\nb <c\nc <a"), h.state(), PlanOptions{})
	var errs schema.Errors
	if !errors.As(err, &errs) || err.Error() != "dependency cycle: thing.a -> thing.b -> thing.c -> thing.a: dtm.cue:1" {
		t.Errorf("%T %v", err, err)
	}
}

func TestAnEmptyConfigurationNeedsAnExplicitWord(t *testing.T) {
	h := newHouse(t)
	if p := h.plan(""); !p.Empty() {
		t.Error("nothing is recorded, so there is nothing to protect")
	}
	h.apply("a\nb <a")
	if _, err := h.engine.Plan(t.Context(), toolchain(""), h.state(), PlanOptions{}); !errors.Is(err, ErrNoTools) {
		t.Fatalf("error %v", err)
	}
	h.planned.AllowEmpty = true
	h.same("plan", planText(h.apply("")), "- b\n- a")
	h.settled("")
}

func TestAToolThatCannotBeReadIsAnErrorAndTheOthersArePlanned(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=1\nb value=@a.url\nc value=1\nd <a,e\ne")
	h.before = failing("read", "a", errors.New("no answer"))
	const config = "a value=2\nb value=@a.url zone=there\nc value=2\nd\ne <d"
	p, err := h.try(config)
	h.same("plan", planText(p), `
± b: options.zone "here" "there" replace
~ c: options.value "1" "2"
~ d: dependsOn ["thing.a","thing.e"] []
~ e: dependsOn [] ["thing.d"]
! a: no answer`)
	var failed *ApplyError
	if !errors.As(err, &failed) || len(failed.Failed) != 1 || failed.Failed[0].ID != "thing.a" || failed.Skipped != 1 {
		t.Errorf("error %v", err)
	}
	h.same("events", h.eventText(), `
d ends
b skipped for [a]
c update begins
c ends
e ends`)
	h.before = nil
	h.apply(config)
	h.settled(config)
}

func TestWhatAnUnreadableToolNeedsIsNotDeleted(t *testing.T) {
	h := newHouse(t)
	h.apply("a\nb <a")
	h.before = failing("read", "b", errors.New("no answer"))
	p, err := h.try("b")
	h.same("plan", planText(p), "- a\n! b: no answer")
	if err == nil {
		t.Error("no error")
	}
	h.same("events", h.eventText(), "a skipped for [b]")
	h.same("world", h.world.String(), "a\nb")
}

func TestAMissingOutputIsAnErrorOfTheTool(t *testing.T) {
	h := newHouse(t)
	h.apply("a")
	p, err := h.try("a\nb value=@a.nope.x\nc <b\nd")
	h.same("plan", planText(p), `
+ c
+ d
! b: options.value: ${{ thing.a.outputs.nope.x }}: tool thing.a has no such output`)
	if err == nil || err.Error() != "thing.b failed: options.value: ${{ thing.a.outputs.nope.x }}: tool thing.a has no such output (1 not begun)" {
		t.Errorf("error %v", err)
	}
	h.same("world", h.world.String(), "a\nd")
}

func TestKeptToolsStayAndOrphansGo(t *testing.T) {
	h := newHouse(t)
	h.env["T"] = "v"
	h.apply("a\nb <a\nc")
	h.world.put(options{Name: "lost", Zone: "here", Token: "t"})
	h.planned = PlanOptions{
		AllowEmpty: true,
		Keep:       func(id schema.ID) bool { return id == "thing.a" },
		Orphans:    toolchain("lost token=topsecret keys=[{\"id\":\"k\",\"secret\":\"topsecret\"}] value=@env.T\nb\nnever value=1").Tools,
	}
	var token string
	h.before = func(_ context.Context, verb string, o options) error {
		if verb == "delete" && o.Name == "lost" {
			token = o.Token
		}
		return nil
	}
	p := h.apply("")
	h.same("plan", planText(p), "- b\n- c\n- lost\n- never")
	if doc, err := p.MarshalJSON(); err != nil || strings.Contains(string(doc), "topsecret") {
		t.Errorf("%v, the secret stands in %s", err, doc)
	}
	if token != "topsecret" {
		t.Errorf("delete got the token %q", token)
	}
	h.same("world", h.world.String(), "a")
	h.truth()
	h.planned = PlanOptions{}
	h.settled("a")
}

func TestAPluginThatIsNotThereIsAnErrorOfItsTools(t *testing.T) {
	h := newHouse(t)
	h.apply("a\nb <a\nnamed.c")
	delete(h.engine.Plugins, "named")
	_, err := h.try("a")
	h.same("events", h.eventText(), "b delete begins\nb ends")
	if err == nil || !strings.Contains(err.Error(), `named.c failed: there is no plugin "named" in this dtm, but the state has a tool of it`) {
		t.Errorf("got %v", err)
	}
	if c := h.state().Tools["named.c"]; c == nil || c.Doubt != nil {
		t.Errorf("c is recorded as %+v", c)
	}
}

// failing is a hook that refuses one verb about one name.
func failing(verb, name string, err error) func(context.Context, string, options) error {
	return func(_ context.Context, v string, o options) error {
		if v == verb && o.Name == name {
			return err
		}
		return nil
	}
}
