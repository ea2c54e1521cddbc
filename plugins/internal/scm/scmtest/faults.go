package scmtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strconv"
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

// accident is how a request can go wrong, of whatever kind it is.
type accident struct {
	name  string
	fault Fault
	// passes tells that who hears of it may try again.
	passes bool
}

func accidents() []accident {
	all := []accident{
		{"there is no connection", Fault{}, true},
		{"the answer is lost", Fault{After: true, Err: os.ErrDeadlineExceeded}, true},
		{"the answer is cut off", Fault{Half: true}, true},
		{"the answer ends too early", Fault{Short: true}, true},
		{"it fails after its effect", Fault{After: true, Answer: Answer(500, accidental)}, true},
		{"it is throttled", Fault{Answer: Answer(403, `{"message": "You have exceeded a secondary rate limit"}`, "Retry-After", "0")}, true},
		{"it is throttled by another word", Fault{Answer: Answer(429, accidental, "Retry-After", "0")}, true},
	}
	for _, status := range []int{401, 403, 404, 409, 422} {
		all = append(all, accident{"it is answered " + strconv.Itoa(status), Fault{Answer: Answer(status, accidental)}, status == 409})
	}
	return append(all, accident{"it breaks down", Fault{Answer: brokenDown}, true})
}

// brokenDown is one of the ways in which a service does: not the same for all requests.
func brokenDown(r *http.Request) *http.Response {
	status := []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable}[len(r.URL.Path)%3]
	return Answer(status, accidental)(r)
}

const accidental = `{"message": "an accident"}`

// faultPromises let every request of every story go wrong, in every way, and do then what the engine does when it is run
// again.
func faultPromises() []promise {
	var all []promise
	for _, s := range stories() {
		for _, a := range accidents() {
			all = append(all, promise{s.name + " can be repeated whichever request it is of which " + a.name, func(t *testing.T, w *world) {
				for n := 1; n <= maxRequests; n++ {
					path := s.before(t, w)
					a.fault.N = n
					heal := w.Fail(a.fault)
					err := s.do(t.Context(), w, path)
					hit := heal()
					if err != nil {
						w.passes(t, fmt.Sprintf("request %d", n), err, a.passes)
					}
					must(t, fmt.Sprintf("again after request %d", n), s.do(t.Context(), w, path))
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

// passes checks the error of an accident. What looks as if somebody else had been faster tells only that.
func (w *world) passes(t *testing.T, what string, err error, passes bool) {
	t.Helper()
	if errors.Is(err, scm.ErrChanged) {
		return
	}
	w.tells(t, what, err)
	if passes && !retryable(err) {
		t.Errorf("%s: not retryable: %v", what, err)
	}
}
