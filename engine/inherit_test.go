package engine

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/devstream-io/dtm/schema"
)

func TestRecordedSecretsAreHiddenAndCompared(t *testing.T) {
	def := &schema.Definition{Options: []schema.FieldDefinition{
		{Name: "name"}, {Name: "token", Secret: true},
		{Name: "vault", Secret: true, Fields: []schema.FieldDefinition{{Name: "*"}}},
	}}
	e := &Engine{LookupEnv: func(name string) (string, bool) {
		return map[string]string{"A": "canary", "B": "other"}[name], name == "A" || name == "B"
	}}
	for _, test := range []struct{ name, recorded, wanted, want, digests string }{
		{"no secret", `{"name":"a","n":1.0}`, `{"name":"b"}`, `{"n":1.0,"name":"a"}`, ""},
		{"the same secret", `{"token":"canary"}`, `{"token":"canary"}`, `{"token":"(secret)"}`, ""},
		{"the same, from the environment", `{"token":"canary"}`, `{"token":"${{ env.A }}"}`, `{"token":"${{ env.A }}"}`, ""},
		{"a part of it", `{"token":"x canary $${{ y }}"}`, `{"token":"x ${{ env.A }} $${{ y }}"}`, `{"token":"x ${{ env.A }} $${{ y }}"}`, ""},
		{"another secret", `{"token":"canary"}`, `{"token":"b"}`, `{"token":"(secret)"}`, "map[options.token:changed]"},
		{"another, from the environment", `{"token":"canary"}`, `{"token":"${{ env.B }}"}`, `{"token":"(secret)"}`, "map[options.token:changed]"},
		{"a secret that is not wanted", `{"token":"canary"}`, `{}`, `{"token":"(secret)"}`, ""},
		{"one that is not known yet", `{"token":"canary"}`, `{"token":"${{ a.b.outputs.c }}"}`, `{"token":"(secret)"}`, ""},
		{"a map", `{"vault":{"x":"canary","y":1}}`, `{"vault":{"x":"${{ env.A }}","y":1}}`, `{"vault":"(secret)"}`, ""},
		{"another map", `{"vault":{"x":"canary"}}`, `{"vault":{"x":"b"}}`, `{"vault":"(secret)"}`, "map[options.vault:changed]"},
		{"no secret but for where it comes from", `{"name":"by canary"}`, `{"name":"by ${{ env.A }}"}`, `{"name":"by ${{ env.A }}"}`, ""},
		{"of which another is wanted", `{"name":"by canary"}`, `{"name":"by ${{ env.B }}"}`, `{"name":"(secret)"}`, ""},
		{"a variable that is not set", `{"name":"by canary"}`, `{"name":"by ${{ env.C }}"}`, `{"name":"by ${{ env.C }}"}`, ""},
		{"nothing", `{"token":null}`, `{"token":"b"}`, `{"token":null}`, ""},
	} {
		got, digests, err := e.Inherit(def, json.RawMessage(test.recorded), json.RawMessage(test.wanted))
		told := ""
		if digests != nil {
			told = fmt.Sprint(digests)
		}
		if err != nil || string(got) != test.want || told != test.digests {
			t.Errorf("%s: got %s %s %v, want %s %s", test.name, got, told, err, test.want, test.digests)
		}
	}
}
