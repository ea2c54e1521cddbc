package scaffolding

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scaffold"
	"github.com/devstream-io/dtm/plugins/internal/scm"
	"github.com/devstream-io/dtm/plugins/plugintest"
	cueschema "github.com/devstream-io/dtm/schema"
)

const name = "gitlab-repo-scaffolding-golang"

func kind(t *testing.T, vars map[string]string) plugins.Kind {
	env := plugintest.Env(t.TempDir())
	env.Getenv = func(key string) string { return vars[key] }
	return New(env, scm.New(env))
}

func TestWhatIsRequiredIsEnough(t *testing.T) {
	k := kind(t, nil)
	l, err := cueschema.NewLoader([]cueschema.PluginSchema{{Name: name, CUE: k.Schema, Shared: k.Shared, Precious: k.Precious}})
	if err != nil {
		t.Fatal(err)
	}
	data, err := l.Complete(name, []byte(`{"org":"platform/tools","repo":"hello"}`))
	if err != nil {
		t.Fatal(err)
	}
	var got scaffold.Options
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := scaffold.Options{Org: "platform/tools", Repo: "hello", Branch: "main", Visibility: "private", License: "none", CI: "none", OnDelete: "archive", Vars: scaffold.Vars{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if !l.DefaultLifecycle(name).PreventDestroy {
		t.Error("a plan may delete it though nobody said so")
	}
}

// DevStream needed a token for GitHub, too.
func TestItIsMadeInAGroupWithATokenForGitLabAlone(t *testing.T) {
	lab := parts.GitLab(t)
	vars := map[string]string{"GITLAB_TOKEN": lab.User("ada"), "GITLAB_URL": lab.URL}
	lab.Group("platform/tools", "ada")
	k := kind(t, vars)
	want := json.RawMessage(`{"org":"platform/tools","repo":"hello","branch":"main","visibility":"private"}`)
	data, err := k.Create(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	var r scaffold.Resource
	if err := json.Unmarshal(data, &r); err != nil || r.Outputs.Owner != "platform/tools" || r.Outputs.Org != "platform/tools" || r.Visibility != "private" {
		t.Errorf("got %+v, %v", r, err)
	}
	if module := lab.Files("platform/tools/hello", "main")["go.mod"]; !strings.HasPrefix(module, "module 127.0.0.1/platform/tools/hello\n") {
		t.Errorf("go.mod is %q", module)
	}
	// Another spelling of the address is the same service.
	for _, baseURL := range []string{lab.URL + "/", lab.URL} {
		again, err := k.Read(t.Context(), json.RawMessage(`{"org":"platform/tools","repo":"hello","baseURL":"`+baseURL+`"}`), data)
		if diff := cmp.Diff(string(data), string(again)); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", baseURL, err, diff)
		}
	}
	delete(vars, "GITLAB_TOKEN")
	if _, err := k.Read(t.Context(), want, data); err == nil {
		t.Error("nobody may read without a token")
	}
}
