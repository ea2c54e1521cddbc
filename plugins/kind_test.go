package plugins_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins"
)

type options struct {
	Name string `json:"name"`
}

type resource struct {
	Name    string  `json:"name"`
	Outputs options `json:"outputs"`
}

// fake answers every verb with answer, and notes what came in.
type fake struct {
	answer     func(verb string) (resource, error)
	want, have options
	last       resource
}

func (f *fake) Create(_ context.Context, want options) (resource, error) {
	f.want = want
	return f.answer("create")
}

func (f *fake) Read(_ context.Context, want options, last resource) (resource, error) {
	f.want, f.last = want, last
	return f.answer("read")
}

func (f *fake) Update(_ context.Context, want, have options, last resource) (resource, error) {
	f.want, f.have, f.last = want, have, last
	return f.answer("update")
}

func (f *fake) Delete(_ context.Context, have options, last resource) error {
	f.have, f.last = have, last
	_, err := f.answer("delete")
	return err
}

// heir is a fake that is a Successor.
type heir struct{ fake }

func (h *heir) Succeed(_ context.Context, have options, old []byte) (resource, error) {
	h.have = have
	r, err := h.answer("succeed")
	r.Name = string(old)
	return r, err
}

func fine(string) (resource, error) { return resource{Name: "r"}, nil }

// verbs calls every verb of k, with the same text for all that is wanted and recorded.
func verbs(ctx context.Context, k plugins.Kind, want, have, last string) map[string]error {
	w, h, l := json.RawMessage(want), json.RawMessage(have), json.RawMessage(last)
	errs := map[string]error{}
	_, errs["create"] = k.Create(ctx, w)
	_, errs["read"] = k.Read(ctx, w, l)
	_, errs["update"] = k.Update(ctx, w, h, l)
	errs["delete"] = k.Delete(ctx, h, l)
	return errs
}

func TestWantedOptionsAreStrict(t *testing.T) {
	for _, want := range []string{`{"nmae": "a"}`, `{"name": 1}`, `{"name": `, ``} {
		errs := verbs(t.Context(), plugins.New("fake", "", &fake{answer: fine}), want, `{}`, `{}`)
		for _, verb := range []string{"create", "read", "update"} {
			if err := errs[verb]; err == nil || !strings.HasPrefix(err.Error(), "options: ") {
				t.Errorf("%s of %q: %v", verb, want, err)
			}
		}
		if errs["delete"] != nil {
			t.Errorf("delete: %v", errs["delete"])
		}
	}
}

func TestWhatWasRecordedByAnotherVersionIsRead(t *testing.T) {
	f := &fake{answer: fine}
	errs := verbs(t.Context(), plugins.New("fake", "", f),
		`{"name": "w"}`, `{"name": "h", "old": 1}`, `{"name": "l", "old": {"x": []}}`)
	for verb, err := range errs {
		if err != nil {
			t.Errorf("%s: %v", verb, err)
		}
	}
	if f.want.Name != "w" || f.have.Name != "h" || f.last.Name != "l" {
		t.Errorf("the plugin got %+v, %+v, %+v", f.want, f.have, f.last)
	}
}

func TestNothingRecordedIsTheZeroValue(t *testing.T) {
	f := &fake{answer: fine}
	for _, nothing := range []string{``, `null`} {
		for verb, err := range verbs(t.Context(), plugins.New("fake", "", f), `{"name": "w"}`, nothing, nothing) {
			if err != nil {
				t.Errorf("%s: %v", verb, err)
			}
		}
		if f.have != (options{}) || f.last != (resource{}) {
			t.Errorf("the plugin got %+v, %+v", f.have, f.last)
		}
	}
}

func TestABrokenRecordIsAnErrorThatSaysWhichPart(t *testing.T) {
	k := plugins.New("fake", "", &fake{answer: fine})
	if err := k.Delete(t.Context(), json.RawMessage(`[]`), nil); err == nil || !strings.HasPrefix(err.Error(), "recorded options: ") {
		t.Errorf("delete: %v", err)
	}
	if err := k.Delete(t.Context(), nil, json.RawMessage(`[]`)); err == nil || !strings.HasPrefix(err.Error(), "recorded resource: ") {
		t.Errorf("delete: %v", err)
	}
}

func TestThePluginsErrorComesThroughWithoutAResource(t *testing.T) {
	broken := errors.New("broken")
	k := plugins.New("fake", "", &fake{answer: func(string) (resource, error) { return resource{Name: "half"}, broken }})
	for verb, err := range verbs(t.Context(), k, `{}`, `{}`, `{}`) {
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", verb, err)
		}
	}
	if r, _ := k.Create(t.Context(), json.RawMessage(`{}`)); r != nil {
		t.Errorf("create returned %s", r)
	}
}

func TestAPanicIsAnErrorOfItsVerb(t *testing.T) {
	h := &heir{fake{answer: func(verb string) (resource, error) { panic("no " + verb) }}}
	k := plugins.New("fake", "", h)
	errs := verbs(t.Context(), k, `{}`, `{}`, `{}`)
	_, errs["succeed"] = k.Succeed(t.Context(), nil, nil)
	if len(errs) != 5 {
		t.Fatalf("called %d verbs", len(errs))
	}
	for verb, err := range errs {
		var p *plugins.PanicError
		if !errors.As(err, &p) || p.Plugin != "fake" || p.Verb != verb || p.Value != "no "+verb || len(p.Stack) == 0 || p.Hint() == "" {
			t.Errorf("%s: %#v", verb, err)
		}
	}
	if got, want := errs["read"].Error(), "plugin fake panicked in read: no read"; got != want {
		t.Errorf("error is %q, want %q", got, want)
	}
}

func TestSucceedIsForSuccessorsOnly(t *testing.T) {
	if r, err := plugins.New("fake", "", &fake{answer: fine}).Succeed(t.Context(), nil, []byte("x")); r != nil || err != nil {
		t.Errorf("of another plugin: %s, %v", r, err)
	}
	h := &heir{fake{answer: fine}}
	r, err := plugins.New("fake", "", h).Succeed(t.Context(), json.RawMessage(`{"name": "h", "old": 1}`), []byte("x"))
	if want := `{"name":"x","outputs":{"name":""}}`; err != nil || string(r) != want || h.have.Name != "h" {
		t.Errorf("of a successor: %s, %v of %+v; want %s", r, err, h.have, want)
	}
}

func TestASetHasEachNameOnce(t *testing.T) {
	b, a := plugins.New("b", "", &fake{}), plugins.New("a", "", &fake{})
	set, err := plugins.NewSet(b, a)
	if err != nil || !slices.Equal(set.Names(), []string{"a", "b"}) {
		t.Errorf("%v, %v", set.Names(), err)
	}
	if _, err := plugins.NewSet(a, b, a); err == nil || err.Error() != `plugin "a" is there twice` {
		t.Errorf("twice: %v", err)
	}
}
