package scmtest

import (
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

func repositoryPromises() []promise {
	return []promise{
		{"a repository that is made is found and is empty", func(t *testing.T, w *world) {
			for _, owner := range []string{w.User, w.Org} {
				path := scm.Path{Owner: owner, Name: "shop"}
				made, err := w.host.Create(t.Context(), path, scm.Settings{Description: "a shop", Visibility: scm.Private})
				must(t, "create", err)
				found, err := w.host.Repository(t.Context(), path)
				must(t, "repository", err)
				if found != made {
					t.Errorf("made %+v, found %+v", made, found)
				}
				if found.Path != path || found.ID == 0 || !found.Empty || found.Archived || found.DefaultBranch != "" || found.OrgOwned != (owner == w.Org) {
					t.Errorf("found %+v", found)
				}
				if found.Description != "a shop" || found.Visibility != scm.Private || found.WebURL == "" || found.CloneURL == "" || found.SSHURL == "" {
					t.Errorf("found %+v", found)
				}
				if !w.Exists(t, path) {
					t.Errorf("there is no %s", path)
				}
			}
		}},
		{"that there is one already is told", func(t *testing.T, w *world) {
			path := w.created(t)
			_, err := w.host.Create(t.Context(), path, scm.Settings{})
			mustBe(t, "create again", err, scm.ErrExists)
			w.tells(t, "create again", err)
		}},
		{"that there is none is told", func(t *testing.T, w *world) {
			for verb, do := range w.verbs(t.Context(), w.fresh()) {
				switch verb {
				case "create":
				case "delete", "delete secret", "withdraw":
					must(t, verb, do())
				default:
					mustBe(t, verb, do(), plugins.ErrNotFound)
				}
			}
		}},
		{"settings become as wanted, and what is so is left alone", func(t *testing.T, w *world) {
			path := w.created(t)
			for _, settings := range []scm.Settings{{Description: "other"}, {Visibility: scm.Public}, {Description: "third", Visibility: scm.Private}} {
				before, err := w.host.Repository(t.Context(), path)
				must(t, "repository", err)
				after, err := w.host.Configure(t.Context(), path, settings)
				must(t, "configure", err)
				want := before
				if settings.Description != "" {
					want.Description = settings.Description
				}
				if settings.Visibility != "" {
					want.Visibility = settings.Visibility
				}
				if after != want {
					t.Errorf("configure returned %+v, want %+v", after, want)
				}
				found, err := w.host.Repository(t.Context(), path)
				must(t, "repository", err)
				if found != after {
					t.Errorf("found %+v, want %+v", found, after)
				}
				w.writesNothing(t, "configure again", func() error {
					_, err := w.host.Configure(t.Context(), path, settings)
					return err
				})
				w.writesNothing(t, "configure of nothing", func() error {
					_, err := w.host.Configure(t.Context(), path, scm.Settings{})
					return err
				})
			}
		}},
		{"the default branch is set as soon as there is such a branch", func(t *testing.T, w *world) {
			path := w.created(t)
			w.writesNothing(t, "configure of an empty repository", func() error {
				r, err := w.host.Configure(t.Context(), path, scm.Settings{DefaultBranch: "trunk"})
				if r.DefaultBranch != "" {
					t.Errorf("the default branch is %q", r.DefaultBranch)
				}
				return err
			})
			main := w.commit(t, path, "main", scm.Change{Message: "begin", Put: texts(map[string]string{"a": "a"})})
			r, err := w.host.Configure(t.Context(), path, scm.Settings{DefaultBranch: "trunk"})
			must(t, "configure", err)
			if r.DefaultBranch != "main" || r.Empty {
				t.Errorf("configured %+v", r)
			}
			if head := w.commit(t, path, "trunk", scm.Change{Message: "nothing", Put: texts(map[string]string{"a": "a"})}); head != main {
				t.Errorf("trunk is at %s, want %s", head, main)
			}
			r, err = w.host.Configure(t.Context(), path, scm.Settings{DefaultBranch: "trunk"})
			must(t, "configure", err)
			if r.DefaultBranch != "trunk" {
				t.Errorf("configured %+v", r)
			}
		}},
		{"a first branch of another name is the default one", func(t *testing.T, w *world) {
			path := w.created(t)
			w.commit(t, path, "master", scm.Change{Message: "begin", Put: texts(map[string]string{"a": "a", "b": "b"})})
			r, err := w.host.Configure(t.Context(), path, scm.Settings{DefaultBranch: "master"})
			must(t, "configure", err)
			if r.DefaultBranch != "master" || r.Empty {
				t.Errorf("found %+v", r)
			}
			if head := w.list(t, path, "main").Head; head != "" {
				t.Errorf("there is a branch main at %s", head)
			}
			w.history(t, path, "master", "begin")
		}},
		{"one that was renamed is found and written to by its old name", func(t *testing.T, w *world) {
			path := w.begun(t, map[string]string{"a": "a"})
			before, err := w.host.Repository(t.Context(), path)
			must(t, "repository", err)
			today := scm.Path{Owner: path.Owner, Name: "renamed"}
			w.Rename(t, path, today)
			after, err := w.host.Repository(t.Context(), path)
			must(t, "repository", err)
			if after.Path != today || after.ID != before.ID {
				t.Errorf("found %+v, want %s", after, today)
			}
			must(t, "commit", w.ensure(t.Context(), path, "main", "more", map[string]string{"b": "b"}))
			w.holds(t, today, "main", map[string]string{"a": "a", "b": "b"})
			_, err = w.host.Configure(t.Context(), path, scm.Settings{Description: "renamed"})
			must(t, "configure", err)
			must(t, "set secret", w.host.SetSecret(t.Context(), path, "NAME_A", "a secret value"))
			if got := w.Secrets(t, today)["NAME_A"]; got != "a secret value" {
				t.Errorf("the secret is %q", got)
			}
			must(t, "propose", w.propose(t.Context(), path, "propose", map[string]string{"c": "c"}))
			if _, err := w.host.Proposed(t.Context(), path, from, "main"); err != nil {
				t.Errorf("proposed: %v", err)
			}
			after, err = w.host.Repository(t.Context(), today)
			must(t, "repository", err)
			if after.Description != "renamed" {
				t.Errorf("found %+v", after)
			}
			must(t, "archive", w.host.Archive(t.Context(), path))
		}},
		{"what is archived or deleted can be so again", func(t *testing.T, w *world) {
			path := w.begun(t, map[string]string{"a": "a"})
			must(t, "archive", w.host.Archive(t.Context(), path))
			r, err := w.host.Repository(t.Context(), path)
			must(t, "repository", err)
			if !r.Archived {
				t.Errorf("found %+v", r)
			}
			w.writesNothing(t, "archive again", func() error { return w.host.Archive(t.Context(), path) })
			for range 2 {
				must(t, "delete", w.host.Delete(t.Context(), path))
				_, err := w.host.Repository(t.Context(), path)
				mustBe(t, "repository", err, plugins.ErrNotFound)
			}
			if w.Exists(t, path) {
				t.Errorf("%s is still there", path)
			}
			_, err = w.host.Create(t.Context(), path, scm.Settings{Visibility: scm.Private})
			must(t, "create again", err)
			if head := w.list(t, path, "main", "a").Head; head != "" {
				t.Errorf("the new one is at %s", head)
			}
		}},
	}
}

func (w *world) writesNothing(t *testing.T, what string, do func() error) {
	t.Helper()
	_, before := w.Count()
	must(t, what, do())
	if _, after := w.Count(); after != before {
		t.Errorf("%s sent %d requests that may change something", what, after-before)
	}
}
