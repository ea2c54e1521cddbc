package scaffold

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func TestTheRepositoryCanBeClonedAndBuilt(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		r := resource(t, w.create(t, wants(func(o *Options) { o.License = "Apache-2.0" })))
		clone := filepath.Join(t.TempDir(), "clone")
		if out, err := exec.CommandContext(t.Context(), "git", "clone", "--quiet", w.clone("ada/hello"), clone).CombinedOutput(); err != nil {
			t.Fatalf("git clone: %v\n%s", err, out)
		}
		run(t, clone, "go", "build", "-o", "bin/", "./cmd/...")
		if log := run(t, clone, "git", "log", "--format=%s"); log != "Scaffold the service\n" {
			t.Errorf("the history is %q", log)
		}
		if branch := run(t, clone, "git", "branch", "--show-current"); branch != "main\n" {
			t.Errorf("the branch is %q", branch)
		}
		for path, blob := range r.Files {
			if got := strings.TrimSpace(run(t, clone, "git", "rev-parse", "HEAD:"+path)); got != blob {
				t.Errorf("%s is %s, recorded is %s", path, got, blob)
			}
		}
	})
}

func TestTheSecondTimeThereIsNothingToDo(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"plain":                      func(*Options) {},
		"owner and org":              func(o *Options) { o.Org = "acme" },
		"owner in another case":      func(o *Options) { o.Owner = "ADA" },
		"org in another case":        func(o *Options) { o.Owner, o.Org = "", "ACME" },
		"repo in another case":       func(o *Options) { o.Repo = "Hello" },
		"another branch":             func(o *Options) { o.Branch = "trunk" },
		"public, with a description": func(o *Options) { o.Visibility, o.Description = "public", `a "b" & <c>` },
		"by pull request":            func(o *Options) { o.ViaPullRequest = true },
		"adopting":                   func(o *Options) { o.Adopt = true },
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, w world) {
				want := wants(change)
				r := w.create(t, want)
				w.reset()
				if diff := cmp.Diff(string(r), string(w.read(t, want, r))); diff != "" {
					t.Errorf("a read says otherwise:\n%s", diff)
				}
				if diff := cmp.Diff(string(r), string(w.update(t, want, want, r))); diff != "" {
					t.Errorf("an update says otherwise:\n%s", diff)
				}
				if writes := w.writes(); len(writes) > 0 {
					t.Errorf("the second time writes: %v", writes)
				}
			})
		})
	}
}

func TestOutputsAreAsTheServiceSpellsThem(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		out := resource(t, w.create(t, wants(func(o *Options) { o.Owner, o.Org = "somebody", "ACME" }))).Outputs
		if out.Owner != "acme" || out.Org != "acme" || out.Repo != "hello" || out.DefaultBranch != "main" {
			t.Errorf("got %+v", out)
		}
		if !strings.HasSuffix(out.RepoURL, "acme/hello.git") || out.CloneURL != out.RepoURL || !strings.HasSuffix(out.WebURL, "acme/hello") || out.SSHURL == "" {
			t.Errorf("got %+v", out)
		}
		out = resource(t, w.create(t, wants(func(o *Options) { o.Owner, o.Branch = "Ada", "trunk" }))).Outputs
		if out.Owner != "ada" || out.Org != "" || out.DefaultBranch != "trunk" {
			t.Errorf("got %+v", out)
		}
	})
}

func TestWithoutAWordARepositoryIsPrivate(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		if r := resource(t, w.create(t, wants(func(o *Options) { o.Visibility = "" }))); r.Visibility != "private" {
			t.Errorf("it is %s", r.Visibility)
		}
	})
}

func TestAnUpdateIsOneCommitAndDeletesNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		r := w.create(t, wants())
		changed := wants(func(o *Options) {
			o.ImageRepo, o.License, o.Description, o.Visibility = "docker.io/acme/hello", "MIT", "x", "public"
		})
		w.reset()
		r = w.update(t, changed, wants(), r)
		if deletes := w.deletes(); len(deletes) > 0 {
			t.Errorf("the update deletes: %v", deletes)
		}
		log := w.messages(t, "ada/hello", "main")
		if len(log) != 2 || !strings.HasPrefix(log[0], "Bring the scaffold up to date") {
			t.Errorf("the history is %q", log)
		}
		files := w.files(t, "ada/hello", "main")
		if !strings.Contains(files["LICENSE"], "MIT") || !strings.Contains(files["helm/hello/values.yaml"], "docker.io/acme/hello") {
			t.Errorf("there are %v", sortedPaths(files))
		}
		// The license is not wanted any more, and nobody has touched it.
		w.update(t, wants(), changed, r)
		if _, there := w.files(t, "ada/hello", "main")["LICENSE"]; there || len(w.deletes()) > 0 {
			t.Errorf("the license is there: %t, deletes %v", there, w.deletes())
		}
	})
}

func TestWhatPeopleHaveChangedStaysTheirs(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		r := w.create(t, wants())
		w.edit(t, "ada/hello", "main", "README.md", "ours\n")
		w.edit(t, "ada/hello", "main", "extra.txt", "ours\n")
		w.erase(t, "ada/hello", "main", "Makefile")
		w.reset()
		if diff := cmp.Diff(string(r), string(w.read(t, wants(), r))); diff != "" {
			t.Errorf("that is drift:\n%s", diff)
		}
		changed := wants(func(o *Options) { o.ImageRepo = "docker.io/acme/hello" })
		preview, err := w.kind.Preview(t.Context(), changed, wants(), r)
		if err != nil {
			t.Fatal(err)
		}
		wanted := []plugins.Part{{Action: plugins.PartUpdate, Name: "helm/hello/values.yaml"}}
		if diff := cmp.Diff(wanted, preview.Parts); diff != "" || !slices.Contains(preview.Notes, "left alone, for they are not as dtm wrote them: Makefile, README.md") {
			t.Errorf("the preview has other parts, and notes %q:\n%s", preview.Notes, diff)
		}
		if writes := w.writes(); slices.ContainsFunc(writes, func(r string) bool { return !strings.HasPrefix(r, "HEAD ") }) {
			t.Errorf("a preview writes: %v", writes)
		}
		r = w.update(t, changed, wants(), r)
		files := w.files(t, "ada/hello", "main")
		if _, there := files["Makefile"]; files["README.md"] != "ours\n" || files["extra.txt"] != "ours\n" || there {
			t.Errorf("there are %v, and the README is %q", sortedPaths(files), files["README.md"])
		}
		if got := resource(t, r).Status.LeftAlone; !slices.Equal(got, []string{"Makefile", "README.md"}) {
			t.Errorf("left alone are %v", got)
		}
		w.reset()
		w.update(t, changed, changed, r)
		if writes := w.writes(); len(writes) > 0 {
			t.Errorf("the second time writes: %v", writes)
		}
	})
}

// hasty is a service where somebody else is always faster, so many times.
type hasty struct {
	scm.Host
	times  int
	faster func(n int)
}

func (h *hasty) Commit(ctx context.Context, path scm.Path, branch string, change scm.Change) (string, error) {
	if h.times > 0 {
		h.times--
		h.faster(h.times)
	}
	return h.Host.Commit(ctx, path, branch, change)
}

func TestOthersWhoWriteAtTheSameTimeComeFirstAndLoseNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		r := w.create(t, wants())
		others := &hasty{Host: w.host, times: 5, faster: func(n int) { w.edit(t, "ada/hello", "main", "other.txt", strings.Repeat("x", n+1)) }}
		w.kind = New(plugintest.Env(t.TempDir()), Service{
			Name: "x", Schema: "package x\n", BaseURL: func() string { return "" },
			Open: func(context.Context, string) (scm.Host, error) { return others, nil },
		})
		w.update(t, wants(func(o *Options) { o.ImageRepo = "docker.io/acme/hello" }), wants(), r)
		files := w.files(t, "ada/hello", "main")
		if files["other.txt"] != "x" || !strings.Contains(files["helm/hello/values.yaml"], "docker.io/acme/hello") {
			t.Errorf("there are %v", sortedPaths(files))
		}
		if log := w.messages(t, "ada/hello", "main"); len(log) != 7 {
			t.Errorf("the history is %q", log)
		}
	})
}

func TestARecordThatMissedTheLastCommitDoesNoHarm(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		first := w.create(t, wants())
		one := wants(func(o *Options) { o.ImageRepo = "one" })
		w.update(t, one, wants(), first)
		// The process died before that was recorded, and the wish is another one by now.
		two := wants(func(o *Options) { o.ImageRepo = "two" })
		r := w.update(t, two, wants(), first)
		if text := w.files(t, "ada/hello", "main")["helm/hello/values.yaml"]; !strings.Contains(text, `"two"`) {
			t.Errorf("the values are\n%s", text)
		}
		if left := resource(t, r).Status.LeftAlone; left != nil {
			t.Errorf("left alone are %v", left)
		}
	})
}

func TestARepositoryOfOthersIsTakenOverOnlyIfThatIsSaid(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		w.make(t, "ada/hello")
		w.reset()
		_, err := w.kind.Create(t.Context(), wants())
		if !errors.Is(err, scm.ErrExists) || !strings.Contains(hint(err), "adopt: true") || len(w.writes()) > 0 {
			t.Errorf("an empty one: %v (hint %q), writes %v", err, hint(err), w.writes())
		}
		w.edit(t, "ada/hello", "main", "README.md", "ours\n")
		w.reset()
		if _, err := w.kind.Create(t.Context(), wants()); !errors.Is(err, scm.ErrExists) || len(w.writes()) > 0 {
			t.Errorf("one with a file: %v, writes %v", err, w.writes())
		}
		if _, err := w.kind.Preview(t.Context(), wants(), nil, nil); !errors.Is(err, scm.ErrExists) {
			t.Errorf("the preview says %v", err)
		}
		// A tool that was only begun has not made it.
		if err := w.kind.Delete(t.Context(), wants(), nil); err != nil || !slices.Contains(w.repos(), "ada/hello") {
			t.Errorf("a delete without a record: %v; there are %v", err, w.repos())
		}

		adopting := wants(func(o *Options) { o.Adopt, o.Visibility = true, "public" })
		data := w.create(t, adopting)
		r := resource(t, data)
		if !r.Adopted || r.Visibility != "private" || !slices.Equal(r.Status.LeftAlone, []string{"README.md"}) {
			t.Errorf("got %+v", r)
		}
		files := w.files(t, "ada/hello", "main")
		if files["README.md"] != "ours\n" || files["go.mod"] == "" {
			t.Errorf("there are %v, and the README is %q", sortedPaths(files), files["README.md"])
		}
		// What is asked for from now on is done.
		private := wants(func(o *Options) { o.Adopt = true })
		data = w.update(t, private, adopting, data)
		if data = w.update(t, adopting, private, data); resource(t, data).Visibility != "public" {
			t.Errorf("got %s", data)
		}
		if again := resource(t, w.create(t, adopting)); !again.Adopted {
			t.Errorf("the second time it is not adopted: %+v", again)
		}
	})
}

func TestAnAdoptedRepositoryKeepsItsDefaultBranch(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		w.make(t, "ada/hello")
		w.edit(t, "ada/hello", "main", "README.md", "ours\n")
		want := wants(func(o *Options) { o.Adopt, o.Branch = true, "scaffold" })
		data := w.create(t, want)
		if r := resource(t, data); r.Outputs.DefaultBranch != "main" {
			t.Errorf("got %+v", r.Outputs)
		}
		if on := w.files(t, "ada/hello", "main"); len(on) != 1 {
			t.Errorf("on main there are %v", sortedPaths(on))
		}
		if on := w.files(t, "ada/hello", "scaffold"); on["README.md"] != "ours\n" || on["go.mod"] == "" {
			t.Errorf("on scaffold there are %v", sortedPaths(on))
		}
		w.reset()
		w.update(t, want, want, data)
		if writes := w.writes(); len(writes) > 0 {
			t.Errorf("the second time writes: %v", writes)
		}
	})
}

func TestChangesAreProposedIfThatIsSaid(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		via := func(o *Options) { o.ViaPullRequest = true }
		want := wants(via)
		data := w.create(t, want)
		before := w.files(t, "ada/hello", "main")
		changed := wants(via, func(o *Options) { o.ImageRepo, o.License = "docker.io/acme/hello", "MIT" })
		for range 2 {
			data = w.update(t, changed, want, data)
			if diff := cmp.Diff(before, w.files(t, "ada/hello", "main")); diff != "" {
				t.Fatalf("the branch was changed:\n%s", diff)
			}
			if n := w.open(t, "ada/hello"); n != 1 || resource(t, data).Status.Proposal == "" {
				t.Fatalf("%d are open, and the resource is %s", n, data)
			}
		}
		if diff := cmp.Diff(string(data), string(w.read(t, changed, data))); diff != "" {
			t.Errorf("while it waits that is drift:\n%s", diff)
		}
		w.merge(t, "ada/hello")
		if r := resource(t, w.read(t, changed, data)); r.Status.Proposal != "" {
			t.Errorf("it was merged, and still waits: %+v", r.Status)
		}
		if files := w.files(t, "ada/hello", "main"); !strings.Contains(files["LICENSE"], "MIT") {
			t.Errorf("there are %v", sortedPaths(files))
		}
		w.reset()
		data = w.update(t, changed, changed, w.read(t, changed, data))
		if writes := w.writes(); len(writes) > 0 {
			t.Errorf("after the merge writes: %v", writes)
		}
		// What was merged is dtm's, and can be changed again.
		data = w.update(t, want, changed, data)
		if n := w.open(t, "ada/hello"); n != 1 || resource(t, data).Status.LeftAlone != nil {
			t.Errorf("%d are open, and the resource is %s", n, data)
		}
		// A wish that is taken back leaves nothing open.
		data = w.update(t, changed, want, data)
		if n := w.open(t, "ada/hello"); n != 0 || resource(t, data).Status.Proposal != "" {
			t.Errorf("%d are open, and the resource is %s", n, data)
		}
	})
}

func TestADeleteDoesWhatTheOptionsSay(t *testing.T) {
	for on, want := range map[string]string{onDeleteArchive: "archived", onDeleteKeep: "there", onDeleteDelete: "gone"} {
		t.Run(on, func(t *testing.T) {
			everywhere(t, func(t *testing.T, w world) {
				options := wants(func(o *Options) { o.OnDelete = on })
				r := w.create(t, options)
				for range 2 {
					w.reset()
					if err := w.kind.Delete(t.Context(), options, r); err != nil {
						t.Fatal(err)
					}
					got := "gone"
					if slices.Contains(w.repos(), "ada/hello") {
						if got = "there"; w.archived(t, "ada/hello") {
							got = "archived"
						}
					}
					if got != want || on != onDeleteDelete && len(w.deletes()) > 0 {
						t.Errorf("it is %s, want %s; deletes %v", got, want, w.deletes())
					}
				}
				if on != onDeleteArchive {
					return
				}
				if !resource(t, w.read(t, options, r)).Archived {
					t.Error("that it is archived is not seen")
				}
				if _, err := w.kind.Update(t.Context(), options, options, r); err == nil || !strings.Contains(err.Error(), "is archived") || hint(err) == "" {
					t.Errorf("an update of it: %v", err)
				}
			})
		})
	}
}

func TestARepositoryThatWasRenamedByHandIsFollowed(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		r := w.create(t, wants())
		w.rename(t, "ada/hello", "ada/moved")
		now := w.read(t, wants(), r)
		if out := resource(t, now).Outputs; out.Repo != "moved" || !strings.HasSuffix(out.CloneURL, "ada/moved.git") {
			t.Errorf("got %+v", out)
		}
		changed := wants(func(o *Options) { o.ImageRepo = "docker.io/acme/hello" })
		r = w.update(t, changed, wants(), r)
		if diff := cmp.Diff(string(r), string(w.read(t, changed, r))); diff != "" {
			t.Errorf("a read says otherwise:\n%s", diff)
		}
		if repos := w.repos(); !slices.Equal(repos, []string{"ada/moved"}) {
			t.Errorf("there are %v", repos)
		}
		if files := w.files(t, "ada/moved", "main"); !strings.Contains(files["helm/hello/values.yaml"], "docker.io/acme/hello") || len(files["cmd/moved/main.go"]) > 0 {
			t.Errorf("there are %v", sortedPaths(files))
		}
		// Somebody takes the name. What is dtm's is still the other one.
		w.make(t, "ada/hello")
		if out := resource(t, w.read(t, changed, r)).Outputs; out.Repo != "moved" {
			t.Errorf("got %+v", out)
		}
		if err := w.kind.Delete(t.Context(), changed, r); err != nil {
			t.Fatal(err)
		}
		if repos := w.repos(); !slices.Equal(repos, []string{"ada/hello"}) {
			t.Errorf("there are %v", repos)
		}
	})
}

func TestAnotherRepositoryUnderTheNameIsNotTheOneThatWasMade(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		r := w.create(t, wants())
		w.remove(t, "ada/hello")
		w.make(t, "ada/hello")
		if _, err := w.kind.Read(t.Context(), wants(), r); !errors.Is(err, plugins.ErrNotFound) {
			t.Errorf("read: %v", err)
		}
		if _, err := w.kind.Update(t.Context(), wants(), wants(), r); !errors.Is(err, scm.ErrExists) {
			t.Errorf("update: %v", err)
		}
		if err := w.kind.Delete(t.Context(), wants(), r); err != nil || !slices.Contains(w.repos(), "ada/hello") {
			t.Errorf("delete: %v; there are %v", err, w.repos())
		}
	})
}

func TestATemplateOfAFolderIsWrittenWithItsModes(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		dir := t.TempDir()
		put := func(path, text string, mode os.FileMode) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, path), []byte(text), mode); err != nil {
				t.Fatal(err)
			}
		}
		put("run.sh", "#!/bin/sh\necho hello\n", 0o755)
		put("name.tpl", "[[ .AppName ]] <&> [[ .Repo.Owner ]]\n", 0o644)
		put("picture.png", "\x89PNG\x00\xff", 0o644)
		want := wants(func(o *Options) { o.Template = dir })
		r := w.create(t, want)
		clone := filepath.Join(t.TempDir(), "clone")
		run(t, dir, "git", "clone", "--quiet", w.clone("ada/hello"), clone)
		if out := run(t, clone, filepath.Join(clone, "run.sh")); out != "hello\n" {
			t.Errorf("run.sh says %q", out)
		}
		files := w.files(t, "ada/hello", "main")
		if files["name"] != "hello <&> ada\n" || files["picture.png"] != "\x89PNG\x00\xff" || len(files) != 4 {
			t.Errorf("got %q", files)
		}
		if err := os.Remove(filepath.Join(dir, "picture.png")); err != nil {
			t.Fatal(err)
		}
		put("name.tpl", "[[ .AppName ]]\n", 0o644)
		w.update(t, want, want, r)
		if files := w.files(t, "ada/hello", "main"); !slices.Equal(sortedPaths(files), []string{manifestFile, "name", "run.sh"}) || files["name"] != "hello\n" {
			t.Errorf("got %q", files)
		}
		put("name.tpl", "[[ .Unknown ]]\n", 0o644)
		w.reset()
		if _, err := w.kind.Create(t.Context(), wants(func(o *Options) { o.Template, o.Repo = dir, "other" })); err == nil || len(w.writes()) > 0 {
			t.Errorf("a template with a mistake: %v, writes %v", err, w.writes())
		}
	})
}

func TestThereIsNoTokenInAnythingThatIsKeptOrSaid(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		r := w.create(t, wants())
		if strings.Contains(string(r), w.token) {
			t.Error("the token is in the resource")
		}
		for path, text := range w.files(t, "ada/hello", "main") {
			if strings.Contains(text, w.token) {
				t.Errorf("the token is in %s", path)
			}
		}
		for n := range 4 {
			heal := w.fail(n+1, 0)
			_, err := w.kind.Update(t.Context(), wants(func(o *Options) { o.ImageRepo = "x" }), wants(), r)
			heal()
			if err == nil || strings.Contains(err.Error()+hint(err), w.token) {
				t.Errorf("with request %d failing: %v", n+1, err)
			}
		}
	})
}

func TestOptionsThatMeanNothingAreAnErrorBeforeAnythingIsDone(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		for name, change := range map[string]func(*Options){
			"no owner":            func(o *Options) { o.Owner = "" },
			"a path as a name":    func(o *Options) { o.Repo = "../x" },
			"no name":             func(o *Options) { o.Repo = "" },
			"a shell as an image": func(o *Options) { o.ImageRepo = "x; rm -rf /" },
			"an unknown license":  func(o *Options) { o.License = "WTF" },
			"a folder not there":  func(o *Options) { o.Template = "./none" },
		} {
			if _, err := w.kind.Create(t.Context(), wants(change)); err == nil || len(w.writes()) > 0 {
				t.Errorf("%s: %v, writes %v", name, err, w.writes())
			}
		}
	})
}

func TestWhateverGoesWrongTheNextRunFinishesIt(t *testing.T) {
	type trouble struct {
		status int
		half   bool
	}
	few := small(t)
	one, two := wants(few), wants(few, func(o *Options) { o.ImageRepo = "docker.io/acme/hello" })
	// Each goes wrong at every request. Where there are several, a request gets the next of them: they are all one to the plugin.
	// A server's own errors are in the suite, and limits are waited for below the plugin.
	for name, all := range map[string][]trouble{
		"404": {{status: 404}}, "409": {{status: 409}}, "422": {{status: 422}}, "half an answer": {{half: true}},
		"no answer, or none that helps": {{}, {status: 401}, {status: 403}},
	} {
		if testing.Short() && len(all) == 1 {
			continue // each is two dozen worlds
		}
		t.Run(name, func(t *testing.T) {
			everyService(t, func(t *testing.T, fresh func(*testing.T) world) {
				for n, hit := 1, true; hit; n++ {
					w, wrong := fresh(t), all[n%len(all)]
					heal := w.trouble(n, wrong.status, wrong.half)
					_, err := w.kind.Create(t.Context(), one)
					hit = heal()
					r := w.create(t, one)
					heal = w.trouble(n, wrong.status, wrong.half)
					_, errUpdate := w.kind.Update(t.Context(), two, one, r)
					hit = heal() || hit
					r = w.update(t, two, one, r)
					files := w.files(t, "ada/hello", "main")
					if files["image"] != "docker.io/acme/hello\n" || len(files) != 3 || len(resource(t, r).Status.LeftAlone) > 0 {
						t.Errorf("request %d (%v; %v): there are %v, and the resource is %s", n, err, errUpdate, sortedPaths(files), r)
					}
					if repos := w.repos(); !slices.Equal(repos, []string{"ada/hello"}) {
						t.Errorf("request %d: there are %v", n, repos)
					}
					// Where a branch cannot be forced, what the first file came with stays a commit of its own.
					log := w.messages(t, "ada/hello", "main")
					if first := log[len(log)-1]; len(log) != 2 && (len(log) != 3 || !strings.Contains(first, "Dtm-Begun")) {
						t.Errorf("request %d (%v; %v): the history is %q", n, err, errUpdate, log)
					}
					if n > 100 {
						t.Fatal("there is no end to it")
					}
				}
			})
		})
	}
}

// As DevStream has made it, or `dtm adopt` has taken it over.
func TestARepositoryThatOnlyTheJournalKnowsIsNotFilled(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		w.make(t, "ada/hello")
		w.edit(t, "ada/hello", "main", "README.md", "ours\n")
		public := wants(func(o *Options) { o.Visibility = "public" })
		r := w.read(t, public, nil)
		for _, want := range []json.RawMessage{public, wants(func(o *Options) { o.Visibility, o.ImageRepo = "public", "docker.io/acme/hello" })} {
			r = w.update(t, want, public, r)
			if got := resource(t, r); !got.Adopted || got.Visibility != "private" {
				t.Errorf("got %s", r)
			}
			if files := w.files(t, "ada/hello", "main"); len(files) != 1 {
				t.Errorf("there are %v", sortedPaths(files))
			}
			if diff := cmp.Diff(string(r), string(w.read(t, want, r))); diff != "" {
				t.Errorf("a read says otherwise:\n%s", diff)
			}
		}
		w.update(t, wants(func(o *Options) { o.Adopt = true }), public, r)
		if files := w.files(t, "ada/hello", "main"); files["go.mod"] == "" || files["README.md"] != "ours\n" {
			t.Errorf("with adopt: true there are %v", sortedPaths(files))
		}
		if err := w.kind.Delete(t.Context(), public, r); err != nil || len(w.repos()) != 0 {
			t.Errorf("what is recorded is not deleted: %v, %v", err, w.repos())
		}
	})
}
