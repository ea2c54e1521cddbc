package workflow

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The files as people see them.
func TestFilesAreAsTheyWere(t *testing.T) {
	l := loader(t)
	for _, c := range []struct{ name, plugin, options string }{
		{"go.yml", "githubactions-golang", actionsBase + `}`},
		{"go-all.yml", "githubactions-golang", actionsBase + `,"language":{"versions":["1.24","1.25"]},"install":{"enable":true},"lint":{"enable":true},"test":{"coverage":{"enable":true}},` +
			`"docker":{"enable":true,"platforms":["linux/amd64","linux/arm64"],"registry":{"type":"harbor","url":"harbor.example.com/library","username":"robot$ci","tokenEnv":"HARBOR_TOKEN"}}}`},
		{"nodejs.yml", "githubactions-nodejs", actionsBase + `,"secrets":{"NPM_TOKEN":"NPM_TOKEN"}}`},
		{"python.yml", "githubactions-python", actionsBase + `,"docker":{"enable":true,"tag":"sha","registry":{"username":"acme"}}}`},
		{"gitlab-go.yml", "gitlabci-golang", gitlabBase + `}`},
		{"gitlab-buildah.yml", "gitlabci-golang", gitlabBase + `,"language":{"versions":["1.24","1.25"]},"tags":["linux"],"lint":{"enable":true},"test":{"coverage":{"enable":true}},"docker":{"enable":true}}`},
		{"gitlab-kaniko.yml", "gitlabci-golang", gitlabBase + `,"language":{"version":"1.25"},"docker":{"enable":true,"builder":"kaniko","registry":{"type":"dockerhub","username":"acme"}}}`},
		{"gitlab-dind.yml", "gitlabci-golang", gitlabBase + `,"docker":{"enable":true,"builder":"dind","registry":{"type":"harbor","url":"harbor.example.com/library","username":"robot$it"}}}`},
	} {
		data := complete(t, l, c.plugin, c.options)
		var document Document
		var err error
		if language, ok := languages[c.plugin]; ok {
			o := decode[Actions](t, data)
			document, err = language.render(o, o.Workflow)
		} else {
			document, err = decode[GitLabGo](t, data).render()
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := document.encode(c.plugin)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", c.name)
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
		}
	}
}
