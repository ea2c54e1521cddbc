package tracker

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
	"github.com/devstream-io/dtm/plugins/internal/workflow"
)

func TestAnOptionIsInTheWorkflowAsItWas(t *testing.T) {
	for _, text := range []string{"", "a: b", "'\"\\", "a+b@c.d", "<&>", "on", "1.20", "# x", "ä\u2028\x00\n\ttext", "{{ x }}", "[[ x ]]", "$(id) `id`"} {
		files := fstest.MapFS{"workflow.yml": {Data: []byte("env:\n  X: [[ yaml . ]]\n")}}
		d, err := Repository{}.Render(files, "x.yml", text)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Env struct{ X string } }
		if err := yaml.Unmarshal(d.Text, &got); err != nil || got.Env.X != text {
			t.Errorf("%q became %q: %v", text, got.Env.X, err)
		}
	}
}

func TestAWorkflowThatCannotBeMadeIsAnError(t *testing.T) {
	for name, text := range map[string]string{
		"an expression in an option": "X: [[ yaml .Hostile ]]",
		"no such option":             "X: [[ .Nothing ]]",
		"no such script":             "[[ script 2 \"none.sh\" ]]",
		"no template":                "[[ if",
	} {
		files := fstest.MapFS{"workflow.yml": {Data: []byte(text)}}
		if d, err := (Repository{}).Render(files, "x.yml", map[string]string{"Hostile": "${{ github.event.issue.title }}"}); err == nil {
			t.Errorf("%s: %s", name, d.Text)
		}
	}
	if _, err := (Repository{}).Render(fstest.MapFS{}, "x.yml", nil); err == nil {
		t.Error("a missing template is no error")
	}
}

func TestScriptsStandInOneBlock(t *testing.T) {
	files := fstest.MapFS{
		"workflow.yml": {Data: []byte("secret: [[ secret \"TOKEN\" ]]\nrun: |\n  [[ script 2 \"a.sh\" \"b.sh\" ]]\nnext: 1\n")},
		"a.sh":         {Data: []byte("if x; then\n  y\nfi\n\n")},
		"b.sh":         {Data: []byte("echo '{{ [[ ]] }}'\n")},
	}
	d, err := Repository{Workflow: "mine.yml"}.Render(files, "x.yml", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "secret: ${{ secrets." + workflow.SecretName("mine.yml", "TOKEN") + " }}\nrun: |\n  if x; then\n    y\n  fi\n\n  echo '{{ [[ ]] }}'\nnext: 1\n"
	if diff := cmp.Diff(want, string(d.Text)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestAPlaceIsTheToolsOwn(t *testing.T) {
	r := Repository{Owner: "alice", Org: "acme", Repo: "app", Workflow: "mine.yaml", ViaPullRequest: true, BaseURL: "https://h"}
	at := r.Place("standard.yml", workflow.Secret{Variable: "TOKEN"})
	if at.Path != (scm.Path{Owner: "acme", Name: "app"}) || at.Branch != "main" || at.Files[0] != ".github/workflows/mine.yaml" || at.Through != workflow.Through("mine.yaml") {
		t.Errorf("the place is %+v", at)
	}
	if at.Secrets[workflow.SecretName("mine.yaml", "TOKEN")].Variable != "TOKEN" || len(at.Secrets) != 1 {
		t.Errorf("the secrets are %v", at.Secrets)
	}
	former := r.Legacy("standard.yml", "A", "B")
	if former.Files[0] != ".github/workflows/standard.yml" || former.Through != "" || len(former.Secrets) != 2 {
		t.Errorf("DevStream's place is %+v", former)
	}
	if at := (Repository{Owner: "alice", Repo: "app"}).Place("standard.yml"); at.Path.Owner != "alice" || at.Files[0] != ".github/workflows/standard.yml" {
		t.Errorf("the place is %+v", at)
	}
}

func TestThatTheTrackerLacksSomethingDoesNotMeanThatTheToolIsGone(t *testing.T) {
	err := Missing(fmt.Errorf("the board x: %w", plugins.ErrNotFound), "look again")
	var hint interface{ Hint() string }
	if errors.Is(err, plugins.ErrNotFound) || !strings.Contains(err.Error(), "the board x") || !errors.As(err, &hint) || hint.Hint() != "look again" {
		t.Errorf("got %v", err)
	}
	if other := errors.New("other"); Missing(other, "x") != other || Missing(nil, "x") != nil {
		t.Error("another error is changed")
	}
}
