package helm

import (
	"slices"
	"testing"

	"github.com/devstream-io/dtm/plugins"
)

func TestTheSecretsInValuesAreTold(t *testing.T) {
	var told []string
	ctx := plugins.WithConceal(t.Context(), func(value string) { told = append(told, value) })
	o := Options{Chart: Chart{ValuesYAML: `
adminPassword: hunter2
image: registry.test/x:1
auth: {user: me, token: abcd, pin: 1234}
secrets:
  - {name: a, value: first}
  - second
passwordless: true
api-key: 77777
nothing: {password: null}
`}}
	o.conceal(ctx)
	slices.Sort(told)
	if want := []string{"77777", "a", "abcd", "first", "hunter2", "second"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
