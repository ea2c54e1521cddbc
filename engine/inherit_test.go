package engine

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/schema"
)

func TestRecordedSecretsAreHiddenAndCompared(t *testing.T) {
	def := &schema.Definition{Options: []schema.FieldDefinition{
		{Name: "name"}, {Name: "token", Secret: true},
		{Name: "vault", Secret: true, Fields: []schema.FieldDefinition{{Name: "*"}}},
	}}
	e := &Engine{}
	key := []byte("key")
	for _, test := range []struct {
		name, recorded, wanted, want string
		same                         bool
	}{
		{"no secret", `{"name":"a","n":1.0}`, `{"name":"b","n":1.0}`, `{"n":1.0,"name":"a"}`, false},
		{"the same secret", `{"token":"canary"}`, `{"token":"canary"}`, `{"token":"(secret)"}`, true},
		{"the same, with what looks like a reference", `{"token":"$${{ y }}","name":["$${{ y }}"]}`, `{"token":"$${{ y }}","name":["$${{ y }}"]}`, `{"name":["$${{ y }}"],"token":"(secret)"}`, true},
		{"the same, from the environment", `{"token":"canary"}`, `{"token":"${{ env.A }}"}`, `{"token":"${{ env.A }}"}`, true},
		{"a part of it", `{"token":"x canary $${{ y }}"}`, `{"token":"x ${{ env.A }} $${{ y }}"}`, `{"token":"x ${{ env.A }} $${{ y }}"}`, true},
		{"another secret", `{"token":"canary"}`, `{"token":"b"}`, `{"token":"(secret)"}`, false},
		{"another, from the environment", `{"token":"canary"}`, `{"token":"${{ env.B }}"}`, `{"token":"(secret)"}`, false},
		{"a secret that is not wanted", `{"token":"canary"}`, `{}`, `{"token":"(secret)"}`, false},
		{"a tool that is not wanted", `{"token":"canary"}`, ``, `{"token":"(secret)"}`, false},
		{"one from another tool", `{"token":"canary"}`, `{"token":"${{ a.b.outputs.same }}"}`, `{"token":"(secret)"}`, true},
		{"another from another tool", `{"token":"canary"}`, `{"token":"${{ a.b.outputs.other }}"}`, `{"token":"(secret)"}`, false},
		{"a map", `{"vault":{"x":"canary","y":1}}`, `{"vault":{"x":"${{ env.A }}","y":1}}`, `{"vault":"(secret)"}`, true},
		{"another map", `{"vault":{"x":"canary"}}`, `{"vault":{"x":"b"}}`, `{"vault":"(secret)"}`, false},
		{"no secret but for where it comes from", `{"name":"by canary"}`, `{"name":"by ${{ env.A }}"}`, `{"name":"by ${{ env.A }}"}`, true},
		{"of which another is wanted", `{"name":"by canary"}`, `{"name":"by ${{ env.B }}"}`, `{"name":"(secret)"}`, false},
		{"from both", `{"name":"canary at same"}`, `{"name":"${{ env.A }} at ${{ a.b.outputs.same }}"}`, `{"name":"(secret)"}`, false},
		{"a variable that is not set", `{"name":"by canary"}`, `{"name":"by ${{ env.C }}"}`, `{"name":"by ${{ env.C }}"}`, true},
		{"one that will be another", `{"name":"by another"}`, `{"name":"by ${{ env.C }}"}`, `{"name":"by ${{ env.C }}"}`, false},
		{"nothing", `{"token":null}`, `{"token":"b"}`, `{"token":null}`, false},
	} {
		e.LookupEnv = looked(map[string]string{"A": "canary", "B": "other"})
		got, err := e.Inherit(def, json.RawMessage(test.recorded), json.RawMessage(`["by canary", {"a": "canary", "b": "by all"}]`), json.RawMessage(test.wanted), key)
		if err != nil || string(got.Options) != test.want {
			t.Errorf("%s: got %s %v, want %s", test.name, got.Options, err, test.want)
		}
		if hides := !strings.Contains(test.want, "canary") && test.want != test.recorded; hides && strings.Contains(test.recorded, `"canary"`) && strings.Contains(string(got.Resource), `"canary"`) ||
			!strings.Contains(string(got.Resource), `"by all"`) {
			t.Errorf("%s: got the resource %s", test.name, got.Resource)
		}
		e.LookupEnv = looked(map[string]string{"A": "canary", "B": "other", "C": "canary"})
		filled, _, err := fill(json.RawMessage(test.wanted), func(ref schema.Reference) (any, bool, error) {
			return map[string]string{"same": "canary", "other": "other"}[ref.Key[0]], true, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		now, err := e.seal(def, filled, nil, key)
		if err != nil {
			t.Fatal(err)
		}
		diffs, err := diffOptions(def, sealed{got.Options, got.Digests}, now, nil)
		if err != nil || (len(diffs) == 0) != test.same {
			t.Errorf("%s: got %v %v, and it should be the same: %v", test.name, diffs, err, test.same)
		}
	}
}

func looked(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
}
