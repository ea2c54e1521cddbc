package workflow_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	githubactionsgolang "github.com/devstream-io/dtm/plugins/githubactions-golang"
	githubactionsnodejs "github.com/devstream-io/dtm/plugins/githubactions-nodejs"
	githubactionspython "github.com/devstream-io/dtm/plugins/githubactions-python"
	gitlabcigeneric "github.com/devstream-io/dtm/plugins/gitlabci-generic"
	gitlabcigolang "github.com/devstream-io/dtm/plugins/gitlabci-golang"
	"github.com/devstream-io/dtm/plugins/internal/scm"
	"github.com/devstream-io/dtm/plugins/internal/workflow/accident"
	"github.com/devstream-io/dtm/plugins/plugintest"
	"github.com/devstream-io/dtm/schema"
)

// world is a service with a repository in it that is somebody's already, and plugins that reach it.
type world struct {
	t         testing.TB
	env       plugins.Env
	dir       string
	transport *accident.Line
	hub       *parts.Hub
	lab       *parts.Lab
}

const token = "hub-token-s3cret"

var makers = map[string]func(plugins.Env, *scm.Hosts) plugins.Kind{
	"githubactions-golang": githubactionsgolang.New, "githubactions-nodejs": githubactionsnodejs.New, "githubactions-python": githubactionspython.New,
	"gitlabci-golang": gitlabcigolang.New, "gitlabci-generic": gitlabcigeneric.New,
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, dir: t.TempDir(), transport: &accident.Line{}}
	w.env = plugintest.Env(w.dir)
	w.env.HTTP = &http.Client{Transport: w.transport}
	return w
}

func (w *world) kind(name string) plugins.Kind {
	return makers[name](w.env, scm.New(w.env))
}

// loaderOf has the schema of a plugin. Worlds are many, and it is always the same; so is what its options come to.
var loaderOf = once(func(name string) *schema.Loader {
	kind := makers[name](plugintest.Env("/"), scm.New(plugintest.Env("/")))
	l, err := schema.NewLoader([]schema.PluginSchema{{Name: name, CUE: kind.Schema, Shared: kind.Shared}})
	if err != nil {
		panic(err)
	}
	return l
})

var completed = once(func(wish [2]string) func() (json.RawMessage, error) {
	return sync.OnceValues(func() (json.RawMessage, error) { return loaderOf(wish[0]).Complete(wish[0], []byte(wish[1])) })
})

// once makes what there is to be of a key when somebody asks for it, and remembers it.
func once[K comparable, V any](of func(K) V) func(K) V {
	var mu sync.Mutex
	all := map[K]V{}
	return func(key K) V {
		mu.Lock()
		defer mu.Unlock()
		v, ok := all[key]
		if !ok {
			v = of(key)
			all[key] = v
		}
		return v
	}
}

func (w *world) getenv(of map[string]string) {
	w.env.Getenv = func(name string) string { return of[name] }
}

func (w *world) options(plugin, options string) json.RawMessage {
	w.t.Helper()
	data, err := completed([2]string{plugin, options})()
	if err != nil {
		w.t.Fatalf("%s: %v", options, err)
	}
	return data
}

const project = "acme/hello"

// onGitHub is a world with acme/hello on GitHub.
func onGitHub(t testing.TB) *world {
	w := newWorld(t)
	w.hub = parts.GitHub(t)
	w.hub.Org("acme", "ann")
	w.hub.NewRepo(t, project, true)
	w.hub.SetFile(t, project, "main", "README.md", "# hello\n")
	w.getenv(map[string]string{"GITHUB_TOKEN": w.hub.Token("ann"), "GITHUB_API_URL": w.hub.URL, "DOCKERHUB_TOKEN": token, "NPM_TOKEN": token + "2"})
	return w
}

// onGitLab is a world with acme/hello on GitLab.
func onGitLab(t testing.TB) *world {
	w := newWorld(t)
	w.lab = parts.GitLab(t)
	user := w.lab.User("ann")
	w.lab.Group("acme")
	w.getenv(map[string]string{"GITLAB_TOKEN": user, "GITLAB_URL": w.lab.URL, "DOCKERHUB_TOKEN": token, "DEPLOY_KEY": token + "2"})
	host, err := scm.NewGitLab(w.env, scm.Options{BaseURL: w.lab.URL, Token: user})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.Create(t.Context(), scm.Path{Owner: "acme", Name: "hello"}, scm.Settings{Visibility: scm.Private}); err != nil {
		t.Fatal(err)
	}
	w.lab.SetFile(project, "main", "README.md", "# hello\n")
	return w
}

// files are what is on a branch.
func (w *world) files(branch string) map[string]string {
	if w.hub != nil {
		return w.hub.Files(w.t, project, branch)
	}
	return w.lab.Files(project, branch)
}

func (w *world) secrets() map[string]string {
	if w.hub != nil {
		return w.hub.Secrets(w.t, project)
	}
	all := map[string]string{}
	for name, v := range w.lab.Variables(project) {
		all[name] = v.Value
	}
	return all
}

func (w *world) set(branch, file, content string) {
	if w.hub != nil {
		w.hub.SetFile(w.t, project, branch, file, content)
		return
	}
	w.lab.SetFile(project, branch, file, content)
}

func (w *world) remove(branch, file string) {
	if w.hub != nil {
		w.hub.SetFiles(w.t, project, branch, map[string][]byte{file: nil})
		return
	}
	w.lab.RemoveFile(project, branch, file)
}

// through is the branch that changes are proposed on, "" if they are committed.
func (w *world) subject(plugin, want, changed, renamed, file, through string) plugintest.Subject {
	kind := w.kind(plugin)
	branch := "main"
	if through != "" {
		branch = through
	}
	place := func(options json.RawMessage) string {
		var o struct{ Workflow, File string }
		if err := json.Unmarshal(options, &o); err != nil {
			w.t.Fatal(err)
		}
		if o.Workflow != "" {
			return ".github/workflows/" + o.Workflow
		}
		return o.File
	}
	s := plugintest.Subject{
		Kind: kind, Want: w.options(plugin, want), Changed: w.options(plugin, changed),
		Drift: func() error {
			w.set(branch, file, w.files(branch)[file]+"# edited\n")
			return nil
		},
		Remove: func() error {
			w.remove(branch, file)
			return nil
		},
		Exists: func(options json.RawMessage) (bool, error) {
			_, ok := w.files(branch)[place(options)]
			return ok, nil
		},
		Leftovers: func() ([]string, error) {
			left := slices.Collect(maps.Keys(w.files("main")))
			left = slices.DeleteFunc(left, func(path string) bool { return path == "README.md" })
			for name := range w.secrets() {
				left = append(left, "secret "+name)
			}
			if through != "" && w.hub != nil {
				for _, p := range w.hub.Pulls(w.t, project) {
					if p.Open {
						left = append(left, fmt.Sprintf("pull request %d", p.Number))
					}
				}
			}
			slices.Sort(left)
			return left, nil
		},
		Fail: func(n int, when plugintest.When) func() bool {
			return w.transport.Fail(w.t.Name(), n, when == plugintest.After)
		},
	}
	if testing.Short() {
		s.Fail = nil
	}
	if renamed != "" {
		s.Renamed = w.options(plugin, renamed)
	}
	return s
}

func TestActionsKeepThePromiseOfAPlugin(t *testing.T) {
	t.Parallel()
	const base = `{"owner":"nobody","org":"acme","repo":"hello"`
	plugintest.Run(t, func(t *testing.T) plugintest.Subject {
		w := onGitHub(t)
		s := w.subject("githubactions-golang", base+`}`, base+`,"build":{"command":"make"}}`,
			base+`,"workflow":"other.yml","docker":{"enable":true,"registry":{"username":"me"}}}`, ".github/workflows/dtm-go.yml", "")
		for i := range 3 {
			s.Others = append(s.Others, w.options("githubactions-golang", base+fmt.Sprintf(`,"workflow":"other-%d.yml"}`, i)))
		}
		return s
	})
}

func TestActionsWithSecretsKeepThePromiseOfAPlugin(t *testing.T) {
	t.Parallel()
	const base = `{"owner":"acme","repo":"hello","docker":{"enable":true,"registry":{"username":"me"}}`
	plugintest.Run(t, func(t *testing.T) plugintest.Subject {
		s := onGitHub(t).subject("githubactions-nodejs", base+`,"secrets":{"NPM_TOKEN":"NPM_TOKEN"}}`, `{"owner":"acme","repo":"hello"}`,
			base+`,"workflow":"other.yml"}`, ".github/workflows/dtm-nodejs.yml", "")
		s.Fail = nil // the same requests fail in the tests of the others
		return s
	})
}

func TestActionsByPullRequestKeepThePromiseOfAPlugin(t *testing.T) {
	t.Parallel()
	const base = `{"owner":"acme","repo":"hello","viaPullRequest":true`
	plugintest.Run(t, func(t *testing.T) plugintest.Subject {
		return onGitHub(t).subject("githubactions-python", base+`}`, base+`,"timeoutMinutes":5}`, "", ".github/workflows/dtm-python.yml", "dtm/dtm-python")
	})
}

func TestPipelinesKeepThePromiseOfAPlugin(t *testing.T) {
	t.Parallel()
	const base = `{"pathWithNamespace":"acme/hello"`
	plugintest.Run(t, func(t *testing.T) plugintest.Subject {
		return onGitLab(t).subject("gitlabci-golang", base+`}`, base+`,"build":{"command":"make"}}`,
			base+`,"file":"ci/go.yml","variables":{"DEPLOY_KEY":"DEPLOY_KEY"},"docker":{"enable":true,"registry":{"type":"dockerhub","username":"me"}}}`, ".gitlab-ci.yml", "")
	})
}

func TestPipelinesByMergeRequestKeepThePromiseOfAPlugin(t *testing.T) {
	t.Parallel()
	const base = `{"pathWithNamespace":"acme/hello","viaPullRequest":true`
	plugintest.Run(t, func(t *testing.T) plugintest.Subject {
		s := onGitLab(t).subject("gitlabci-golang", base+`}`, base+`,"lint":{"enable":true}}`, "", ".gitlab-ci.yml", "dtm/gitlab-ci")
		s.Fail = nil // the same requests fail in the tests of the others
		return s
	})
}

func TestPipelinesOfATemplateKeepThePromiseOfAPlugin(t *testing.T) {
	t.Parallel()
	templates := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "build:\n  image: \"{{ .image }}\"\n  script: [make]\n")
	}))
	t.Cleanup(templates.Close)
	base := `{"pathWithNamespace":"acme/hello","templateURL":"` + templates.URL + `/ci.yml","templateVariables":{"image":`
	plugintest.Run(t, func(t *testing.T) plugintest.Subject {
		s := onGitLab(t).subject("gitlabci-generic", base+`"golang:1"}}`, base+`2}}`, base+`"golang:1"},"file":"ci/x.yml"}`, ".gitlab-ci.yml", "")
		s.Fail = nil // the same requests fail in the tests of the others
		return s
	})
}

func TestATemplateMayBeAFile(t *testing.T) {
	t.Parallel()
	w := onGitLab(t)
	if err := os.WriteFile(filepath.Join(w.dir, "ci.tmpl"), []byte("build:\n  script: [\"echo [[ .x ]] {{ y }}\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	kind := w.kind("gitlabci-generic")
	want := w.options("gitlabci-generic", `{"pathWithNamespace":"acme/hello","templateURL":"ci.tmpl","delimiters":"[[ ]]","templateVariables":{"x":1.5}}`)
	if _, err := kind.Create(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if text := w.files("main")[".gitlab-ci.yml"]; !strings.HasSuffix(text, "build:\n  script: [\"echo 1.5 {{ y }}\"]\n") {
		t.Errorf("the file is\n%s", text)
	}
}
