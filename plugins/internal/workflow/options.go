package workflow

import (
	"cmp"
	"strings"

	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// Actions is #Actions of workflow.cue.
type Actions struct {
	Owner          string   `json:"owner"`
	Org            string   `json:"org"`
	Repo           string   `json:"repo"`
	Branch         string   `json:"branch"`
	BaseURL        string   `json:"baseURL"`
	Workflow       string   `json:"workflow"`
	ViaPullRequest bool     `json:"viaPullRequest"`
	Adopt          bool     `json:"adopt"`
	Language       Language `json:"language"`
	Runner         []string `json:"runner"`
	TimeoutMinutes int      `json:"timeoutMinutes"`
	Install        Step     `json:"install"`
	Lint           Step     `json:"lint"`
	Build          Step     `json:"build"`
	Test           Test     `json:"test"`
	Docker         Publish  `json:"docker"`
	// Secrets are the variables of dtm's environment, by the names that the commands know them by.
	Secrets map[string]string `json:"secrets"`
}

// Language is what the repository is written in.
type Language struct {
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Versions []string `json:"versions"`
}

// Step is #Step of workflow.cue.
type Step struct {
	Enable  bool   `json:"enable"`
	Command string `json:"command"`
}

// Test is a step that may tell what it reaches.
type Test struct {
	Enable   bool     `json:"enable"`
	Command  string   `json:"command"`
	Coverage Coverage `json:"coverage"`
}

// Coverage is #Coverage of workflow.cue.
type Coverage struct {
	Enable  bool   `json:"enable"`
	Profile string `json:"profile"`
	Output  string `json:"output"`
}

// Docker is #Docker of workflow.cue.
type Docker struct {
	Enable     bool     `json:"enable"`
	Registry   Registry `json:"registry"`
	Context    string   `json:"context"`
	Dockerfile string   `json:"dockerfile"`
}

// Publish is the image of a workflow of GitHub Actions.
type Publish struct {
	Docker
	Platforms []string `json:"platforms"`
	Tag       string   `json:"tag"`
}

// Registry is where an image goes.
type Registry struct {
	Type       string `json:"type"`
	URL        string `json:"url"`
	Username   string `json:"username"`
	Repository string `json:"repository"`
	TokenEnv   string `json:"tokenEnv"`
	Secret     string `json:"secret"`
}

// place is where the workflow goes. standard is the name of its file if the options have none, as old ones have.
func (o Actions) place(standard string) Place {
	file := cmp.Or(o.Workflow, standard)
	at := Place{
		BaseURL: o.BaseURL, Path: scm.Path{Owner: cmp.Or(o.Org, o.Owner), Name: o.Repo}, Branch: cmp.Or(o.Branch, "main"),
		Files: []string{".github/workflows/" + file}, Adopt: o.Adopt,
	}
	if o.ViaPullRequest {
		at.Through = Through(file)
	}
	at.Secrets = map[string]Secret{}
	for name, variable := range o.Secrets {
		at.Secrets[SecretName(file, name)] = Secret{variable, "set " + variable + " to what commands are to find in $" + name}
	}
	if o.Docker.Enable {
		at.Image = o.Docker.image(o.Repo)
		at.Secrets[o.Docker.secret(file)] = o.Docker.token(at.Image)
	}
	return at
}

// image is what is pushed, without a tag. Registries have lower case only, but for variables, which are of GitLab's.
func (d Docker) image(repo string) string {
	name := cmp.Or(d.Registry.Repository, repo)
	switch {
	case d.Registry.Type == "gitlab" && d.Registry.Repository == "":
		return "$CI_REGISTRY_IMAGE"
	case d.Registry.Type == "gitlab":
		return "$CI_REGISTRY_IMAGE/" + strings.ToLower(name)
	case d.Registry.Type == "harbor" || d.Registry.Type == "generic":
		name = strings.TrimRight(d.Registry.URL, "/") + "/" + name
	case strings.Contains(name, "/"):
		name = "docker.io/" + name
	default:
		name = "docker.io/" + d.Registry.Username + "/" + name
	}
	return strings.ToLower(name)
}

// host is what is logged in to, "" for Docker Hub.
func (r Registry) host() string {
	if r.Type != "harbor" && r.Type != "generic" {
		return ""
	}
	host, _, _ := strings.Cut(r.URL, "/")
	return host
}

// tokenEnv is the variable with the token; old options name none.
func (r Registry) tokenEnv() string { return cmp.Or(r.TokenEnv, "DOCKERHUB_TOKEN") }

// token is what the secret with the token is made of. image is what it is to push.
func (d Docker) token(image string) Secret {
	variable := d.Registry.tokenEnv()
	return Secret{variable, "set " + variable + " to a token, or password, of " + d.Registry.Username + " that may push " + image}
}

// secret is the name of the secret with the token.
func (d Docker) secret(file string) string {
	return cmp.Or(d.Registry.Secret, SecretName(file, d.Registry.tokenEnv()))
}
