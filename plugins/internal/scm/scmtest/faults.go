package scmtest

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// maxRequests is more than anything here needs.
const maxRequests = 60

// story is something that a plugin does, which may be cut off anywhere and is then done again.
type story struct {
	name string
	// before makes what the story begins with.
	before func(t *testing.T, w *world) scm.Path
	do     func(ctx context.Context, w *world, path scm.Path) error
	// after looks at what there is in the end.
	after func(t *testing.T, w *world, path scm.Path)
}

func stories() []story {
	empty := func(t *testing.T, w *world) scm.Path { return w.created(t) }
	begun := func(t *testing.T, w *world) scm.Path {
		return w.begun(t, map[string]string{"a": "a", "b": "b", "dir/c": "c"})
	}
	proposed := func(t *testing.T, w *world) scm.Path {
		path := begun(t, w)
		must(t, "propose", w.propose(t.Context(), path, "first", map[string]string{"d": "first"}))
		return path
	}
	first := map[string]string{"a": "a", "b": "b", "dir/c": "c", ".github/workflows/x.yml": "x"}
	return []story{
		{"a repository that is made", func(_ *testing.T, w *world) scm.Path { return w.fresh() }, func(ctx context.Context, w *world, path scm.Path) error {
			settings := scm.Settings{Description: "d", Visibility: scm.Private}
			_, err := w.host.Create(ctx, path, settings)
			if errors.Is(err, scm.ErrExists) {
				_, err = w.host.Configure(ctx, path, settings)
			}
			return err
		}, func(t *testing.T, w *world, path scm.Path) {
			r, err := w.host.Repository(t.Context(), path)
			must(t, "repository", err)
			if r.Description != "d" || r.Visibility != scm.Private || !r.Empty {
				t.Errorf("found %+v", r)
			}
		}},
		{"a first commit", empty, func(ctx context.Context, w *world, path scm.Path) error {
			return w.ensure(ctx, path, "main", "begin", first)
		}, func(t *testing.T, w *world, path scm.Path) {
			w.holds(t, path, "main", first)
			w.history(t, path, "main", "begin")
		}},
		{"a first commit to a branch of another name", empty, func(ctx context.Context, w *world, path scm.Path) error {
			return w.ensure(ctx, path, "trunk", "begin", first)
		}, func(t *testing.T, w *world, path scm.Path) {
			w.holds(t, path, "trunk", first)
			w.history(t, path, "trunk", "begin")
			if head := w.list(t, path, "main").Head; head != "" {
				t.Errorf("there is a branch main at %s", head)
			}
		}},
		{"another commit", begun, func(ctx context.Context, w *world, path scm.Path) error {
			return w.ensure(ctx, path, "main", "change", map[string]string{"a": "2", "bin": "\x00\xff", "dir/c": "c"}, "b")
		}, func(t *testing.T, w *world, path scm.Path) {
			w.holds(t, path, "main", map[string]string{"a": "2", "bin": "\x00\xff", "dir/c": "c"})
			w.history(t, path, "main", "change", "begin")
		}},
		{"a commit to a new branch", begun, func(ctx context.Context, w *world, path scm.Path) error {
			return w.ensure(ctx, path, "next", "change", map[string]string{"a": "2"})
		}, func(t *testing.T, w *world, path scm.Path) {
			w.holds(t, path, "next", map[string]string{"a": "2", "b": "b", "dir/c": "c"})
			w.history(t, path, "next", "change", "begin")
		}},
		{"settings", begun, func(ctx context.Context, w *world, path scm.Path) error {
			_, err := w.host.Configure(ctx, path, scm.Settings{Description: "d", Visibility: scm.Public})
			return err
		}, func(t *testing.T, w *world, path scm.Path) {
			r, err := w.host.Repository(t.Context(), path)
			must(t, "repository", err)
			if r.Description != "d" || r.Visibility != scm.Public {
				t.Errorf("found %+v", r)
			}
		}},
		{"a proposal", begun, func(ctx context.Context, w *world, path scm.Path) error {
			return w.propose(ctx, path, "propose", map[string]string{"a": "2"})
		}, func(t *testing.T, w *world, path scm.Path) {
			w.isProposed(t, path, "propose", map[string]string{"a": "2"})
		}},
		{"a proposal that is changed", proposed, func(ctx context.Context, w *world, path scm.Path) error {
			return w.propose(ctx, path, "second", map[string]string{"d": "second"})
		}, func(t *testing.T, w *world, path scm.Path) {
			w.isProposed(t, path, "second", map[string]string{"d": "second"})
		}},
		{"a proposal that is withdrawn", proposed, func(ctx context.Context, w *world, path scm.Path) error {
			return w.host.Withdraw(ctx, path, from, "main")
		}, func(t *testing.T, w *world, path scm.Path) {
			if is := w.one(t, path); is.IsOpen {
				t.Errorf("there is %+v", is)
			}
			if head := w.list(t, path, from).Head; head != "" {
				t.Errorf("the branch is at %s", head)
			}
		}},
		{"secrets", empty, func(ctx context.Context, w *world, path scm.Path) error {
			names, err := w.host.SecretNames(ctx, path)
			if err != nil {
				return err
			}
			for _, name := range append(names, "GONE") {
				if err := w.host.DeleteSecret(ctx, path, name); err != nil {
					return err
				}
			}
			return w.host.SetSecret(ctx, path, "KEPT", "a0123456789-secret")
		}, func(t *testing.T, w *world, path scm.Path) {
			if got := w.Secrets(t, path); !maps.Equal(got, map[string]string{"KEPT": "a0123456789-secret"}) {
				t.Errorf("the secrets are %q", got)
			}
		}},
		{"an archive", begun, func(ctx context.Context, w *world, path scm.Path) error {
			return w.host.Archive(ctx, path)
		}, func(t *testing.T, w *world, path scm.Path) {
			r, err := w.host.Repository(t.Context(), path)
			must(t, "repository", err)
			if !r.Archived {
				t.Errorf("found %+v", r)
			}
		}},
		{"the end of a repository", begun, func(ctx context.Context, w *world, path scm.Path) error {
			return w.host.Delete(ctx, path)
		}, func(t *testing.T, w *world, path scm.Path) {
			_, err := w.host.Repository(t.Context(), path)
			mustBe(t, "repository", err, plugins.ErrNotFound)
		}},
	}
}

func (w *world) isProposed(t *testing.T, path scm.Path, title string, changed map[string]string) {
	t.Helper()
	if is := w.one(t, path); !is.IsOpen || is.Title != title {
		t.Errorf("there is %+v", is)
	}
	want := map[string]string{"a": "a", "b": "b", "dir/c": "c"}
	w.holds(t, path, "main", want)
	maps.Copy(want, changed)
	w.holds(t, path, from, want)
	w.history(t, path, from, title, "begin")
}

// broken is the n-th request, failing. A lost answer is half of one.
func broken(n int, after bool) Fault {
	switch {
	case after:
		return Fault{N: n, Half: true}
	case n%2 == 0:
		return Fault{N: n}
	}
	return Fault{N: n, Answer: Answer(500, `{"message": "an accident"}`)}
}

// faultPromises let every request of every story fail, and do then what the engine does when it is run again.
func faultPromises() []promise {
	var all []promise
	for _, s := range stories() {
		for _, after := range []bool{false, true} {
			when := "before"
			if after {
				when = "after"
			}
			all = append(all, promise{s.name + " can be repeated when any request failed " + when + " its effect", func(t *testing.T, w *world) {
				for n := 1; n <= maxRequests; n++ {
					path := s.before(t, w)
					heal := w.Fail(broken(n, after))
					err := s.do(t.Context(), w, path)
					hit := heal()
					if err != nil {
						w.tells(t, s.name, err)
						if !retryable(err) && !errors.Is(err, scm.ErrChanged) {
							t.Errorf("request %d: not retryable: %v", n, err)
						}
						if strings.Contains(err.Error(), "panic") {
							t.Errorf("request %d: %v", n, err)
						}
					}
					must(t, "again", s.do(t.Context(), w, path))
					s.after(t, w, path)
					if !hit {
						must(t, "undisturbed", err)
						return
					}
				}
				t.Errorf("it sends more than %d requests", maxRequests)
			}})
		}
	}
	return all
}
