package compat

import (
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// hostToken is the variable that the plugins for a code host read.
func (r repository) hostToken() string {
	if r.kind.Text == "gitlab" {
		return "GITLAB_TOKEN"
	}
	return "GITHUB_TOKEN"
}

// scm reads the option that names the repository.
func (n *renamed) scm(name string) (repository, bool) {
	path := n.path + "." + name
	repo, ok := n.readRepo(n.take(name), path)
	if !ok {
		return repo, false
	}
	n.secret(repo.token, path+".token", repo.hostToken())
	return repo, true
}

// setRepo says where the repository is, in owner, org and repo.
func (n *renamed) setRepo(repo repository) {
	n.setText(repo.owner, "owner")
	n.setText(repo.org, "org")
	n.setText(repo.name, "repo")
	n.setText(repo.branch, "branch")
	n.setText(repo.baseURL, "baseURL")
}

// setProject says where the project of GitLab is. Its branch was master in DevStream.
func (n *renamed) setProject(repo repository) {
	n.setText(schema.Text{Text: repo.path(), Pos: repo.pos}, "pathWithNamespace")
	n.fixed("branch", "master")
	n.setText(repo.branch, "branch")
	n.setText(repo.baseURL, "baseURL")
}

func (n *renamed) scaffolding() []schema.SourceTool {
	destination, source := "destinationRepo", "sourceRepo"
	if has(n.rest, "destination_repo") {
		// The spelling of 0.8 and 0.9.
		destination, source = "destination_repo", "source_repo"
	}
	repo, ok := n.scm(destination)
	from, fine := n.readRepo(n.take(source), n.path+"."+source)
	vars := n.take("vars")
	if !ok || !fine {
		return nil
	}
	n.secret(from.token, n.path+"."+source+".token", from.hostToken())
	n.setRepo(repo)
	n.setText(repo.visibility, "visibility")
	if repo.kind.Text == "gitlab" && repo.branch.Text == "" {
		n.fixed("branch", "master")
	}
	// The template for Go is in the plugin.
	if name := from.name.Text; name != "" && name != "dtm-scaffolding-golang" && name != "dtm-repo-scaffolding-golang-gin" {
		n.setText(schema.Text{Text: strings.TrimSuffix(from.cloneURL(), ".git") + ".git", Pos: from.pos}, "template")
		n.fixed("templateRef", "main")
		n.setText(from.branch, "templateRef")
	}
	for _, f := range n.mapping(vars, n.path+".vars") {
		if f.Name == "imageRepo" || f.Name == "ImageRepo" || f.Name == "image_repo" {
			n.set(f.Value, "image_repo")
			continue
		}
		n.lost(f, n.path+".vars")
	}
	return []schema.SourceTool{n.as(repo.kind.Text + "-repo-scaffolding-golang")}
}

func (n *renamed) githubActions() []schema.SourceTool {
	repo, ok := n.scm("scm")
	pipeline := n.take("pipeline")
	if !ok {
		return nil
	}
	n.setRepo(repo)
	language := get(pipeline, "language")
	plugin := map[string]string{
		"go": "githubactions-golang", "golang": "githubactions-golang", "python": "githubactions-python",
		"node": "githubactions-nodejs", "nodejs": "githubactions-nodejs", "javascript": "githubactions-nodejs",
	}[strings.ToLower(text(language, "name"))]
	if plugin == "" {
		n.noLanguage(language)
		return nil
	}
	n.set(get(language, "version"), "language", "version")
	n.steps(pipeline)
	if l := get(pipeline, "configLocation"); !isEmpty(l) && !strings.HasPrefix(l.Text, configLocation) {
		n.errs.Add(l.Pos, n.path+".pipeline.configLocation", "the workflow is written by "+plugin+" here, not taken from elsewhere",
			"remove it, or keep the file in the repository yourself")
	}
	return []schema.SourceTool{n.as(plugin)}
}

// dockerRepo gives a pipeline of 0.3 its registry: it had the name of the image alone, and the user from the environment.
func (n *renamed) dockerRepo(plugin string) []schema.SourceTool {
	docker := get(n.rest, "docker")
	docker, repo, ok := taken(docker, "repo")
	if !ok || has(docker, "registry") {
		return []schema.SourceTool{n.tool}
	}
	registry := with(schema.Value{Kind: schema.Map, Pos: repo.Pos}, "repository", repo)
	if e := get(docker, "enable"); e.Kind == schema.Bool && e.Text == "true" {
		registry = with(registry, "username", stringAt(schema.Reference{Env: "DOCKERHUB_USERNAME"}.String(), repo.Pos))
	}
	n.out = with(n.rest, "docker", with(docker, "registry", registry))
	n.rest.Fields = nil
	return []schema.SourceTool{n.as(plugin)}
}

func (n *renamed) noLanguage(language schema.Value) {
	name := text(language, "name")
	if name == "" {
		n.errs.Add(language.Pos, n.path+".pipeline.language.name", "is missing", "it is go, nodejs or python")
		return
	}
	n.errs.Add(get(language, "name").Pos, n.path+".pipeline.language.name", "there is no plugin for "+name+" here",
		"go, nodejs and python have one for GitHub, go for GitLab; gitlabci-generic takes a template of your own (configLocation)")
}

func (n *renamed) gitlabCI() []schema.SourceTool {
	repo, ok := n.scm("scm")
	pipeline := n.take("pipeline")
	runner := n.take("runner")
	if !ok {
		return nil
	}
	if e := get(runner, "enable"); e.Kind == schema.Bool && e.Text == "true" {
		n.errs.Add(e.Pos, n.path+".runner.enable", "runners are not installed here by the plugin for pipelines", "use helm-generic with the chart gitlab/gitlab-runner")
	}
	n.setProject(repo)
	location := get(pipeline, "configLocation")
	if !isEmpty(location) && !strings.HasPrefix(location.Text, configLocation) {
		n.set(location, "templateURL")
		n.fixed("delimiters", "[[ ]]")
		for _, f := range pipeline.Fields {
			if f.Name != "configLocation" && f.Name != "language" {
				n.lost(f, n.path+".pipeline")
			}
		}
		return []schema.SourceTool{n.as("gitlabci-generic")}
	}
	language := get(pipeline, "language")
	if name := strings.ToLower(text(language, "name")); name != "go" && name != "golang" {
		n.noLanguage(language)
		return nil
	}
	n.set(get(language, "version"), "language", "version")
	n.steps(pipeline)
	return []schema.SourceTool{n.as("gitlabci-golang")}
}

// steps reads what a pipeline does besides its language.
func (n *renamed) steps(pipeline schema.Value) {
	path := n.path + ".pipeline"
	for _, f := range n.mapping(pipeline, path) {
		switch f.Name {
		case "configLocation", "language":
		case "test":
			n.test(f.Value, path+".test")
		case "imageRepo":
			n.image(f.Value, path+".imageRepo")
		default:
			n.lost(f, path)
		}
	}
}

func (n *renamed) test(v schema.Value, path string) {
	for _, f := range n.mapping(v, path) {
		switch {
		case f.Name == "enable":
			n.set(f.Value, "test", "enable")
		case f.Name == "command" && f.Value.Kind == schema.List:
			lines := make([]string, len(f.Value.Items))
			for i, item := range f.Value.Items {
				lines[i] = item.Text
			}
			n.set(stringAt(strings.Join(lines, "\n"), f.Value.Pos), "test", "command")
		case f.Name == "command":
			n.set(f.Value, "test", "command")
		default:
			n.lost(f, path)
		}
	}
}

// image reads where the image goes. It was on Docker Hub where no URL was written.
func (n *renamed) image(v schema.Value, path string) {
	if isEmpty(v) {
		return
	}
	n.set(schema.Value{Kind: schema.Bool, Text: "true", Pos: v.Pos}, "docker", "enable")
	n.fixed("docker.registry.type", "dockerhub")
	for _, f := range n.mapping(v, path) {
		switch f.Name {
		case "url":
			host := f.Value.Text
			if _, after, ok := strings.Cut(host, "://"); ok {
				host = after
			}
			if host = strings.TrimSuffix(host, "/"); host != "" && host != "docker.io" {
				n.fixed("docker.registry.type", "generic")
				n.set(stringAt(host, f.Value.Pos), "docker", "registry", "url")
			}
		case "user", "owner":
			n.set(f.Value, "docker", "registry", "username")
		case "password":
			n.setText(n.variable(f.Value, path+".password"), "docker", "registry", "tokenEnv")
		default:
			n.lost(f, path)
		}
	}
}
