package engine

import (
	"errors"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
)

func TestWhatAPluginRefusesIsNotPlanned(t *testing.T) {
	h := newHouse(t)
	h.env["T"] = "wrong token"
	_, err := h.engine.Plan(t.Context(), toolchain("picky.b value=wrong1\nthing.x\npicky.a value=wrong2\npicky.c value=right token=@env.T"), h.state(), h.planned)
	var errs schema.Errors
	if !errors.As(err, &errs) || len(errs) != 3 {
		t.Fatal(err)
	}
	h.same("errors", err.Error(), "tools.picky.b: value wrong1, token  are wrong (say it right): dtm.cue:1\n"+
		"tools.picky.a: value wrong2, token  are wrong (say it right): dtm.cue:3\n"+
		"tools.picky.c: value right, token (secret) are wrong (say it right): dtm.cue:4")
	h.apply("picky.a value=right")
	h.settled("picky.a value=right")
}

func TestWhatIsThereIsNotRefusedUnlessItChanges(t *testing.T) {
	h := newHouse(t)
	h.apply("picky.a value=right")
	h.engine.Plugins["picky"] = plugins.New("picky", optionsCUE, stricter{picky{maker{h.world}}})
	h.settled("picky.a value=right")
	if _, err := h.engine.Plan(t.Context(), toolchain("picky.a value=other"), h.state(), h.planned); err == nil {
		t.Error("an update to what is refused was planned")
	}
}

// stricter refuses everything, as a newer version may.
type stricter struct{ picky }

func (stricter) Validate(options) error { return errors.New("no") }

func TestOptionsThatWereNotKnownAreValidatedBeforeTheVerb(t *testing.T) {
	h := newHouse(t)
	p := h.plan("thing.wrong\npicky.b value=wrong@wrong.url")
	_, err := h.run(t.Context(), p)
	if err == nil || h.made["b"] != 0 {
		t.Errorf("made %d times: %v", h.made["b"], err)
	}
	h.truth()
}
