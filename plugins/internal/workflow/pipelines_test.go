package workflow

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// gitlabChoices are every option of gitlabci-golang.
func gitlabChoices() []choice {
	const command = `"make build && ls <out> \"a b\" | tee '+x'\necho \"$CI_COMMIT_SHA\""`
	return []choice{
		{`{"pathWithNamespace":"acme/hello"}`, `{"pathWithNamespace":"acme/tools/Hello.x"}`},
		{`{}`, `{"branch":"release/1.x+!2#y"}`},
		{`{}`, `{"baseURL":"https://gitlab.example.com"}`},
		{`{}`, `{"file":"ci/go.yml"}`},
		{`{}`, `{"viaPullRequest":true}`},
		{`{}`, `{"adopt":true}`},
		{`{}`, `{"variables":{"DEPLOY_KEY":"DEPLOY_KEY"}}`},
		{`{}`, `{"language":{"name":"golang"}}`},
		{`{}`, `{"language":{"version":"1.25"}}`, `{"language":{"versions":["1.24","1.25"]}}`},
		{`{}`, `{"image":"registry.example.com:5000/go/builder"}`},
		{`{}`, `{"tags":["linux","big one"]}`},
		{`{}`, `{"timeoutMinutes":5}`},
		{`{}`, `{"lint":{"enable":true}}`, `{"lint":{"enable":true,"command":` + command + `}}`},
		{`{}`, `{"build":{"enable":false}}`, `{"build":{"command":` + command + `}}`},
		{`{}`, `{"test":{"enable":false}}`, `{"test":{"command":` + command + `}}`},
		{`{}`, `{"test":{"coverage":{"enable":true}}}`, `{"test":{"coverage":{"enable":true,"profile":"-cover","output":"out/cover"}}}`},
		{
			`{}`,
			`{"docker":{"enable":true}}`,
			`{"docker":{"enable":true,"registry":{"repository":"Tools/x"}}}`,
			`{"docker":{"enable":true,"registry":{"type":"dockerhub","username":"Me"}}}`,
			`{"docker":{"enable":true,"registry":{"type":"harbor","url":"harbor.example.com:8443/library","username":"robot$it","tokenEnv":"HARBOR_TOKEN"}}}`,
			`{"docker":{"enable":true,"registry":{"type":"generic","url":"ghcr.io/acme","username":"me","secret":"MY_TOKEN"}}}`,
		},
		{`{}`, `{"docker":{"context":"app","dockerfile":"app/Dockerfile"}}`},
		{`{}`, `{"docker":{"builder":"kaniko"}}`, `{"docker":{"builder":"dind"}}`},
		{`{}`, `{"docker":{"builderImage":"registry.example.com/builder:1"}}`},
	}
}

// There is no linter for GitLab that needs no server; what its documentation asks for is asked for here.
func TestEveryPipelineWithEveryOptionIsOne(t *testing.T) {
	const name = "gitlabci-golang"
	for _, options := range wishes(t, loader(t), name, gitlabChoices()) {
		o := decode[GitLabGo](t, options)
		document, err := o.render()
		if !o.Lint.Enable && !o.Build.Enable && !o.Test.Enable && !o.Docker.Enable {
			if err == nil {
				t.Errorf("%s: a pipeline without a job", options)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", options, err)
			continue
		}
		content, err := document.encode(name)
		if err != nil {
			t.Errorf("%s: %v", options, err)
			continue
		}
		isPipeline(t, content)
		if t.Failed() {
			t.Fatalf("%s makes\n%s", options, content)
		}
	}
}

func isPipeline(t *testing.T, content []byte) {
	t.Helper()
	data, err := parse(content)
	if err != nil {
		t.Fatal(err)
	}
	stages := data["stages"].([]any)
	jobs := 0
	for name, value := range data {
		if slices.Contains([]string{"workflow", "stages", "variables", "default"}, name) {
			continue
		}
		jobs++
		job := value.(map[string]any)
		for key := range job {
			if !slices.Contains([]string{"stage", "needs", "parallel", "cache", "script", "coverage", "artifacts", "rules", "interruptible", "image", "services", "variables"}, key) {
				t.Errorf("%s: %s is no keyword of a job", name, key)
			}
		}
		if !slices.Contains(stages, job["stage"]) {
			t.Errorf("%s: there is no stage %v", name, job["stage"])
		}
		lines, _ := job["script"].([]any)
		if len(lines) == 0 {
			t.Errorf("%s has no script", name)
		}
		for _, line := range lines {
			if out, err := exec.CommandContext(t.Context(), "bash", "-n", "-c", line.(string)).CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", name, err, out)
			}
		}
		if name == "image" && len(job["rules"].([]any)) != 1 {
			t.Errorf("an image is pushed by more than the branch: %v", job["rules"])
		}
	}
	if jobs == 0 {
		t.Error("there is no job")
	}
}

// An image goes where its registry is, whoever's that is, and the job logs in there with a token that is not in the file.
func TestImagesGoToAnyRegistry(t *testing.T) {
	for _, c := range []struct {
		registry            Registry
		image, host, secret string
	}{
		{Registry{Username: "Me"}, "docker.io/me/hello", "", "DTM_GO_DOCKERHUB_TOKEN"},
		{Registry{Type: "dockerhub", Username: "me", Repository: "org/Name"}, "docker.io/org/name", "", "DTM_GO_DOCKERHUB_TOKEN"},
		{Registry{Type: "harbor", URL: "harbor.example.com:8443/library", Username: "robot$ci", TokenEnv: "HARBOR_TOKEN"}, "harbor.example.com:8443/library/hello", "harbor.example.com:8443", "DTM_GO_HARBOR_TOKEN"},
		{Registry{Type: "generic", URL: "ghcr.io/Acme/", Username: "me", Secret: "MY_TOKEN"}, "ghcr.io/acme/hello", "ghcr.io", "MY_TOKEN"},
	} {
		d := Docker{Enable: true, Registry: c.registry, Context: ".", Dockerfile: "Dockerfile"}
		o := Actions{Owner: "acme", Repo: "Hello", Docker: Publish{Docker: d, Tag: "sha"}, Runner: []string{"x"}}
		at := o.place("dtm-go.yml")
		if at.ImageOutputs().Image != c.image || d.Registry.host() != c.host || len(at.Secrets) != 1 || at.Secrets[c.secret].Variable != d.Registry.tokenEnv() {
			t.Errorf("%+v: %+v, at %s", c.registry, at, d.Registry.host())
		}
		document, err := golang().render(o, "dtm-go.yml")
		if err != nil {
			t.Fatal(err)
		}
		content, err := document.encode("githubactions-golang")
		if err != nil {
			t.Fatal(err)
		}
		wants := []string{"images: " + c.image + "\n", "password: ${{ secrets." + c.secret + " }}\n", "username: " + c.registry.Username + "\n"}
		if c.host != "" {
			wants = append(wants, "registry: "+c.host+"\n")
		}
		for _, want := range wants {
			if !strings.Contains(string(content), want) {
				t.Errorf("%+v: there is no %q in\n%s", c.registry, want, content)
			}
		}
		for _, builder := range []string{"buildah", "kaniko", "dind"} {
			p := GitLabGo{GitLab: GitLab{PathWithNamespace: "acme/Hello"}, Docker: Container{Docker: d, Builder: builder}}
			document, err := p.render()
			if err != nil {
				t.Fatal(err)
			}
			script := fmt.Sprint(plain(document.Data).(map[string]any)["image"].(map[string]any)["script"])
			host := c.host
			if host == "" && builder == "kaniko" {
				host = "https://index.docker.io/v1/"
			} else if host == "" {
				host = "docker.io"
			}
			for _, want := range []string{c.image + ":$CI_COMMIT_SHORT_SHA", `"` + host + `"`, "'" + c.registry.Username + "'", "$" + d.secret(rootFile)} {
				if !strings.Contains(script, want) {
					t.Errorf("%s %+v: there is no %s in %s", builder, c.registry, want, script)
				}
			}
		}
	}
}
