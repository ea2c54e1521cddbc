package scaffolding

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
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

const name = "github-repo-scaffolding-golang"

func kind(t *testing.T, vars map[string]string) plugins.Kind {
	env := plugintest.Env(t.TempDir())
	env.Getenv = func(key string) string { return vars[key] }
	return New(env, scm.New(env))
}

func loader(t *testing.T) *cueschema.Loader {
	t.Helper()
	k := kind(t, nil)
	l, err := cueschema.NewLoader([]cueschema.PluginSchema{{Name: name, CUE: k.Schema, Shared: k.Shared, Precious: k.Precious}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Verify(); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestWhatIsRequiredIsEnough(t *testing.T) {
	data, err := loader(t).Complete(name, []byte(`{"owner":"ada","repo":"hello"}`))
	if err != nil {
		t.Fatal(err)
	}
	var got scaffold.Options
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := scaffold.Options{Owner: "ada", Repo: "hello", Branch: "main", Visibility: "private", License: "none", CI: "github", OnDelete: "archive", Vars: scaffold.Vars{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestOptionsAreCheckedBeforeAnythingRuns(t *testing.T) {
	l := loader(t)
	for options, ok := range map[string]bool{
		`{"owner":"ada","org":"","repo":"hello","branch":"main","image_repo":"ada/hello"}`: true,
		`{"owner":"YOU","org":"ACME","repo":"REPO","image_repo":"YOU/REPO"}`:               true,
		`{"org":"acme","repo":"hello"}`:                                                    true,
		`{"owner":"${{ a.b.outputs.c }}","repo":"${{ a.b.outputs.d }}"}`:                   true,
		`{"repo":"hello"}`:                                                                             false,
		`{"owner":"","org":"","repo":"hello"}`:                                                         false,
		`{"owner":"ada"}`:                                                                              false,
		`{"owner":"ada","repo":"../x"}`:                                                                false,
		`{"owner":"ada","repo":"x","visibility":"secret"}`:                                             false,
		`{"owner":"ada","repo":"x","onDelete":"forget"}`:                                               false,
		`{"owner":"ada","repo":"x","baseURL":"https://ada:pw@ghe.example.com"}`:                        false,
		`{"owner":"ada","repo":"x","baseURL":"https://ghe.example.com/api/v3/"}`:                       true,
		`{"owner":"ada","repo":"x","template":"https://ada:pw@example.com/x.zip"}`:                     false,
		`{"owner":"ada","repo":"x","template":"git@example.com:a/b.git","templateRef":"v1"}`:           true,
		`{"owner":"ada","repo":"x","template":"./t","templateRef":"--upload-pack=x"}`:                  false,
		`{"owner":"ada","repo":"x","vars":{"region":"eu","size":2,"open":true}}`:                       true,
		`{"owner":"ada","repo":"x","vars":{"a-b":"eu"}}`:                                               false,
		`{"owner":"ada","repo":"x","vars":{"region":["eu"]}}`:                                          false,
		`{"owner":"ada","repo":"x","template":"https://example.com/x.zip","templateChecksum":"md5:1"}`: false,
		`{"owner":"ada","repo":"x","image_repo":"a b"}`:                                                false,
		`{"owner":"ada","repo":"x","pathWithNamespace":"ada/x"}`:                                       true,
		`{"owner":"ada","repo":"x","adopted":true}`:                                                    false,
		`{"owner":"ada","repo":"x","ci":"gitlab"}`:                                                     true,
		`{"owner":"ada","repo":"x","ci":"jenkins"}`:                                                    false,
	} {
		if _, err := l.Complete(name, []byte(options)); (err == nil) != ok {
			t.Errorf("%s: %v", options, err)
		}
	}
}

func TestARepositoryIsPrecious(t *testing.T) {
	if !loader(t).DefaultLifecycle(name).PreventDestroy {
		t.Error("a plan may delete it though nobody said so")
	}
}

func TestWhatWouldMoveARepositoryReplacesIt(t *testing.T) {
	def := loader(t).Definition(name)
	for _, f := range def.Options {
		switch f.Name {
		case "owner", "org", "repo", "branch", "baseURL":
			if !f.Replace {
				t.Errorf("%s does not replace", f.Name)
			}
		default:
			if f.Replace {
				t.Errorf("%s replaces", f.Name)
			}
		}
		if f.Doc == "" {
			t.Errorf("%s has no comment", f.Name)
		}
	}
}

func TestNobodyOwnsItIsToldInWords(t *testing.T) {
	_, err := loader(t).Check(context.Background(), &cueschema.Source{Tools: []cueschema.SourceTool{{
		Plugin: cueschema.Text{Text: name}, Instance: cueschema.Text{Text: "default"},
		Options: cueschema.Value{Kind: cueschema.Map, Fields: []cueschema.Field{{Name: "repo", Value: cueschema.Value{Kind: cueschema.String, Text: "x"}}}},
	}}})
	if err == nil || !strings.Contains(err.Error(), "owner") {
		t.Errorf("got %v", err)
	}
	t.Log(err)
}

func TestItIsMadeWhereTheEnvironmentSays(t *testing.T) {
	hub := parts.GitHub(t)
	hub.Org("acme", "ada")
	vars := map[string]string{"github_token": hub.Token("ada"), "GITHUB_API_URL": hub.URL}
	k := kind(t, vars)
	want := json.RawMessage(`{"owner":"ada","org":"acme","repo":"hello","branch":"main","visibility":"private"}`)
	data, err := k.Create(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	var r scaffold.Resource
	if err := json.Unmarshal(data, &r); err != nil || r.Outputs.Owner != "acme" || r.Outputs.RepoURL != hub.GitURL+"acme/hello.git" {
		t.Errorf("got %+v, %v", r, err)
	}
	if !hub.Repo(t, "acme/hello").Private {
		t.Error("everybody sees it")
	}
	// An option wins, and a credential is needed.
	vars["GITHUB_API_URL"] = "http://127.0.0.1:1"
	if _, err := k.Read(t.Context(), json.RawMessage(`{"owner":"ada","org":"acme","repo":"hello","baseURL":"`+hub.URL+`"}`), data); err != nil {
		t.Error(err)
	}
	if _, err := k.Read(t.Context(), want, data); err == nil || strings.Contains(err.Error(), vars["github_token"]) {
		t.Errorf("a service that is down: %v", err)
	}
	delete(vars, "github_token")
	if _, err := k.Read(t.Context(), want, data); err == nil {
		t.Error("nobody may read without a token")
	}
}

func TestWhoMayNotWriteWorkflowsIsToldHowToDoWithout(t *testing.T) {
	hub := parts.GitHub(t)
	k := kind(t, map[string]string{"GITHUB_TOKEN": hub.Token("ada", "repo"), "GITHUB_API_URL": hub.URL})
	l := loader(t)
	want := func(ci string) json.RawMessage {
		t.Helper()
		data, err := l.Complete(name, []byte(`{"owner":"ada","repo":"hello"`+ci+`}`))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	var hinted interface{ Hint() string }
	if _, err := k.Create(t.Context(), want("")); !errors.As(err, &hinted) || !strings.Contains(hinted.Hint(), "scope") || !strings.Contains(hinted.Hint(), "`ci: none`") {
		t.Fatalf("got %v", err)
	}
	// What was begun is finished without it.
	if _, err := k.Create(t.Context(), want(`,"ci":"none"`)); err != nil {
		t.Fatal(err)
	}
	files := hub.Files(t, "ada/hello", "main")
	if _, there := files[".github/workflows/check.yml"]; there || files["go.mod"] == "" || len(hub.Log(t, "ada/hello", "main")) != 1 {
		t.Errorf("there are %v, in %d commits", slices.Sorted(maps.Keys(files)), len(hub.Log(t, "ada/hello", "main")))
	}
}

// GitHub says of a repository that one may not see that it is not there, and that its name is taken.
func TestANameThatIsTakenByARepositoryNobodyMayLookAtIsToldInWords(t *testing.T) {
	hub := parts.GitHub(t)
	k := kind(t, map[string]string{"GITHUB_TOKEN": hub.Token("ada"), "GITHUB_API_URL": hub.URL})
	want := json.RawMessage(`{"owner":"ada","repo":"hello","branch":"main","visibility":"private"}`)
	if _, err := k.Create(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	heal := hub.Break(1, parts.HubFault{Match: "GET /repos/ada/hello", Times: -1, Status: 404, Message: "Not Found"})
	defer heal()
	var hinted interface{ Hint() string }
	if _, err := k.Create(t.Context(), want); !errors.Is(err, scm.ErrExists) || !errors.As(err, &hinted) || !strings.Contains(hinted.Hint(), "may not see") {
		t.Errorf("got %v", err)
	}
}
