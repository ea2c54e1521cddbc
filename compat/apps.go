package compat

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// appReader makes tools of apps: those of the pipelines first, then that of the repository.
type appReader struct {
	*reader
	vars      *variables
	templates map[string]*pipelineTemplate
	// before are the tools that every tool of an app waits for.
	before []schema.Text
	tools  []schema.SourceTool
}

// app is one element of `apps`.
type app struct {
	path                 string
	pos                  schema.Pos
	name                 schema.Text
	spec, repo, template schema.Value
	ci, cd               []schema.Value
	// image is the imageRepo of the last pipeline that had one: what is deployed.
	image schema.Value
	// needs are what the tools of the pipelines wait for.
	needs []schema.Text
}

func (r *appReader) read(v schema.Value) {
	a := app{path: "apps", pos: v.Pos}
	if v.Kind != schema.Map {
		r.errs.Add(v.Pos, a.path, "must be a map, not a "+kindName(v.Kind), "write `- name: …`")
		return
	}
	before := len(r.errs)
	for _, f := range v.Fields {
		switch f.Name {
		case "name":
			a.name, _ = r.text(f.Value, "apps.name")
			a.path = "apps." + a.name.Text
		case "spec":
			r.mapping(f.Value, a.path+".spec")
			a.spec = f.Value
		case "repo":
			r.mapping(f.Value, a.path+".repo")
			a.repo = f.Value
		case "repoTemplate":
			r.mapping(f.Value, a.path+".repoTemplate")
			a.template = f.Value
		case "ci":
			a.ci = r.pipelines(f.Value, a.path+".ci")
		case "cd":
			a.cd = r.pipelines(f.Value, a.path+".cd")
		default:
			r.unknown(f, a.path, "name", "spec", "repo", "repoTemplate", "ci", "cd")
		}
	}
	for _, required := range []struct {
		in   schema.Value
		path string
		name string
	}{{v, a.path, "name"}, {v, a.path, "spec"}, {v, a.path, "repo"}, {a.spec, a.path + ".spec", "language"}, {a.spec, a.path + ".spec", "framework"}} {
		if in := required.in; in.Kind == schema.Map && !has(in, required.name) {
			r.errs.Add(in.Pos, required.path, "`"+required.name+"` is missing", "")
		}
	}
	if len(r.errs) == before {
		r.expand(&a)
	}
}

func (r *appReader) pipelines(v schema.Value, path string) []schema.Value {
	if v.Kind != schema.List && v.Kind != schema.Null {
		r.errs.Add(v.Pos, path, "must be a list, not a "+kindName(v.Kind), "write `- type: …`")
	}
	return v.Items
}

// expand makes the tools of an app, all with the app's name as instance.
func (r *appReader) expand(a *app) {
	repo, ok := r.readRepo(a.repo, a.path+".repo")
	if !ok {
		return
	}
	scm := copied(a.repo)
	if text(scm, "name") == "" {
		// DevStream took the app's name even where the URL names another repository.
		scm = with(scm, "name", stringAt(cmp.Or(repo.name.Text, a.name.Text), a.repo.Pos))
	}
	if repo.name.Text == "" {
		repo.name = a.name
	}
	hasTemplate := a.template.Kind == schema.Map && len(a.template.Fields) > 0
	if hasTemplate {
		a.needs = append(a.needs, schema.Text{Text: "repo-scaffolding." + a.name.Text, Pos: a.template.Pos})
	}
	const need = 64
	if !r.count(a.pos, a.path, need*len(r.before)) {
		return
	}
	a.needs = append(a.needs, r.before...)
	for i, v := range a.ci {
		r.pipeline(a, v, fmt.Sprintf("%s.ci[%d]", a.path, i), scm, repo)
	}
	for i, v := range a.cd {
		r.pipeline(a, v, fmt.Sprintf("%s.cd[%d]", a.path, i), scm, repo)
	}
	if !hasTemplate {
		return
	}
	// DevStream dropped these variables.
	source, vars, _ := taken(a.template, "vars")
	if vars.Kind != schema.Map {
		vars = schema.Value{Kind: schema.Map, Pos: a.template.Pos}
	}
	options := schema.Value{Kind: schema.Map, Pos: a.template.Pos}
	options = with(options, "destinationRepo", scm)
	options = with(options, "sourceRepo", source)
	options = with(options, "vars", vars)
	r.tools = append(r.tools, schema.SourceTool{
		Pos: a.pos, Plugin: schema.Text{Text: "repo-scaffolding", Pos: a.template.Pos}, Instance: a.name,
		DependsOn: r.before, Options: options,
	})
}

// pipeline makes the tool of one element of `ci` or `cd`.
func (r *appReader) pipeline(a *app, v schema.Value, path string, scm schema.Value, repo repository) {
	p, ok := r.element(a, v, path)
	if !ok {
		return
	}
	if image := get(p.options, "imageRepo"); image.Kind == schema.Map {
		a.image = image
	}
	tool := schema.SourceTool{Pos: v.Pos, Plugin: p.kind, Instance: a.name, DependsOn: a.needs}
	if p.kind.Text == "argocdapp" {
		tool.Options = deployment(a, p.options, repo)
		r.noteChart(a, v, path, p.options)
	} else {
		tool.Options = build(a, p, scm)
	}
	r.tools = append(r.tools, tool)
}

// configLocation is where the pipelines of DevStream come from, unless a pipeline says something else.
const configLocation = "https://raw.githubusercontent.com/devstream-io/dtm-pipeline-templates/main/"

// isDevStreams tells whether a pipeline comes from DevStream, which the plugins here write themselves.
func isDevStreams(location string) bool {
	return strings.HasPrefix(location, "https://raw.githubusercontent.com/devstream-io/") ||
		strings.Contains(location, "github.com/devstream-io/") || strings.HasPrefix(location, "git@github.com:devstream-io/")
}

// noteChart tells of a deployment whose chart nothing here makes: the template for Go that is in dtm has one.
func (r *appReader) noteChart(a *app, v schema.Value, path string, options schema.Value) {
	if a.template.Kind != schema.Map {
		return
	}
	where := "helm/" + a.name.Text
	if has(get(options, "source"), "path") {
		where = "source.path"
	}
	// Its mistakes are told when the repository itself is read.
	var quiet notes
	if from, ok := quiet.readRepo(a.template, path); ok && !from.isBuiltIn() {
		r.note(v.Pos, path, "the template of the repository must bring a chart below "+where+": DevStream made one there where it was missing")
	}
}

// build are the options of a pipeline that builds the app.
func build(a *app, p pipeline, scm schema.Value) schema.Value {
	options := with(schema.Value{Kind: schema.Map, Pos: p.options.Pos}, "scm", scm)
	for plugin, top := range map[string]string{"jenkins-pipeline": "jenkins", "gitlab-ci": "runner"} {
		if p.kind.Text == plugin && has(p.options, top) {
			options = with(options, top, get(p.options, top))
		}
	}
	body := copied(p.options)
	if !has(body, "language") {
		language := with(schema.Value{Kind: schema.Map, Pos: a.spec.Pos}, "name", get(a.spec, "language"))
		body = with(body, "language", with(language, "framework", get(a.spec, "framework")))
	}
	if !has(body, "configLocation") {
		file := map[string]string{
			"github-actions": "github-actions/workflows/main.yml", "gitlab-ci": "gitlab-ci/.gitlab-ci.yml",
			"jenkins-pipeline": "jenkins-pipeline/general/Jenkinsfile",
		}[p.kind.Text]
		body = with(body, "configLocation", stringAt(configLocation+file, p.options.Pos))
	}
	return with(options, "pipeline", body)
}

// deployment are the options of the argocdapp of an app.
func deployment(a *app, given schema.Value, repo repository) schema.Value {
	at := given.Pos
	word := func(s string) schema.Value { return stringAt(s, at) }
	fields := func(pairs ...string) schema.Value {
		v := schema.Value{Kind: schema.Map, Pos: at}
		for i := 0; i < len(pairs); i += 2 {
			v = with(v, pairs[i], word(pairs[i+1]))
		}
		return v
	}
	options := copied(given)
	if !has(options, "app") {
		options = with(options, "app", fields("name", a.name.Text, "namespace", "argocd"))
	}
	if !has(options, "destination") {
		options = with(options, "destination", fields("server", "https://kubernetes.default.svc", "namespace", "default"))
	}
	source := get(options, "source")
	if source.Kind != schema.Map {
		source = fields("valuefile", "values.yaml", "path", "helm/"+a.name.Text)
	}
	if text(source, "repoURL") == "" {
		from := at
		if repo.link.Text != "" {
			from = repo.link.Pos
		}
		source = with(source, "repoURL", stringAt(repo.cloneURL(), from))
		source = with(source, "repoBranch", word(repo.branch.Text))
		source = with(source, "token", word(repo.token.Text))
	}
	options = with(options, "source", source)
	if a.image.Kind == schema.Map && !has(options, "imageRepo") {
		options = with(options, "imageRepo", a.image)
	}
	return options
}
