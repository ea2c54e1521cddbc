package compat

import (
	"cmp"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// languageName is the language that DevStream took: where none is written, that of the framework.
func languageName(language schema.Value) string {
	name := strings.ToLower(strings.TrimSpace(text(language, "name")))
	if name == "" {
		framework := strings.ToLower(strings.TrimSpace(cmp.Or(text(language, "framework"), text(language, "frameWork"))))
		name = map[string]string{
			"gin": "go", "django": "python", "flask": "python", "spring": "java", "springboot": "java", "spring-boot": "java",
		}[framework]
	}
	switch name {
	case "golang":
		return "go"
	case "node", "javascript":
		return "nodejs"
	}
	return name
}

// language reads the version. The framework chose the commands in DevStream, and those of a language are all the same.
func (n *renamed) language(language schema.Value) {
	path := n.path + ".pipeline.language"
	for _, f := range n.mapping(language, path) {
		switch f.Name {
		case "name":
		case "version":
			n.set(f.Value, "language", "version")
		case "framework", "frameWork":
			// An app must have one in its spec.
			if isWritten(f) {
				n.idle(f, path, "without effect: the commands are those of the language; `test` has others")
			}
		default:
			n.lost(f, path)
		}
	}
}

// itsOwnSteps gives a pipeline the commands that DevStream's had where they are not the plugin's own. One that has commands of
// its own did them and nothing before.
func (n *renamed) itsOwnSteps(plugin string, pipeline schema.Value) {
	at := n.tool.Pos
	off := func(step string) {
		n.set(schema.Value{Kind: schema.Bool, Text: "false", Pos: at}, step, "enable")
	}
	switch given := !isEmpty(get(get(pipeline, "test"), "command")); {
	case given && plugin != "gitlabci-golang":
		if plugin != "githubactions-golang" {
			off("install")
		}
		off("build")
	case given:
		off("build")
	case plugin == "githubactions-python":
		n.fixed("install.command", "python -m pip install --upgrade pip\npip install -r requirements.txt")
		if !has(get(n.out, "test"), "command") {
			n.fixed("test.command", "python3 -m unittest")
		}
	}
}

// location tells that a pipeline is written here, and not taken from where DevStream kept its own.
func (n *renamed) location(pipeline schema.Value, plugin string) {
	path := n.path + ".pipeline.configLocation"
	i := slices.IndexFunc(pipeline.Fields, func(f schema.Field) bool { return f.Name == "configLocation" && !isEmpty(f.Value) })
	if i < 0 {
		return
	}
	switch l := pipeline.Fields[i]; {
	case !isDevStreams(l.Value.Text):
		n.errs.Add(l.Value.Pos, path, "the pipeline is written by "+plugin+" here, not taken from elsewhere",
			"remove it, or remove the tool and keep the file in the repository yourself")
	case isWritten(l):
		n.note(l.Value.Pos, path, "without effect: the pipeline is written by "+plugin+" here")
	}
}

// steps reads what a pipeline does besides its language.
func (n *renamed) steps(pipeline schema.Value, repo repository) {
	path := n.path + ".pipeline"
	for _, f := range n.mapping(pipeline, path) {
		switch f.Name {
		case "configLocation", "language":
		case "test":
			n.test(f.Value, path+".test", languageName(get(pipeline, "language")))
		case "imageRepo":
			n.image(f.Value, path+".imageRepo", repo)
		case "dingTalk":
			n.missed(f, path, "nothing here tells DingTalk of a pipeline", "remove it; a workflow of your own in the repository can do it")
		case "sonarqube":
			n.missed(f, path, "nothing here scans for SonarQube", "remove it, and run the scanner as a line of `test.command`")
		default:
			n.lost(f, path)
		}
	}
}

func (n *renamed) test(v schema.Value, path, language string) {
	var lines []string
	var at schema.Pos
	// What comes of a run of the tests comes after it.
	for _, name := range []string{"command", "coverageCommand", "CoverageStatusCommand", "coverageStatusCommand"} {
		found := get(v, name)
		items := found.Items
		if found.Kind != schema.List {
			items = []schema.Value{found}
		}
		for _, item := range items {
			if line, ok := n.text(item, path+"."+name); ok && line.Text != "" {
				lines, at = append(lines, line.Text), cmp.Or(at, found.Pos)
			}
		}
	}
	for _, f := range n.mapping(v, path) {
		switch f.Name {
		case "enable":
			n.set(f.Value, "test", "enable")
		case "command", "coverageCommand", "CoverageStatusCommand", "coverageStatusCommand":
		case "containerName":
			n.idle(f, path, "without effect: the tests run with the version of the language (`language.version`)")
		default:
			n.lost(f, path)
		}
	}
	if len(lines) > 0 && isEmpty(get(v, "command")) {
		lines = slices.Insert(lines, 0, map[string]string{"go": "go test ./...", "python": "python3 -m unittest", "nodejs": "npm test"}[language])
	}
	if len(lines) > 0 {
		n.set(stringAt(strings.Join(lines, "\n"), at), "test", "command")
	}
}

// image reads where the image goes. It was on Docker Hub where no URL was written, and USER/NAME below the URL otherwise.
func (n *renamed) image(v schema.Value, path string, repo repository) {
	if isEmpty(v) {
		return
	}
	n.set(schema.Value{Kind: schema.Bool, Text: "true", Pos: v.Pos}, "docker", "enable")
	n.fixed("docker.registry.type", "dockerhub")
	user, elsewhere := schema.Text{}, false
	for _, f := range n.mapping(v, path) {
		switch f.Name {
		case "url":
			t, _ := n.text(f.Value, path+".url")
			host := t.Text
			if _, after, ok := strings.Cut(host, "://"); ok {
				host = after
			}
			if host = strings.TrimSuffix(host, "/"); host != "" && host != "docker.io" && !strings.HasPrefix(host, "index.docker.io") {
				n.fixed("docker.registry.type", "generic")
				n.set(stringAt(host, f.Value.Pos), "docker", "registry", "url")
				elsewhere = true
			}
		case "user", "owner":
			user, _ = n.text(f.Value, path+"."+f.Name)
			n.setText(user, "docker", "registry", "username")
		case "password":
			n.setText(n.variable(f.Value, path+".password"), "docker", "registry", "tokenEnv")
		default:
			n.lost(f, path)
		}
	}
	if elsewhere && user.Text != "" {
		n.fixed("docker.registry.repository", user.Text+"/"+repo.name.Text)
	}
}
