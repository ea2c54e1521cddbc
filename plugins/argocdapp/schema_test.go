package argocdapp

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	cueschema "github.com/devstream-io/dtm/schema"
)

func loader(t *testing.T) *cueschema.Loader {
	t.Helper()
	l, err := cueschema.NewLoader([]cueschema.PluginSchema{{Name: "argocdapp", CUE: schema}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestWhatIsRequiredIsEnough(t *testing.T) {
	data, err := loader(t).Complete("argocdapp", []byte(`{"app":{"name":"hello"},"source":{"repoURL":"https://h/r","path":"x"}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Options{
		App:         App{Name: "hello", Namespace: "argocd"},
		Project:     "default",
		Destination: Destination{Server: "https://kubernetes.default.svc", Namespace: "default"},
		Source:      Source{RepoURL: "https://h/r", Path: "x", Revision: "HEAD", ValueFiles: []string{}, Parameters: nil, Kustomize: Kustomize{Images: []string{}}},
		SyncPolicy:  SyncPolicy{Automated: true, Prune: true, SelfHeal: true, SyncOptions: []string{}},
		Wait:        true,
		Timeout:     "5m",
	}
	got := decode[Options](data)
	if len(got.Source.Parameters) == 0 {
		got.Source.Parameters = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestOptionsAreCheckedBeforeAnythingRuns(t *testing.T) {
	l := loader(t)
	base := `{"app":{"name":"hello"},"source":{"repoURL":"https://h/r","path":"x"},`
	for options, ok := range map[string]bool{
		base + `"timeout":"90s"}`:  true,
		base + `"timeout":"0s"}`:   false,
		base + `"timeout":"-1m"}`:  false,
		base + `"timeout":"soon"}`: false,
		`{"app":{"name":"Hello"},"source":{"repoURL":"https://h/r","path":"x"}}`:        false,
		`{"app":{"name":"a..b"},"source":{"repoURL":"https://h/r","path":"x"}}`:         false,
		`{"app":{"name":"a.b-c"},"source":{"repoURL":"git@h:r","path":"x"}}`:            true,
		`{"app":{"name":"${{ a.b.outputs.c }}"},"source":{"repoURL":"x","path":"x"}}`:   true,
		`{"app":{"name":"a"},"source":{"repoURL":"${{ a.b.outputs.c }}","path":"x"}}`:   true,
		`{"app":{"name":"a"},"source":{"repoURL":"ssh://git@h/r","path":"x"}}`:          true,
		`{"app":{"name":"a"},"source":{"repoURL":"https://h/a@b","path":"x"}}`:          true,
		`{"app":{"name":"a"},"source":{"repoURL":"https://u:s3cret@h/r","path":"x"}}`:   false,
		`{"app":{"name":"a"},"source":{"repoURL":"HTTPS://s3cret@h/r","path":"x"}}`:     false,
		`{"app":{"name":"a"},"source":{"repoURL":"ssh://git:s3cret@h/r","path":"x"}}`:   false,
		`{"app":{"name":"a"},"source":{"repoURL":"x","path":"x","parameters":{"a":1}}}`: true,
		`{"app":{"name":"a"},"source":{"repoURL":"x"}}`:                                 false,
	} {
		_, err := l.Complete("argocdapp", []byte(options))
		if (err == nil) != ok {
			t.Errorf("%s: %v", options, err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}

func TestCredentialsAreRefusedWithoutBeingShown(t *testing.T) {
	tool := func(address string) *cueschema.Source {
		text := func(s string) cueschema.Value { return cueschema.Value{Kind: cueschema.String, Text: s} }
		fields := func(of ...cueschema.Field) cueschema.Value { return cueschema.Value{Kind: cueschema.Map, Fields: of} }
		return &cueschema.Source{Tools: []cueschema.SourceTool{{
			Plugin: cueschema.Text{Text: "argocdapp"}, Instance: cueschema.Text{Text: "default"},
			Options: fields(
				cueschema.Field{Name: "app", Value: fields(cueschema.Field{Name: "name", Value: text("a")})},
				cueschema.Field{Name: "source", Value: fields(
					cueschema.Field{Name: "path", Value: text("x")}, cueschema.Field{Name: "repoURL", Value: text(address)},
				)},
			),
		}}}
	}
	l := loader(t)
	if _, err := l.Check(context.Background(), tool("https://h/r")); err != nil {
		t.Fatal(err)
	}
	_, err := l.Check(context.Background(), tool("https://u:s3cret@h/r"))
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}
