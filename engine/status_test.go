package engine

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/schema"
)

func (h *house) recordedStatus(name string) string {
	h.Helper()
	var r resource
	if err := json.Unmarshal(h.state().Tools[toolID(name)].Resource, &r); err != nil {
		h.Fatal(err)
	}
	return r.Status
}

func TestAStatusIsRecordedAndNeverCompared(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=1\nb value=@a.url")
	before := h.state()
	for _, status := range []string{"3 of 7 ready", "7 of 7 ready", ""} {
		h.world.change("a", func(r *resource) { r.Status = status })
		if p := h.plan("a value=1\nb value=@a.url"); !p.Empty() {
			t.Errorf("%q is drift:\n%s", status, planText(p))
		}
		h.planned.Refresh = RefreshOnly
		if p := h.plan("a value=1\nb value=@a.url"); !p.Empty() {
			t.Errorf("%q would be recorded:\n%s", status, planText(p))
		}
		h.planned.Refresh = RefreshAll
		found, err := h.engine.Inspect(t.Context(), h.state(), []schema.ID{"thing.a"})
		if err != nil || found[0].Drifted || found[0].Err != nil || strings.Contains(string(found[0].Resource), "ready") != (status != "") {
			t.Errorf("%q is found as %+v, %v", status, found[0], err)
		}
	}
	// It is recorded with what a verb leaves, and with what is accepted.
	h.world.change("a", func(r *resource) { r.Status = "7 of 7 ready" })
	h.apply("a value=2\nb value=@a.url")
	if got := h.recordedStatus("a"); got != "7 of 7 ready" {
		t.Errorf("after an update %q is recorded", got)
	}
	h.settled("a value=2\nb value=@a.url")
	h.world.change("a", func(r *resource) { r.Status, r.Value = "6 of 7 ready", "by hand" })
	p := h.plan("a value=2\nb value=@a.url")
	h.same("drift beside it", planText(p), `~ a: resource.outputs.url "a/by hand#0" "a/2#0", resource.value "by hand" "2"`)
	h.planned.Refresh = RefreshOnly
	h.apply("a value=2\nb value=@a.url")
	if got := h.recordedStatus("a"); got != "6 of 7 ready" {
		t.Errorf("after a refresh %q is recorded", got)
	}
	diffs, err := h.engine.Compare(before, h.state())
	if err != nil || len(diffs) == 0 {
		t.Fatalf("%v, %v", diffs, err)
	}
	for _, d := range diffs[0].Diff {
		if strings.Contains(d.Path, "status") {
			t.Errorf("states are compared by %+v", d)
		}
	}
}

func TestAStatusCannotBeReferredTo(t *testing.T) {
	for _, ref := range []string{"${{ thing.a.status }}", "${{ thing.a.status.ready }}", "${{ thing.a.resource.status }}"} {
		if parts, err := schema.SplitReferences(ref); err == nil {
			t.Errorf("%s is %+v", ref, parts)
		}
	}
	h := newHouse(t)
	h.apply("a")
	h.world.change("a", func(r *resource) { r.Status = "ready" })
	p := h.plan("a\nb value=@a.status")
	if len(p.Errors) != 1 || !strings.Contains(p.Errors[0].Error(), "has no such output") {
		t.Errorf("as an output it is\n%s", planText(p))
	}
}

func TestOnlyTheStatusAtTheTopChangesByItself(t *testing.T) {
	for _, docs := range [][2]string{
		{`{"status":1,"x":{"status":1}}`, `{"status":2,"x":{"status":2}}`},
		{`[{"status":1}]`, `[{"status":2}]`},
		{`"status"`, `"state"`},
	} {
		diffs, err := diffResources(json.RawMessage(docs[0]), json.RawMessage(docs[1]))
		if err != nil || len(diffs) != 1 || diffs[0].Path == "resource.status" {
			t.Errorf("%v: %+v, %v", docs, diffs, err)
		}
	}
	for _, docs := range [][2]string{{`{"status":1}`, `{}`}, {`{"a":1,"status":{"x":1}}`, `{"status":[2],"a":1}`}} {
		if diffs, err := diffResources(json.RawMessage(docs[0]), json.RawMessage(docs[1])); err != nil || len(diffs) > 0 {
			t.Errorf("%v: %+v, %v", docs, diffs, err)
		}
	}
}
