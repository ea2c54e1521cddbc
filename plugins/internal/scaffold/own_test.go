package scaffold

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/plugins/internal/scm"
)

func TestWhatAnotherDtmManagesIsTakenOverOnlyIfThatIsSaid(t *testing.T) {
	few := small(t)
	everywhere(t, func(t *testing.T, w world) {
		theirs := w.create(t, wants(few, func(o *Options) { o.License = "MIT" }))
		before := w.files(t, "ada/hello", "main")
		for name, ours := range map[string]json.RawMessage{
			"other files":      wants(few),
			"another template": wants(),
			"other settings":   wants(few, func(o *Options) { o.License, o.Visibility = "MIT", "public" }),
			"another branch":   wants(few, func(o *Options) { o.License, o.Branch = "MIT", "trunk" }),
		} {
			w.reset()
			_, err := w.kind.Create(t.Context(), ours)
			if !errors.Is(err, scm.ErrExists) || !strings.Contains(err.Error(), "another configuration") || !strings.Contains(hint(err), "adopt: true") {
				t.Errorf("%s: %v (hint %q)", name, err, hint(err))
			}
			if preview, err := w.kind.Preview(t.Context(), ours, nil, nil); !errors.Is(err, scm.ErrExists) {
				t.Errorf("%s: the preview says %+v, %v", name, preview, err)
			}
			// The refused create left an intent; what that names is not the tool's to delete.
			if err := w.kind.Delete(t.Context(), ours, nil); err != nil || !slices.Contains(w.repos(), "ada/hello") {
				t.Fatalf("%s: a delete without a record: %v; there are %v", name, err, w.repos())
			}
			if writes := w.writes(); slices.ContainsFunc(writes, func(r string) bool { return !strings.HasPrefix(r, "HEAD ") }) {
				t.Errorf("%s: writes %v", name, writes)
			}
		}
		if diff := cmp.Diff(before, w.files(t, "ada/hello", "main")); diff != "" {
			t.Errorf("the files are others:\n%s", diff)
		}

		w.edit(t, "ada/hello", "main", "run.sh", "theirs\n")
		same := wants(few, func(o *Options) { o.License = "MIT" })
		if _, err := w.kind.Create(t.Context(), same); !errors.Is(err, scm.ErrExists) {
			t.Errorf("one that people work on: %v", err)
		}
		if err := w.kind.Delete(t.Context(), same, nil); err != nil || !slices.Contains(w.repos(), "ada/hello") {
			t.Errorf("a delete of it without a record: %v; there are %v", err, w.repos())
		}

		r := resource(t, w.create(t, wants(few, func(o *Options) { o.Adopt, o.ImageRepo = true, "docker.io/acme/hello" })))
		if !r.Adopted || r.ID != resource(t, theirs).ID || !slices.Equal(r.Status.LeftAlone, []string{"run.sh"}) {
			t.Errorf("taken over it is %+v", r)
		}
		if files := w.files(t, "ada/hello", "main"); files["run.sh"] != "theirs\n" || files["image"] != "docker.io/acme/hello\n" {
			t.Errorf("there are %q", files)
		}
	})
}

func TestACreateThatWasDoneAndNotRecordedIsTheToolsOwn(t *testing.T) {
	few := small(t)
	for name, change := range map[string]func(*Options){
		"plain": func(*Options) {},
		"all settled": func(o *Options) {
			o.Description, o.Visibility, o.Branch, o.License = "A service.", "public", "trunk", "MIT"
		},
		"in a group": func(o *Options) { o.Org, o.ViaPullRequest = "ACME", true },
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, w world) {
				want := wants(few, change)
				r := w.create(t, want)
				w.reset()
				if diff := cmp.Diff(string(r), string(w.create(t, want))); diff != "" || resource(t, r).Adopted {
					t.Errorf("the second create says otherwise:\n%s", diff)
				}
				if writes := w.writes(); len(writes) > 0 {
					t.Errorf("it writes %v", writes)
				}
				if err := w.kind.Delete(t.Context(), want, nil); err != nil || len(w.repos()) > 0 {
					t.Errorf("given up, it stays: %v, %v", err, w.repos())
				}
			})
		})
	}
}

func TestWhatWasOnlyBegunFollowsTheNewWish(t *testing.T) {
	few := small(t)
	everyService(t, func(t *testing.T, fresh func(*testing.T) world) {
		// Until the settings are made, which is the last thing, it is the tool's whatever the wish is by now.
		w := fresh(t)
		heal := func() bool { return false }
		for n := 1; len(w.repos()) == 0; n++ {
			heal()
			heal = w.trouble(n, 422, false)
			if _, err := w.kind.Create(t.Context(), wants(few)); err == nil {
				t.Fatal("nothing went wrong")
			}
		}
		heal()
		r := resource(t, w.create(t, wants(few, func(o *Options) { o.ImageRepo = "docker.io/acme/hello" })))
		if files := w.files(t, "ada/hello", "main"); r.Adopted || files["image"] != "docker.io/acme/hello\n" {
			t.Errorf("got %+v, with %q", r, files)
		}
	})
}

func TestThatARepositoryIsArchivedIsToldBeforehand(t *testing.T) {
	few := small(t)
	everywhere(t, func(t *testing.T, w world) {
		want := wants(few, func(o *Options) { o.OnDelete = onDeleteArchive })
		r := w.create(t, want)
		if err := w.kind.Delete(t.Context(), want, r); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			want, have, last json.RawMessage
			hint             string
		}{
			"a create":          {want, nil, nil, "choose another name"},
			"one of others":     {wants(), nil, nil, "choose another name"},
			"what was recorded": {want, want, r, "dtm forget"},
		} {
			preview, err := w.kind.Preview(t.Context(), c.want, c.have, c.last)
			if err != nil || len(preview.Parts) > 0 || len(preview.Notes) != 1 || !strings.Contains(preview.Notes[0], "ada/hello is archived") ||
				!strings.Contains(preview.Notes[0], "out of the archive") || !strings.Contains(preview.Notes[0], c.hint) {
				t.Errorf("%s: the preview says %+v, %v", name, preview, err)
			}
			if c.last != nil {
				_, err = w.kind.Update(t.Context(), c.want, c.have, c.last)
			} else {
				_, err = w.kind.Create(t.Context(), c.want)
			}
			if err == nil || !strings.Contains(err.Error(), "is archived") || !strings.Contains(hint(err), c.hint) || strings.Contains(hint(err), "forget") != (c.last != nil) {
				t.Errorf("%s: %v (hint %q)", name, err, hint(err))
			}
		}
	})
}

func TestIdentityIsReadByPeople(t *testing.T) {
	for _, c := range []struct{ service, option, environment, want string }{
		{"github-x", "", "", "ada/hello on github.com"},
		{"github-x", "https://api.github.com/", "https://ghe.example.com", "ada/hello on github.com"},
		{"github-x", "https://GHE.example.com/api/v3", "", "ada/hello on ghe.example.com"},
		{"gitlab-x", "", "", "ada/hello on gitlab.com"},
		{"gitlab-x", "", "http://example.com:8080/gitlab/", "ada/hello on example.com:8080/gitlab"},
	} {
		p := plugin{service: Service{Name: c.service, BaseURL: func() string { return c.environment }}}
		if got := p.Identity(Options{Owner: "Ada", Repo: "Hello", BaseURL: c.option}); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
