package engine

import (
	"errors"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

func TestAToolThatWasTakenOverChangesNothingByItself(t *testing.T) {
	for _, plugin := range []string{"thing", "heir"} {
		t.Run(plugin, func(t *testing.T) {
			h := newHouse(t)
			id := schema.ID(plugin + ".a")
			h.world.put(options{Name: "a", Value: "1", Zone: "here"})
			session, err := h.store.Open(t.Context(), store.Holder{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			config := toolchain(string(id) + " value=1")
			if err := session.Record(t.Context(), store.Entry{
				Kind: store.TakenOver, Run: "r", Tool: id, Options: config.Tools[0].Options, Resource: []byte(`["of another shape"]`),
			}); err != nil {
				t.Fatal(err)
			}
			if err := session.Close(); err != nil {
				t.Fatal(err)
			}
			if p := h.plan(string(id) + " value=1"); !p.Empty() {
				t.Errorf("there is something to do:\n%s", planText(p))
			}

			// Without a Successor nobody knows what was left, so what another hand has done is taken as it is.
			h.world.change("a", func(r *resource) { r.Value = "2" })
			want := ""
			if plugin == "heir" {
				want = `~ heir.a: resource.outputs.url "a/2#0" "a/1#0", resource.value "2" "1"`
			}
			h.same("plan after drift", planText(h.plan(string(id)+" value=1")), want)

			// A change that fails leaves a tool that was taken over in doubt.
			h.before = failing("update", "a", errors.New("no"))
			if _, err := h.try(string(id) + " value=3"); err == nil {
				t.Fatal("the update did not fail")
			}
			h.before = nil
			h.apply(string(id) + " value=3")
			h.same("world", h.world.String(), "a value=3")
			h.settled(string(id) + " value=3")
		})
	}
}

func TestAToolThatWasTakenOverCanBeDeletedAndReferredTo(t *testing.T) {
	h := newHouse(t)
	h.world.put(options{Name: "a", Value: "1", Zone: "here"})
	session, err := h.store.Open(t.Context(), store.Holder{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Record(t.Context(), store.Entry{
		Kind: store.TakenOver, Run: "r", Tool: "thing.a", Options: toolchain("a value=1").Tools[0].Options, Resource: []byte(`{"old": true}`),
	}); err != nil {
		t.Fatal(err)
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	h.apply("a value=1\nb value=@a.url")
	h.same("world", h.world.String(), "a value=1\nb value=a/1#0")
	h.planned.AllowEmpty = true
	h.apply("")
	h.same("world", h.world.String(), "")
}

// A state may have tools of plugins that this dtm does not have. They stay, and what they stand on; the plan says so.
func TestAToolThatNoPluginCanDeleteStays(t *testing.T) {
	h := newHouse(t)
	h.apply("base value=1\nother value=1")
	session, err := h.store.Open(t.Context(), store.Holder{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Record(t.Context(),
		store.Entry{Kind: store.TakenOver, Run: "r", Tool: "zentao.z", DependsOn: []schema.ID{"thing.base"}, Options: []byte(`{}`)},
		store.Entry{Kind: store.TakenOver, Run: "r", Tool: "thing.bare", Options: toolchain("bare value=1").Tools[0].Options},
	); err != nil {
		t.Fatal(err)
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	h.world.put(options{Name: "bare", Value: "1", Zone: "here"})

	p := h.plan("other value=1\nbare value=1")
	h.same("plan", planText(p), `! zentao.z: there is no plugin "zentao" in this dtm, but the state has a tool of it
! base: zentao.z depends on it, and stays`)
	if _, err := h.try("other value=2\nbare value=1"); err == nil || !strings.Contains(err.Error(), "zentao.z") {
		t.Errorf("got %v", err)
	}
	h.same("world", h.world.String(), "bare value=1\nbase value=1\nother value=2")
}
