package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestNoSecretAndNoVariableIsEverShownOrRecorded(t *testing.T) {
	h := newHouse(t)
	var seen strings.Builder
	secrets := func(n int, zone string) string {
		h.env["E"] = fmt.Sprintf("CANARY%d", n)
		return fmt.Sprintf(`
a token=CANARY%[1]d keys=[{"id":"x-@env.E","secret":"CANARY%[1]d"},{"id":"k","secret":"@env.E"}] zone=%[2]s
b token=@env.E creds={"user":"CANARY%[1]d","list":["@env.E"]} vault={"x.y":"CANARY%[1]d","z":"@env.E"} value=@a.url
named.c name=c%[1]d token=CANARY%[1]d creds={"a":"CANARY%[1]d"}`, n, zone)
	}
	look := func(config string) {
		p, err := h.try(config)
		doc, merr := p.MarshalJSON()
		if merr != nil {
			t.Fatal(merr)
		}
		fmt.Fprintf(&seen, "%s %s %v", doc, planText(p), err)
		for _, ev := range h.events {
			fmt.Fprintf(&seen, "%+v\n", ev)
		}
	}
	h.planned.AllowEmpty = true
	look(secrets(1, "here"))
	look(secrets(2, "here"))
	h.world.remove("a")
	look(secrets(2, "here"))
	for _, verb := range []string{"update", "create", "delete"} {
		h.before = func(_ context.Context, v string, o options) error {
			if v == verb {
				return fmt.Errorf("the token %s was refused", o.Token)
			}
			return nil
		}
		look(secrets(3, "there"))
	}
	h.before, h.half = nil, func(string, options) bool { return true }
	look(secrets(4, "here"))
	h.half = nil
	delete(h.env, "E")
	look("b token=other")
	h.env["E"] = "CANARY5"
	look(secrets(5, "here"))
	look(secrets(6, "there"))
	h.settled(secrets(6, "there"))
	if h.tokens["a"] != "CANARY6" || h.tokens["b"] != "CANARY6" {
		t.Errorf("the plugins got %v", h.tokens)
	}
	look("")
	journal, err := json.Marshal(h.journal())
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"what was shown": seen.String(), "the journal": string(journal)} {
		if i := strings.Index(text, "CANARY"); i >= 0 {
			t.Errorf("a secret is in %s: …%s…", what, text[max(0, i-200):min(len(text), i+40)])
		}
		if !strings.Contains(text, hidden) || !strings.Contains(text, "env.E") {
			t.Errorf("%s has no secrets at all", what)
		}
	}
	h.truth()
}
