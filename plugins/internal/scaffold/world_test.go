package scaffold

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// world is a service with a plugin of it. ada owns it all, and the group acme is hers.
type world struct {
	kind plugins.Kind
	// token is ada's, and host the service as she sees it.
	token string
	host  scm.Host

	repos    func() []string
	files    func(t *testing.T, repo, branch string) map[string]string
	messages func(t *testing.T, repo, branch string) []string
	edit     func(t *testing.T, repo, branch, path, content string)
	erase    func(t *testing.T, repo, branch, path string)
	remove   func(t *testing.T, repo string)
	rename   func(t *testing.T, from, to string)
	describe func(t *testing.T, repo, description string)
	make     func(t *testing.T, repo string)
	archived func(t *testing.T, repo string) bool
	merge    func(t *testing.T, repo string)
	open     func(t *testing.T, repo string) int
	clone    func(repo string) string
	fail     func(n int, when plugintest.When) (heal func() bool)
	// trouble makes the n-th request from now on go wrong in one of these ways: an answer with this status, a connection
	// that is cut in the middle of an answer, and one that is cut without any.
	trouble  func(n, status int, half bool) (heal func() bool)
	requests func() []string
	reset    func()
}

// services are those that there are, by name.
func services() map[string]func(t *testing.T) world {
	return map[string]func(t *testing.T) world{"GitHub": onGitHub, "GitLab": onGitLab}
}

// everywhere runs a test on every service.
func everywhere(t *testing.T, test func(t *testing.T, w world)) {
	everyService(t, func(t *testing.T, fresh func(*testing.T) world) { test(t, fresh(t)) })
}

// everyService is everywhere for a test that needs many worlds.
func everyService(t *testing.T, test func(t *testing.T, fresh func(*testing.T) world)) {
	t.Parallel()
	for name, fresh := range services() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh)
		})
	}
}

// kindOn is the plugin of a service that an environment points to.
func kindOn(t *testing.T, name string, vars map[string]string, open func(*scm.Hosts) func(context.Context, string) (scm.Host, error)) plugins.Kind {
	env := plugintest.Env(t.TempDir())
	env.Getenv = func(key string) string { return vars[key] }
	return New(env, Service{Name: name, Schema: "package x\n", Open: open(scm.New(env)), BaseURL: func() string { return "" }})
}

func onGitHub(t *testing.T) world {
	hub := parts.GitHub(t)
	hub.User("ada")
	hub.Org("acme", "ada")
	token := hub.Token("ada")
	w := world{
		token: token,
		kind: kindOn(t, "hub", map[string]string{"GITHUB_TOKEN": token, "GITHUB_API_URL": hub.URL},
			func(h *scm.Hosts) func(context.Context, string) (scm.Host, error) { return h.GitHub }),
		repos: hub.Repos,
		files: func(t *testing.T, repo, branch string) map[string]string { return hub.Files(t, repo, branch) },
		edit:  func(t *testing.T, repo, branch, path, content string) { hub.SetFile(t, repo, branch, path, content) },
		erase: func(t *testing.T, repo, branch, path string) {
			hub.SetFiles(t, repo, branch, map[string][]byte{path: nil})
		},
		remove:   func(t *testing.T, repo string) { hub.Remove(t, repo) },
		rename:   func(t *testing.T, from, to string) { hub.Rename(t, from, to) },
		archived: func(t *testing.T, repo string) bool { return hub.Repo(t, repo).Archived },
		clone:    func(repo string) string { return hub.CloneURL(repo, token) },
		fail:     func(n int, when plugintest.When) func() bool { return hub.Fail(n, when == plugintest.After) },
		trouble: func(n, status int, half bool) func() bool {
			return hub.Break(n, parts.HubFault{Status: status, Half: half, After: half})
		},
		requests: hub.Requests,
		reset:    hub.Reset,
	}
	w.messages = func(t *testing.T, repo, branch string) []string {
		var all []string
		for _, c := range hub.Log(t, repo, branch) {
			all = append(all, c.Message)
		}
		return all
	}
	w.merge = func(t *testing.T, repo string) {
		for _, p := range hub.Pulls(t, repo) {
			if p.Open {
				hub.Merge(t, repo, p.Number)
			}
		}
	}
	w.open = func(t *testing.T, repo string) (n int) {
		for _, p := range hub.Pulls(t, repo) {
			if p.Open {
				n++
			}
		}
		return n
	}
	host, err := scm.NewGitHub(plugintest.Env(t.TempDir()), scm.Options{BaseURL: hub.URL, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return w.byHand(host)
}

func onGitLab(t *testing.T) world {
	lab := parts.GitLab(t)
	token := lab.User("ada")
	lab.Group("acme", "ada")
	host, err := scm.NewGitLab(plugintest.Env(t.TempDir()), scm.Options{BaseURL: lab.URL, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	w := world{
		token: token,
		kind: kindOn(t, "lab", map[string]string{"GITLAB_TOKEN": token, "GITLAB_URL": lab.URL},
			func(h *scm.Hosts) func(context.Context, string) (scm.Host, error) { return h.GitLab }),
		repos:    lab.Projects,
		files:    func(_ *testing.T, repo, branch string) map[string]string { return lab.Files(repo, branch) },
		messages: func(_ *testing.T, repo, branch string) []string { return lab.Log(repo, branch) },
		edit:     func(_ *testing.T, repo, branch, path, content string) { lab.SetFile(repo, branch, path, content) },
		erase:    func(_ *testing.T, repo, branch, path string) { lab.RemoveFile(repo, branch, path) },
		rename:   func(_ *testing.T, from, to string) { lab.Rename(from, to) },
		archived: func(_ *testing.T, repo string) bool { return lab.Archived(repo) },
		clone:    func(repo string) string { return lab.CloneURL(repo, token) },
		fail: func(n int, when plugintest.When) func() bool {
			return lab.Fail(n, parts.Trouble{Status: 500, After: when == plugintest.After})
		},
		trouble: func(n, status int, half bool) func() bool {
			return lab.Fail(n, parts.Trouble{Status: status, Half: half, After: half, Cut: status == 0 && !half})
		},
		requests: lab.Requests,
		reset:    lab.Reset,
	}
	w.remove = func(t *testing.T, repo string) {
		if err := host.Delete(t.Context(), at(repo)); err != nil {
			t.Fatal(err)
		}
	}
	w.merge = func(_ *testing.T, repo string) {
		for _, r := range lab.MergeRequests(repo) {
			if r.State == "opened" {
				lab.Merge(repo, r.Number)
			}
		}
	}
	w.open = func(_ *testing.T, repo string) (n int) {
		for _, r := range lab.MergeRequests(repo) {
			if r.State == "opened" {
				n++
			}
		}
		return n
	}
	return w.byHand(host)
}

// byHand is what somebody does behind dtm's back.
func (w world) byHand(host scm.Host) world {
	w.host = host
	w.describe = func(t *testing.T, repo, description string) {
		if _, err := host.Configure(t.Context(), at(repo), scm.Settings{Description: description}); err != nil {
			t.Fatal(err)
		}
	}
	w.make = func(t *testing.T, repo string) {
		if _, err := host.Create(t.Context(), at(repo), scm.Settings{Visibility: scm.Private}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func at(repo string) scm.Path {
	owner, name, _ := strings.Cut(repo, "/")
	return scm.Path{Owner: owner, Name: name}
}

// wants is a wish for ada/hello, with the defaults of the schema, as JSON.
func wants(change ...func(*Options)) json.RawMessage {
	o := wish()
	o.Owner, o.OnDelete = "ada", onDeleteDelete
	for _, c := range change {
		c(&o)
	}
	data, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return data
}

// small makes a wish one for a template of two files, of which one is rendered. What goes wrong with the network does not depend
// on how many files there are, and each costs the stand-ins several runs of git.
func small(t *testing.T) func(*Options) {
	t.Helper()
	dir := t.TempDir()
	for path, f := range map[string]struct {
		text string
		mode os.FileMode
	}{"image.tpl": {"[[ .ImageRepo ]]\n", 0o644}, "run.sh": {"#!/bin/sh\n", 0o755}} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(f.text), f.mode); err != nil {
			t.Fatal(err)
		}
	}
	return func(o *Options) { o.Template = dir }
}

func (w world) create(t *testing.T, want json.RawMessage) json.RawMessage {
	t.Helper()
	r, err := w.kind.Create(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w world) update(t *testing.T, want, have, last json.RawMessage) json.RawMessage {
	t.Helper()
	r, err := w.kind.Update(t.Context(), want, have, last)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w world) read(t *testing.T, want, last json.RawMessage) json.RawMessage {
	t.Helper()
	r, err := w.kind.Read(t.Context(), want, last)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func resource(t *testing.T, data json.RawMessage) Resource {
	t.Helper()
	var r Resource
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// writes are the requests that change something.
func (w world) writes() []string {
	return slices.DeleteFunc(w.requests(), func(r string) bool { return strings.HasPrefix(r, "GET ") })
}

// deletes are the requests that delete something.
func (w world) deletes() []string {
	return slices.DeleteFunc(w.requests(), func(r string) bool { return !strings.HasPrefix(r, "DELETE ") })
}

func TestKeepsThePromise(t *testing.T) {
	few := small(t)
	everyService(t, func(t *testing.T, fresh func(*testing.T) world) {
		plugintest.Run(t, func(t *testing.T) plugintest.Subject {
			w := fresh(t)
			s := plugintest.Subject{
				Kind: w.kind,
				// A repository that was finished for other options, and not recorded, is another dtm's for all that is known.
				Want: wants(few, func(o *Options) { o.Description, o.Adopt = "A service.", true }),
				Changed: wants(few, func(o *Options) {
					o.Description, o.ImageRepo, o.License, o.Adopt = "Another service.", "docker.io/acme/hello", "MIT", true
				}),
				Others: []json.RawMessage{
					wants(few, func(o *Options) { o.Repo = "one" }), wants(few, func(o *Options) { o.Org, o.Repo = "acme", "two" }),
				},
				Drift:  func() error { w.describe(t, "ada/hello", "Somebody else's."); return nil },
				Remove: func() error { w.remove(t, "ada/hello"); return nil },
				Exists: func(data json.RawMessage) (bool, error) {
					var o Options
					err := json.Unmarshal(data, &o)
					at, errPath := o.path()
					if !slices.Contains(w.repos(), at.String()) {
						return false, errors.Join(err, errPath)
					}
					files := w.files(t, at.String(), "main")
					return files["image"] == imageOf(o)+"\n" && (files["LICENSE"] != "") == (o.License == "MIT"), err
				},
				Leftovers: func() ([]string, error) { return w.repos(), nil },
			}
			if !testing.Short() {
				s.Fail = w.fail // three hundred worlds
			}
			return s
		})
	})
}

func imageOf(o Options) string {
	if o.ImageRepo != "" {
		return o.ImageRepo
	}
	return slug(o.Repo)
}

func sortedPaths[V any](files map[string]V) []string { return slices.Sorted(maps.Keys(files)) }
