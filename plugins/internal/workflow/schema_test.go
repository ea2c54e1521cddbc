package workflow

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	cueschema "github.com/devstream-io/dtm/schema"
)

// names are the plugins of this package.
var names = []string{"githubactions-golang", "githubactions-nodejs", "githubactions-python", "gitlabci-golang", "gitlabci-generic"}

func schemaOf(t testing.TB, plugin string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", plugin, "schema.cue"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func loader(t testing.TB) *cueschema.Loader {
	t.Helper()
	var list []cueschema.PluginSchema
	for _, name := range names {
		list = append(list, cueschema.PluginSchema{Name: name, CUE: schemaOf(t, name), Shared: map[string]string{SharedName: Schema}})
	}
	l, err := cueschema.NewLoader(list)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Verify(); err != nil {
		t.Fatal(err)
	}
	return l
}

// complete are options with the schema's defaults.
func complete(t testing.TB, l *cueschema.Loader, plugin, options string) json.RawMessage {
	t.Helper()
	data, err := l.Complete(plugin, []byte(options))
	if err != nil {
		t.Fatalf("%s %s: %v", plugin, options, err)
	}
	return data
}

func decode[T any](t testing.TB, data []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

const (
	actionsBase = `{"owner":"acme","repo":"hello"`
	gitlabBase  = `{"pathWithNamespace":"acme/hello"`
)

func TestWhatIsRequiredIsEnough(t *testing.T) {
	l := loader(t)
	for _, name := range names {
		options := actionsBase + `}`
		switch name {
		case "gitlabci-golang":
			options = gitlabBase + `}`
		case "gitlabci-generic":
			options = gitlabBase + `,"templateURL":"ci.tmpl"}`
		}
		complete(t, l, name, options)
	}
}

func TestOptionsAreCheckedBeforeAnythingRuns(t *testing.T) {
	l := loader(t)
	for _, c := range []struct {
		plugin, options string
		ok              bool
	}{
		{"githubactions-golang", `{"repo":"hello"}`, false},
		{"githubactions-golang", `{"org":"acme","repo":"hello"}`, true},
		{"githubactions-golang", `{"owner":"me","org":"acme","repo":"hello"}`, true},
		{"githubactions-golang", `{"owner":"${{ a.b.outputs.c }}","repo":"${{ a.b.outputs.d }}"}`, true},
		{"githubactions-golang", actionsBase + `,"branch":"a b"}`, false},
		{"githubactions-golang", actionsBase + `,"branch":"release/1.x+2"}`, true},
		{"githubactions-golang", actionsBase + `,"branch":"a\"b"}`, false},
		{"githubactions-golang", actionsBase + `,"workflow":"../x.yml"}`, false},
		{"githubactions-golang", actionsBase + `,"workflow":"CI_2.yaml"}`, true},
		{"githubactions-golang", actionsBase + `,"language":{"version":1.20}}`, false},
		{"githubactions-golang", actionsBase + `,"language":{"version":"1.20","versions":["1.21"]}}`, false},
		{"githubactions-golang", actionsBase + `,"docker":{"enable":true}}`, false},
		{"githubactions-golang", actionsBase + `,"docker":{"enable":true,"registry":{"username":"me"}}}`, true},
		{"githubactions-golang", actionsBase + `,"docker":{"enable":true,"registry":{"type":"harbor","username":"robot$ci"}}}`, false},
		{"githubactions-golang", actionsBase + `,"docker":{"enable":true,"registry":{"type":"harbor","url":"h.example.com/lib","username":"robot$ci"}}}`, true},
		{"githubactions-golang", actionsBase + `,"docker":{"enable":true,"registry":{"type":"quay","username":"me"}}}`, false},
		{"githubactions-golang", actionsBase + `,"baseURL":"https://u:p@h/api/v3"}`, false},
		{"githubactions-golang", actionsBase + `,"test":{"coverage":{"output":"../x"}}}`, false},
		{"githubactions-golang", actionsBase + `,"test":{"coverage":{"output":"a;b"}}}`, false},
		{"githubactions-golang", actionsBase + `,"secrets":{"A_B":"c"}}`, true},
		{"githubactions-golang", actionsBase + `,"secrets":{"A-B":"c"}}`, false},
		{"githubactions-golang", actionsBase + `,"runner":[]}`, false},
		{"githubactions-golang", actionsBase + `,"tset":{}}`, false},
		{"gitlabci-golang", `{"pathWithNamespace":"hello"}`, false},
		{"gitlabci-golang", `{"pathWithNamespace":"a/b/hello"}`, true},
		{"gitlabci-golang", gitlabBase + `,"file":"ci/../../x.yml"}`, false},
		{"gitlabci-golang", gitlabBase + `,"file":"ci/go.yml"}`, true},
		{"gitlabci-golang", gitlabBase + `,"docker":{"enable":true}}`, true},
		{"gitlabci-golang", gitlabBase + `,"docker":{"enable":true,"registry":{"type":"dockerhub"}}}`, false},
		{"gitlabci-generic", gitlabBase + `}`, false},
		{"gitlabci-generic", gitlabBase + `,"templateURL":"x","templateVariables":{"a":1,"b":true,"c":"d"}}`, true},
		{"gitlabci-generic", gitlabBase + `,"templateURL":"x","templateVariables":{"a":[1]}}`, false},
		{"gitlabci-generic", gitlabBase + `,"templateURL":"x","delimiters":"<< >>"}`, false},
	} {
		_, err := l.Complete(c.plugin, []byte(c.options))
		if (err == nil) != c.ok {
			t.Errorf("%s %s: %v", c.plugin, c.options, err)
		}
		if err != nil {
			t.Logf("%s: %v", c.options, strings.ReplaceAll(err.Error(), "\n", " / "))
		}
	}
}

func TestWhatIsMissingIsToldByItsName(t *testing.T) {
	l := loader(t)
	for _, c := range []struct{ plugin, options, want string }{
		{"githubactions-golang", actionsBase + `,"docker":{"enable":true}}`, "docker.registry.username: field is required"},
		{"githubactions-golang", actionsBase + `,"docker":{"enable":true,"registry":{"type":"harbor","username":"me"}}}`, "docker.registry.url: field is required"},
		{"gitlabci-golang", gitlabBase + `,"docker":{"enable":true,"registry":{"type":"dockerhub"}}}`, "docker.registry.username: field is required"},
		{"gitlabci-golang", gitlabBase + `,"docker":{"enable":true,"registry":{"type":"generic","username":"me"}}}`, "docker.registry.url: field is required"},
	} {
		if _, err := l.Complete(c.plugin, []byte(c.options)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.options, err)
		}
	}
}
