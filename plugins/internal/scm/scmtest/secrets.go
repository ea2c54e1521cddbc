package scmtest

import (
	"maps"
	"slices"
	"testing"

	"github.com/devstream-io/dtm/plugins/internal/scm"
)

func secretPromises() []promise {
	return []promise{
		{"secrets are set, changed, named and removed", func(t *testing.T, w *world) {
			path := w.created(t)
			// A service may have rules of its own for what it hides, so these are no words and have no spaces.
			want := map[string]string{"TOKEN_B": "b0123456789-secret", "TOKEN_A": "a0123456789-secret", "LONG": "x0123456789-" + w.Token}
			for name, value := range want {
				must(t, "set "+name, w.host.SetSecret(t.Context(), path, name, "first-"+value))
				must(t, "set "+name+" again", w.host.SetSecret(t.Context(), path, name, value))
			}
			if got := w.Secrets(t, path); !maps.Equal(got, want) {
				t.Errorf("there are %q, want %q", got, want)
			}
			names, err := w.host.SecretNames(t.Context(), path)
			must(t, "names", err)
			if !slices.Equal(names, slices.Sorted(maps.Keys(want))) {
				t.Errorf("the names are %q", names)
			}
			for range 2 {
				must(t, "delete", w.host.DeleteSecret(t.Context(), path, "TOKEN_A"))
			}
			delete(want, "TOKEN_A")
			if got := w.Secrets(t, path); !maps.Equal(got, want) {
				t.Errorf("there are %q, want %q", got, want)
			}
		}},
		{"a repository without secrets has no names of any", func(t *testing.T, w *world) {
			names, err := w.host.SecretNames(t.Context(), w.created(t))
			must(t, "names", err)
			if len(names) != 0 {
				t.Errorf("the names are %q", names)
			}
		}},
		{"names that no service takes are refused and nothing is sent", func(t *testing.T, w *world) {
			path := w.created(t)
			before, _ := w.Count()
			for _, name := range []string{"", "a b", "a-b", "../x", "a/b", "a?b"} {
				if w.host.SetSecret(t.Context(), path, name, "a secret value") == nil {
					t.Errorf("%q was set", name)
				}
				if w.host.DeleteSecret(t.Context(), path, name) == nil {
					t.Errorf("%q was removed", name)
				}
			}
			if after, _ := w.Count(); after != before {
				t.Errorf("%d requests were sent", after-before)
			}
		}},
		{"a repository that was made anew takes secrets, too", func(t *testing.T, w *world) {
			path := w.created(t)
			must(t, "set", w.host.SetSecret(t.Context(), path, "TOKEN_A", "a0123456789-secret"))
			must(t, "delete", w.host.Delete(t.Context(), path))
			_, err := w.host.Create(t.Context(), path, scm.Settings{Visibility: scm.Private})
			must(t, "create again", err)
			must(t, "set again", w.host.SetSecret(t.Context(), path, "TOKEN_A", "b0123456789-secret"))
			if got := w.Secrets(t, path)["TOKEN_A"]; got != "b0123456789-secret" {
				t.Errorf("the secret is %q", got)
			}
		}},
	}
}
