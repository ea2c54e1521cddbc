package compat

import (
	"cmp"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

func (n *renamed) githubActions() []schema.SourceTool {
	repo, ok := n.scm("scm")
	pipeline := n.take("pipeline")
	if !ok {
		return nil
	}
	n.setRepo(repo)
	language := get(pipeline, "language")
	plugin := map[string]string{
		"go": "githubactions-golang", "python": "githubactions-python", "nodejs": "githubactions-nodejs",
	}[languageName(language)]
	if plugin == "" {
		n.noLanguage(language)
		return nil
	}
	n.language(language)
	n.steps(pipeline, repo)
	n.itsOwnSteps(plugin, pipeline)
	n.location(pipeline, plugin)
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
	name := languageName(language)
	if name == "" {
		n.errs.Add(language.Pos, n.path+".pipeline.language.name", "is missing", "it is go, nodejs or python")
		return
	}
	if get(language, "name").From != nil {
		name = "this language"
	}
	n.errs.Add(cmp.Or(get(language, "name").Pos, language.Pos), n.path+".pipeline.language.name", "there is no plugin for "+name+" here",
		"go, nodejs and python have one for GitHub, go for GitLab; gitlabci-generic takes a template of your own (configLocation)")
}

func (n *renamed) gitlabCI() []schema.SourceTool {
	repo, ok := n.scm("scm")
	pipeline := n.take("pipeline")
	runner := n.take("runner")
	// An app's stands in its pipeline too.
	pipeline, _, _ = taken(pipeline, "runner")
	if !ok {
		return nil
	}
	if e := get(runner, "enable"); e.Kind == schema.Bool && e.Text == "true" {
		n.errs.Add(e.Pos, n.path+".runner.enable", "runners are not installed here by the plugin for pipelines", "use helm-generic with the chart gitlab/gitlab-runner")
	}
	n.setProject(repo)
	location := get(pipeline, "configLocation")
	if !isEmpty(location) && !isDevStreams(location.Text) {
		for _, f := range n.mapping(pipeline, n.path+".pipeline") {
			switch f.Name {
			case "configLocation":
			case "language":
				n.idle(f, n.path+".pipeline", "without effect: the pipeline is what its template says")
			default:
				n.missed(f, n.path+".pipeline", "a template of your own knows AppName here, and nothing of this", "write it into the template, and remove this")
			}
		}
		return n.template(location, schema.Value{}, repo)
	}
	language := get(pipeline, "language")
	if languageName(language) != "go" {
		n.noLanguage(language)
		return nil
	}
	n.language(language)
	n.steps(pipeline, repo)
	n.itsOwnSteps("gitlabci-golang", pipeline)
	n.location(pipeline, "gitlabci-golang")
	return []schema.SourceTool{n.as("gitlabci-golang")}
}

// template is a pipeline of GitLab that is made of a file: DevStream filled in what stands in `[[ ]]`.
func (n *renamed) template(location, vars schema.Value, repo repository) []schema.SourceTool {
	if t, ok := n.text(location, n.path+".configLocation"); ok && !strings.Contains(t.Text, "://") {
		location = stringAt(n.beside(t, n.path+".configLocation"), location.Pos)
	}
	n.set(location, "templateURL")
	n.fixed("delimiters", "[[ ]]")
	n.setText(schema.Text{Text: repo.name.Text, Pos: repo.pos}, "templateVariables", "AppName")
	for _, f := range n.mapping(vars, n.path+".ci.vars") {
		n.set(f.Value, "templateVariables", f.Name)
	}
	return []schema.SourceTool{n.as("gitlabci-generic")}
}

// ciGeneric is a file of one's own for a pipeline. What there is for GitLab here does the same.
func (n *renamed) ciGeneric() []schema.SourceTool {
	const hint = "use gitlabci-generic for a file of your own on GitLab, githubactions-golang, -nodejs or -python on GitHub, or keep the file in the repository yourself"
	name := "scm"
	if has(n.rest, "projectRepo") {
		name = "projectRepo"
	}
	ci := get(n.rest, "ci")
	location := get(ci, "configLocation")
	if text(ci, "type") != "gitlab" || isEmpty(location) {
		return n.gone(hint)
	}
	n.drop("ci")
	repo, ok := n.scm(name)
	if !ok {
		return nil
	}
	n.setProject(repo)
	for _, f := range ci.Fields {
		if f.Name != "type" && f.Name != "configLocation" && f.Name != "vars" {
			n.lost(f, n.path+".ci")
		}
	}
	return n.template(location, get(ci, "vars"), repo)
}
