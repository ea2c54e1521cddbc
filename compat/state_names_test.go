package compat

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/schema"
)

// What DevStream 0.12 has recorded of a configuration is what it expanded it to: the tools in such a state must be those
// that its configuration becomes here.
func TestRecordedToolsAreRenamedAsThoseOfTheConfiguration(t *testing.T) {
	root := filepath.Join(corpus(t), "configs", "0.12.0")
	for _, name := range []string{
		"examples/apps.yaml", "examples/gitops.yaml", "examples/quickstart.yaml", "test/state/test_drifted.yaml",
		"internal/pkg/show/config/templates/apps.yaml", "internal/pkg/show/config/templates/gitops.yaml",
		"internal/pkg/show/config/templates/quickstart.yaml",
	} {
		src, err := Read(t.Context(), filepath.Join(root, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		data, err := os.ReadFile(filepath.Join(root, "expanded", strings.ReplaceAll(name, "/", "_")))
		if err != nil {
			t.Fatal(err)
		}
		tools, err := ReadState(name, recordedAs012(t, data), nil)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, tool := range src.Tools {
			var needs []string
			for _, d := range tool.DependsOn {
				needs = append(needs, d.Text)
			}
			want = append(want, shape(t, string(schema.MakeID(tool.Plugin.Text, tool.Instance.Text)), needs, appendJSON(nil, tool.Options)))
		}
		for _, tool := range tools {
			var needs []string
			for _, d := range tool.DependsOn {
				needs = append(needs, string(d))
			}
			got = append(got, shape(t, string(tool.ID), needs, tool.Options))
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -configuration +state\n%s", name, diff)
		}
	}
}

// recordedAs012 is the state that DevStream 0.12 leaves of an expanded configuration.
func recordedAs012(t *testing.T, expanded []byte) []byte {
	t.Helper()
	var doc struct {
		Tools []map[string]any `yaml:"tools"`
	}
	if err := yaml.Unmarshal(expanded, &doc); err != nil {
		t.Fatal(err)
	}
	state := map[string]any{}
	for _, tool := range doc.Tools {
		tool["resourceStatus"] = map[string]any{}
		state[fmt.Sprint(tool["name"], "_", tool["instanceID"])] = tool
	}
	data, err := yaml.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// shape says what a tool is. References, which a state has the values of, are all the same; and the names of variables are
// left out, which DevStream recorded the values of: whoever takes the state over has them from the configuration.
func shape(t *testing.T, id string, needs []string, options json.RawMessage) string {
	t.Helper()
	text := regexp.MustCompile(`\${1,2}\{\{[^}]*\}\}`).ReplaceAllString(string(options), "VALUE")
	text = regexp.MustCompile(`"tokenEnv":"[^"]*",|,"tokenEnv":"[^"]*"`).ReplaceAllString(text, "")
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(needs)
	return fmt.Sprint(id, " after ", needs, " ", string(sorted))
}

func TestResourcesOfLaterVersionsGetTheShapeThatPluginsTakeOver(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(corpus(t), "configs", "0.12.0", "test", "state", "test_drifted.state"))
	if err != nil {
		t.Fatal(err)
	}
	tools, err := ReadState("s", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(tools[0].Resource, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"ContainerRunning": true, "Hostname": "gitlab.example.com", "volumes": "/srv/gitlab/config,/srv/gitlab/data,/srv/gitlab/logs",
		"SSHPort": "2022", "HTTPPort": "8080", "HTTPSPort": "443",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestToolsThatNothingHereDoesTheWorkOfKeepTheirNames(t *testing.T) {
	const state = "zentao_a: {name: zentao, instanceID: a, options: {x: 1}, resourceStatus: {}}\ntrello_b: {name: trello, instanceID: b, options: {scm: {}, board: {}}}\n"
	tools, err := ReadState("s", []byte(state), nil)
	if err != nil || len(tools) < 2 || tools[0].ID != "zentao.a" || tools[1].ID != "trello.b" {
		t.Errorf("got %s, %v", stateText(tools), err)
	}
	tools, err = ReadState("s", []byte("helm-installer_argocd: {name: helm-installer, instanceID: argocd}\n"), func(string) bool { return true })
	if err != nil || len(tools) != 1 || tools[0].ID != "helm-installer.argocd" || tools[0].Renamed {
		t.Errorf("a plugin of the user's own: got %s, %v", stateText(tools), err)
	}
}
