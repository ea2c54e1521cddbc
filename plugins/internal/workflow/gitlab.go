package workflow

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// rootFile is where GitLab looks if nobody tells it otherwise.
const rootFile = ".gitlab-ci.yml"

// GitLab is #GitLab of workflow.cue.
type GitLab struct {
	PathWithNamespace string            `json:"pathWithNamespace"`
	Branch            string            `json:"branch"`
	BaseURL           string            `json:"baseURL"`
	File              string            `json:"file"`
	ViaPullRequest    bool              `json:"viaPullRequest"`
	Adopt             bool              `json:"adopt"`
	Variables         map[string]string `json:"variables"`
}

// place is where the file goes.
func (o GitLab) place() Place {
	i := strings.LastIndexByte(o.PathWithNamespace, '/')
	at := Place{
		BaseURL: o.BaseURL, Path: scm.Path{Owner: o.PathWithNamespace[:max(i, 0)], Name: o.PathWithNamespace[i+1:]},
		Branch: cmp.Or(o.Branch, "main"), Files: []string{o.file()}, Adopt: o.Adopt, Secrets: map[string]Secret{},
	}
	for name, variable := range o.Variables {
		at.Secrets[name] = Secret{variable, "set " + variable + " to the value that the CI/CD variable " + name + " is to have"}
	}
	if o.ViaPullRequest {
		at.Through = Through(o.file())
	}
	return at
}

func (o GitLab) file() string { return cmp.Or(o.File, rootFile) }

// GitLabGo is #Options of gitlabci-golang.
type GitLabGo struct {
	GitLab
	Language       Language  `json:"language"`
	Image          string    `json:"image"`
	Tags           []string  `json:"tags"`
	TimeoutMinutes int       `json:"timeoutMinutes"`
	Lint           Step      `json:"lint"`
	Build          Step      `json:"build"`
	Test           Test      `json:"test"`
	Docker         Container `json:"docker"`
}

// Container is the image of a pipeline of GitLab CI.
type Container struct {
	Docker
	// Builder is "buildah", "kaniko" or "dind", Docker in Docker.
	Builder string `json:"builder"`
	// BuilderImage is the image that it is built in.
	BuilderImage string `json:"builderImage"`
}

// GitLabGolang makes the plugin that keeps a pipeline for Go.
func GitLabGolang(env plugins.Env, hosts *scm.Hosts, name, schema string) plugins.Kind {
	return New(env, gitlabGolang(hosts.GitLab, name, schema))
}

func gitlabGolang(open func(context.Context, string) (scm.Host, error), name, schema string) Preset[GitLabGo, ImageOutputs] {
	return Preset[GitLabGo, ImageOutputs]{
		Name: name, Schema: schema, Open: open, GitLab: true,
		Place:   GitLabGo.place,
		Outputs: Place.ImageOutputs,
		Render:  func(_ context.Context, o GitLabGo) (Document, error) { return o.render() },
	}
}

func (o GitLabGo) place() Place {
	at := o.GitLab.place()
	if o.Docker.Enable {
		at.Image = o.Docker.image(at.Path.Name)
		if o.Docker.Registry.Type != "gitlab" {
			at.Secrets[o.Docker.secret(o.file())] = o.Docker.token(at.Image)
		}
	}
	return at
}

// render makes the pipeline. $CI_… are variables that GitLab sets.
func (o GitLabGo) render() (Document, error) {
	if !o.Lint.Enable && !o.Build.Enable && !o.Test.Enable && !o.Docker.Enable {
		return Document{}, errNothing
	}
	if err := o.clash(); err != nil {
		return Document{}, err
	}
	onBranch := fields{{"if", `$CI_COMMIT_BRANCH == "` + o.Branch + `"`}}
	standard := fields{
		{"image", o.image()},
		{"interruptible", true},
	}
	if o.TimeoutMinutes > 0 {
		standard = append(standard, field{"timeout", fmt.Sprintf("%d minutes", o.TimeoutMinutes)})
	}
	if len(o.Tags) > 0 {
		standard = append(standard, field{"tags", o.Tags})
	}
	data := fields{
		{"workflow", fields{
			{"auto_cancel", fields{{"on_new_commit", "interruptible"}}},
			{"rules", []fields{
				{{"if", `$CI_PIPELINE_SOURCE == "merge_request_event" && $CI_MERGE_REQUEST_TARGET_BRANCH_NAME == "` + o.Branch + `"`}},
				append(slices.Clone(onBranch), field{"auto_cancel", fields{{"on_new_commit", "none"}}}),
			}},
		}},
		{"stages", []string{"build", "test", "image"}},
		{"variables", fields{{"GOPATH", "$CI_PROJECT_DIR/.cache/go"}, {"GOCACHE", "$CI_PROJECT_DIR/.cache/go-build"}}},
		{"default", standard},
	}
	for _, step := range []struct {
		name, stage string
		Step
	}{{"lint", "build", o.Lint}, {"build", "build", o.Build}} {
		if step.Enable {
			data = append(data, field{step.name, o.job(step.stage, step.Command)})
		}
	}
	if o.Test.Enable {
		data = append(data, field{"test", o.test()})
	}
	if o.Docker.Enable {
		data = append(data, field{"image", o.publish(onBranch)})
	}
	return Document{Data: data}, nil
}

// versions are those to build with; none is what GitLab's runner is to have by default.
func (o GitLabGo) versions() []string {
	switch {
	case len(o.Language.Versions) > 0:
		return o.Language.Versions
	case o.Language.Version != "":
		return []string{o.Language.Version}
	}
	return []string{"1"}
}

func (o GitLabGo) image() string {
	version := o.versions()[0]
	if len(o.versions()) > 1 {
		version = "$GO_VERSION"
	}
	return cmp.Or(o.Image, "golang") + ":" + version
}

// job is one with the Go toolchain, once for each version.
func (o GitLabGo) job(stage string, script ...string) fields {
	job := fields{{"stage", stage}, {"needs", []string{}}}
	if v := o.versions(); len(v) > 1 {
		job = append(job, field{"parallel", fields{{"matrix", []fields{{{"GO_VERSION", v}}}}}})
	}
	return append(job,
		field{"cache", fields{
			{"key", fields{{"files", []string{"go.sum"}}, {"prefix", strings.TrimPrefix(Through(o.file()), "dtm/")}}},
			{"paths", []string{".cache/go/pkg/mod/", ".cache/go-build/"}},
		}},
		field{"script", block(script)},
	)
}

func (o GitLabGo) test() fields {
	c := o.Test.Coverage
	if !c.Enable {
		return o.job("test", o.Test.Command)
	}
	job := o.job("test", extended(o.Test.Command, c.Profile+" -coverprofile="+c.Output), "go tool cover -func="+c.Output)
	return append(job,
		field{"coverage", `/total:\s+\(statements\)\s+(\d+\.\d+)%/`},
		field{"artifacts", fields{{"paths", []string{c.Output}}, {"expire_in", "14 days"}}},
	)
}
