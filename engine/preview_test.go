package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
)

// previewText has the changes that were previewed, one a line: "a: +part, ~part field, =name value, (note)".
func previewText(p *Plan) string {
	var b strings.Builder
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Preview == nil {
			continue
		}
		var words []string
		for _, f := range c.Preview.Settled {
			words = append(words, "="+f.Name+" "+f.Value)
		}
		for _, part := range c.Preview.Parts {
			words = append(words, strings.TrimSpace(part.Action+" "+part.Name+" "+strings.Join(part.Fields, " ")))
		}
		for _, n := range c.Preview.Notes {
			words = append(words, "("+n+")")
		}
		fmt.Fprintf(&b, "%s: %s\n", c.ID.Instance(), strings.Join(words, ", "))
	}
	return b.String()
}

// called are the names of what the verb was called for since the last time, in the order of the calls.
func (w *world) called(verb string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for _, c := range w.calls {
		if c.verb == verb {
			names = append(names, c.name)
		}
	}
	w.calls = nil
	return strings.Join(names, " ")
}

const foreseen = `
seer.same value=1
seer.new value=1
seer.changed value=2
seer.moved zone=there
seer.record <k
other value=2`

func TestWhatIsMadeOrChangedIsPreviewedAndNothingElse(t *testing.T) {
	h := newHouse(t)
	h.apply("seer.same value=1\nseer.changed value=1\nseer.moved\nseer.record\nseer.gone\nother value=1\nk")
	h.called("")
	p := h.plan(foreseen + "\nk")
	h.same("previews", previewText(p), "new: create new 1\nchanged: create changed 2\nmoved: create moved")
	h.same("calls", h.called("preview"), "new changed moved")
	h.same("plan", planText(p), `
+ seer.new
~ seer.changed: options.value "1" "2"
± seer.moved: options.zone "here" "there" replace
~ other: options.value "1" "2"
~ seer.record: dependsOn [] ["thing.k"]
- seer.gone`)
	for _, refresh := range []Refresh{RefreshNone, RefreshOnly} {
		h.planned.Refresh = refresh
		if got := previewText(h.plan(foreseen + "\nk")); got != "" || h.called("preview") != "" {
			t.Errorf("refresh %s: %s", refresh, got)
		}
	}
}

func TestAPreviewGetsWhatTheVerbGets(t *testing.T) {
	h := newHouse(t)
	h.env["E"] = "CANARY-env"
	h.apply("seer.changed value=1 token=CANARY-1\nseer.moved\nseer.gone")
	h.world.remove("gone")
	got := map[string]string{}
	h.foresee = func(_ context.Context, want, have options, last resource) (plugins.Preview, error) {
		got[want.Name] = fmt.Sprintf("%s %s, had %q %s, is %q %s", want.Value, want.Token, have.Name, have.Value, last.Name, last.Value)
		return plugins.Preview{}, nil
	}
	h.plan("seer.changed value=@env.E token=CANARY-1\nseer.moved zone=there\nseer.gone\nseer.new value=3")
	for name, want := range map[string]string{
		"changed": `CANARY-env CANARY-1, had "changed" 1, is "changed" 1`,
		"moved":   ` , had "" , is "" `,
		"gone":    ` , had "" , is "" `,
		"new":     `3 , had "" , is "" `,
	} {
		if got[name] != want {
			t.Errorf("%s got %q, not %q", name, got[name], want)
		}
	}
}

func TestWhatIsNotWhollyKnownIsNotPreviewed(t *testing.T) {
	h := newHouse(t)
	h.apply("a\nb\nseer.c")
	p := h.plan("a value=2\nb value=2\nk\nseer.c value=@a.url-@b.url-@k.name\nseer.d value=@a.url zone=@a.name")
	h.same("previews", previewText(p), `
c: (not known before thing.a, thing.b, thing.k are applied)
d: (not known before thing.a is applied)`)
	if got := h.called("preview"); got != "" {
		t.Errorf("%s were previewed", got)
	}
	if p := h.plan("a\nb\nseer.c value=@a.url"); p.Changes[2].Preview == nil || len(p.Changes[2].Preview.Parts) != 1 {
		t.Errorf("what is known is not previewed:\n%s", previewText(p))
	}
}

func TestAPreviewThatFailsIsANote(t *testing.T) {
	for what, test := range map[string]struct {
		foresee func(context.Context, options, options, resource) (plugins.Preview, error)
		want    string
	}{
		"an error": {func(context.Context, options, options, resource) (plugins.Preview, error) {
			return plugins.Preview{Notes: []string{"half"}}, errors.New("no route\n\tto \x1b[31mhost \xff")
		}, "not known beforehand: no route to [31mhost \uFFFD"},
		"a panic": {func(context.Context, options, options, resource) (plugins.Preview, error) { panic("no crystal") },
			"not known beforehand: plugin seer panicked in preview: no crystal (this is a bug in the plugin; run again with --debug and report it)"},
	} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t)
			h.foresee = test.foresee
			p := h.plan("seer.a")
			if len(p.Errors) > 0 || p.Count() != 1 {
				t.Errorf("the plan is %s", planText(p))
			}
			h.same("previews", previewText(p), "a: ("+test.want+")")
			h.apply("seer.a")
		})
	}
}

func TestNothingInAPreviewIsSecret(t *testing.T) {
	h := newHouse(t)
	h.env["E"] = "CANARY-env"
	h.foresee = func(_ context.Context, want, _ options, _ resource) (plugins.Preview, error) {
		// A tool may say another's, whose options are opened later.
		said := want.Token + " CANARY-env CANARY-a CANARY-b"
		return plugins.Preview{
			Settled: []plugins.Fact{{Name: "n " + said, Value: "v " + said}},
			Parts:   []plugins.Part{{Action: plugins.PartUpdate, Name: "p " + said, Fields: []string{"f " + said}}},
			Notes:   []string{"o " + said},
		}, map[string]error{"b": errors.New("e " + said)}[want.Name]
	}
	p := h.plan("seer.a token=CANARY-a value=@env.E\nseer.b token=CANARY-b")
	doc, err := p.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(doc), "CANARY") {
		t.Errorf("a secret is in %s", doc)
	}
	const s = "(secret) (secret) (secret) (secret)"
	h.same("previews", previewText(p), "a: =n "+s+" v "+s+", update p "+s+" f "+s+", (o "+s+")\nb: (not known beforehand: e "+s+")")
	if err := testLoader().Validate("#Plan", doc); err != nil {
		t.Error(err)
	}
}

func TestAPreviewTakesHalfAMinuteAtMost(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{0: 30 * time.Second, time.Minute: 30 * time.Second, 5 * time.Second: 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			h.before = func(ctx context.Context, verb string, _ options) error {
				if verb == "preview" {
					<-ctx.Done()
				}
				return ctx.Err()
			}
			began := time.Now()
			p := h.planOf(treat(toolchain("seer.a"), "seer.a", func(l *schema.Lifecycle) { l.Timeout = timeout }))
			if took := time.Since(began); took != want {
				t.Errorf("timeout %s: it took %s, not %s", timeout, took, want)
			}
			h.same("previews", previewText(p), fmt.Sprintf("a: (not known beforehand: timed out after %s)", want))
		})
	}
}

func TestAsManyPreviewsAsVerbsRunAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.engine.Parallel = 2
		var now, most atomic.Int32
		h.before = func(ctx context.Context, _ string, _ options) error {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			timer := time.NewTimer(time.Second)
			defer timer.Stop()
			select {
			case <-timer.C:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		began := time.Now()
		h.plan("seer.a\nseer.b\nseer.c\nseer.d")
		if took := time.Since(began); most.Load() != 2 || took != 2*time.Second {
			t.Errorf("%d ran at the same time, and it took %s", most.Load(), took)
		}
	})
}

func TestLookingAheadThatIsCancelledIsAnError(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	h.before = func(ctx context.Context, _ string, _ options) error {
		cancel()
		return ctx.Err()
	}
	_, err := h.engine.Plan(ctx, toolchain("seer.a"), h.state(), h.planned)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("the error is %v", err)
	}
}

func TestASavedPlanIsBoundToItsPreviews(t *testing.T) {
	h := newHouse(t)
	data := h.save("seer.a")
	if err := h.check(data, "1.2.3", "seer.a"); err != nil {
		t.Error(err)
	}
	h.foresee = func(context.Context, options, options, resource) (plugins.Preview, error) {
		return plugins.Preview{Settled: []plugins.Fact{{Name: "version", Value: "2"}}}, nil
	}
	if err := h.check(data, "1.2.3", "seer.a"); !errors.Is(err, ErrPlanFile) || !strings.Contains(err.Error(), "it would do something else now") {
		t.Errorf("another version: %v", err)
	}
	// Why something is not known is said in other words each time, and that it is known now is another matter.
	port := 0
	h.foresee = func(context.Context, options, options, resource) (plugins.Preview, error) {
		port++
		return plugins.Preview{}, fmt.Errorf("port %d is shut", port)
	}
	data = h.save("seer.a")
	if err := h.check(data, "1.2.3", "seer.a"); err != nil {
		t.Errorf("the same trouble: %v", err)
	}
	if err := h.check([]byte(strings.Replace(string(data), "port 1", "port 9", 1)), "1.2.3", "seer.a"); !errors.Is(err, ErrPlanFile) || !strings.Contains(err.Error(), "edited") {
		t.Errorf("edited: %v", err)
	}
	h.foresee = nil
	if err := h.check(data, "1.2.3", "seer.a"); !errors.Is(err, ErrPlanFile) {
		t.Errorf("trouble that has passed: %v", err)
	}
}

func TestThePlansDocumentHasThePreviews(t *testing.T) {
	h := newHouse(t)
	h.foresee = func(context.Context, options, options, resource) (plugins.Preview, error) {
		return plugins.Preview{
			Settled: []plugins.Fact{{Name: "version", Value: "<1>"}},
			Parts:   []plugins.Part{{Action: plugins.PartCreate, Name: "x"}, {Action: plugins.PartUpdate, Name: "y", Fields: []string{"z"}}, {Action: plugins.PartDelete, Name: "w"}},
			Notes:   []string{"n"},
		}, nil
	}
	doc, err := h.plan("seer.a").MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Changes []struct{ Preview json.RawMessage }
	}
	if err := json.Unmarshal(doc, &got); err != nil {
		t.Fatal(err)
	}
	want := `{"settled":[{"name":"version","value":"<1>"}],"parts":[{"action":"create","name":"x"},{"action":"update","name":"y","fields":["z"]},{"action":"delete","name":"w"}],"notes":["n"]}`
	if string(got.Changes[0].Preview) != want {
		t.Errorf("it is %s", got.Changes[0].Preview)
	}
	if err := testLoader().Validate("#Plan", doc); err != nil {
		t.Error(err)
	}
	bad := strings.Replace(string(doc), `"action":"delete","name":"w"`, `"action":"forget","name":"w"`, 1)
	if err := testLoader().Validate("#Plan", []byte(bad)); err == nil {
		t.Error("a part may be forgotten")
	}
}

func TestAPreviewOfARenameGetsTheThingThatItHad(t *testing.T) {
	h := newHouse(t)
	h.engine.Plugins["seer"] = plugins.New("seer", optionsCUE, oracle{seer{maker{h.world}}})
	h.apply("seer.a name=x")
	got := ""
	h.foresee = func(_ context.Context, want, have options, last resource) (plugins.Preview, error) {
		got = fmt.Sprintf("%s had %s, is %s", want.Name, have.Name, last.Name)
		return plugins.Preview{}, nil
	}
	h.plan("seer.a name=y")
	if got != "y had x, is x" {
		t.Error(got)
	}
}

// oracle is a seer that tells identities.
type oracle struct{ seer }

func (oracle) Identity(o options) string { return o.Name }
