package jiragithubinteg

import (
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins/internal/workflow"
	cueschema "github.com/devstream-io/dtm/schema"
)

func loader(t *testing.T) *cueschema.Loader {
	t.Helper()
	l, err := cueschema.NewLoader([]cueschema.PluginSchema{{Name: name, CUE: schema, Shared: map[string]string{workflow.SharedName: workflow.Schema}}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// DevStream's sample has both owner and org, and its Read and its Create did not agree on which counts.
func TestTheSampleOfDevStreamIsAppliedOnce(t *testing.T) {
	w := newWorld(t)
	sample := strings.NewReplacer("URL", w.jira.URL, "EMAIL", w.jira.User).Replace(`{"owner":"alice","org":"acme","repo":"app","jiraBaseUrl":"URL","jiraUserEmail":"EMAIL","jiraProjectKey":"HEAP","branch":"main"}`)
	options, err := loader(t).Complete(name, []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.kind.Create(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.kind.Read(t.Context(), options, r); err != nil || string(again) != string(r) {
		t.Errorf("read returns %s, %v; create returned %s", again, err, r)
	}
	before := len(w.hub.Log(t, repo, "main"))
	if again, err := w.kind.Update(t.Context(), options, options, r); err != nil || string(again) != string(r) {
		t.Errorf("update returns %s, %v; create returned %s", again, err, r)
	}
	if after := len(w.hub.Log(t, repo, "main")); after != before {
		t.Errorf("the second time made %d commits", after-before)
	}
	for _, request := range w.hub.Requests() {
		if strings.HasPrefix(request, "DELETE") {
			t.Error(request)
		}
	}
}

func TestOptionsAreCheckedBeforeAnythingRuns(t *testing.T) {
	const rest = `"repo":"r","jiraBaseUrl":"https://acme.atlassian.net"}`
	l := loader(t)
	for options, ok := range map[string]bool{
		`{"owner":"a","jiraUserEmail":"a+b@c.d","jiraProjectKey":"HEAP",` + rest:                          true,
		`{"org":"a","jiraUserEmail":"a+b@c.d","jiraProjectKey":"HEAP",` + rest:                            true,
		`{"jiraUserEmail":"a+b@c.d","jiraProjectKey":"HEAP",` + rest:                                      false,
		`{"owner":"a","jiraUserEmail":"a b","jiraProjectKey":"HEAP",` + rest:                              false,
		`{"owner":"a","jiraUserEmail":"a@b","jiraProjectKey":"heap.*",` + rest:                            false,
		`{"owner":"a","jiraUserEmail":"a@b",` + rest:                                                      false,
		`{"owner":"a","jiraUserEmail":"a@b","jiraProjectKey":"HEAP","transitions":{"opened":"x"},` + rest: false,
	} {
		if _, err := l.Complete(name, []byte(options)); (err == nil) != ok {
			t.Errorf("%s: %v", options, err)
		}
	}
}
