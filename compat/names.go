package compat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// renamed is a tool of DevStream 0.8 to 0.12 on its way to the plugins that do its work here.
type renamed struct {
	*reader
	tool schema.SourceTool
	path string
	// rest are the options that nobody has asked for yet.
	rest schema.Value
	// out are the options of the new plugin.
	out schema.Value
}

// rename gives tools the plugins that do their work here, and turns what refers to them. Plugins that the configuration says
// the source of are left alone.
func (r *reader) rename(tools []schema.SourceTool, sources schema.Value) []schema.SourceTool {
	concerned := func(t schema.SourceTool) bool { return isRenamed(t.Plugin.Text) && !has(sources, t.Plugin.Text) }
	if !slices.ContainsFunc(tools, concerned) {
		return tools
	}
	names := map[schema.ID]schema.ID{}
	out := make([]schema.SourceTool, 0, len(tools))
	for _, t := range tools {
		if !concerned(t) {
			out = append(out, t)
			continue
		}
		old := schema.MakeID(t.Plugin.Text, t.Instance.Text)
		more := r.renameTool(t)
		for _, n := range more[:min(1, len(more))] {
			if id := schema.MakeID(n.Plugin.Text, n.Instance.Text); id != old {
				names[old] = id
			}
		}
		out = append(out, more...)
	}
	if len(names) == 0 {
		return out
	}
	turn := turner{names: names, seen: map[any]bool{}}
	for i := range out {
		t := &out[i]
		t.DependsOn = slices.Clone(t.DependsOn)
		for j := range t.DependsOn {
			t.DependsOn[j].Text = string(turn.id(schema.ID(t.DependsOn[j].Text)))
		}
		turn.value(&t.Options)
	}
	return r.withoutTwins(out)
}

// isRenamed tells whether the plugin is one that renameTool has something to do for.
func isRenamed(plugin string) bool {
	switch plugin {
	case "helm-installer", "argocd", "devlake", "hashicorp-vault", "helm-generic", "jenkins", "kube-prometheus", "openldap", "tekton",
		"repo-scaffolding", "github-actions", "gitlab-ci", "ci-generic", "trello", "jira", "argocdapp", "gitlab-ce-docker",
		"githubactions-golang", "githubactions-nodejs", "githubactions-python":
		return true
	}
	return instead(plugin) != ""
}

// renameTool gives the tools that do the work of one here, first the one whose outputs are those of the old one. A plugin that
// does not exist here, and a repository that nobody understands, give none, and a mistake; other mistakes leave the tools.
func (r *reader) renameTool(t schema.SourceTool) []schema.SourceTool {
	if !isRenamed(t.Plugin.Text) {
		return []schema.SourceTool{t}
	}
	n := &renamed{
		reader: r, tool: t, rest: copied(t.Options), out: schema.Value{Kind: schema.Map, Pos: t.Options.Pos},
		path: "tools." + string(schema.MakeID(t.Plugin.Text, t.Instance.Text)) + ".options",
	}
	if n.rest.Pos == (schema.Pos{}) {
		n.rest.Pos, n.out.Pos = t.Pos, t.Pos
	}
	// It was put in by DevStream itself.
	n.drop("instanceID")
	switch plugin := t.Plugin.Text; plugin {
	case "helm-installer":
		return n.installer()
	case "argocd", "devlake", "hashicorp-vault", "helm-generic", "jenkins", "kube-prometheus", "openldap", "tekton":
		return n.helm(plugin)
	case "repo-scaffolding":
		return n.scaffolding()
	case "github-actions":
		return n.githubActions()
	case "gitlab-ci":
		return n.gitlabCI()
	case "trello":
		if has(t.Options, "board") || has(t.Options, "scm") {
			return n.trello()
		}
	case "githubactions-golang", "githubactions-nodejs", "githubactions-python":
		return n.dockerRepo(plugin)
	case "jira":
		return n.jira()
	case "ci-generic":
		return n.ciGeneric()
	case "argocdapp":
		return n.argocdapp()
	case "gitlab-ce-docker":
		return n.gitlabDocker()
	default:
		return n.gone(instead(plugin))
	}
	return []schema.SourceTool{t}
}

// gone adds the mistake that the plugin does not exist here, with what to use instead.
func (n *renamed) gone(hint string) []schema.SourceTool {
	name := n.tool.Plugin
	n.errs.Add(name.Pos, "tools."+string(schema.MakeID(name.Text, n.tool.Instance.Text)), "there is no plugin "+name.Text+" here", hint)
	return nil
}

// instead says what to use for a plugin of DevStream that does not exist here; empty for other names.
func instead(plugin string) string {
	switch plugin {
	case "jenkins-pipeline":
		return "use githubactions-golang, -nodejs or -python, or gitlabci-golang or gitlabci-generic for the pipeline; jenkins installs Jenkins itself"
	case "harbor-docker":
		return "use helm-generic with the chart harbor/harbor of https://helm.goharbor.io"
	case "zentao":
		return "use helm-generic with a chart of your own"
	case "devlake-config":
		return "use devlake to install DevLake; its connections are made in its own pages"
	}
	return ""
}

// drop takes an option away, if it is there.
func (n *renamed) drop(name string) { n.rest, _, _ = taken(n.rest, name) }

// take gives an option, Null where there is none, which is then dealt with.
func (n *renamed) take(name string) schema.Value {
	rest, v, _ := taken(n.rest, name)
	n.rest = rest
	return v
}

// set gives the new plugin an option, unless nothing was written.
func (n *renamed) set(value schema.Value, path ...string) {
	if !isEmpty(value) {
		n.out = withAt(n.out, value, path...)
	}
}

func (n *renamed) setText(t schema.Text, path ...string) {
	n.set(stringAt(t.Text, t.Pos), path...)
}

// move gives options that have other names here, in a map of the old ones and the paths of the new ones. What is left is
// a mistake.
func (n *renamed) move(v schema.Value, path string, names map[string]string) {
	for _, f := range n.mapping(v, path) {
		to, ok := names[f.Name]
		switch {
		case !ok:
			n.lost(f, path)
		case to != "":
			n.set(f.Value, strings.Split(to, ".")...)
		}
	}
}

// lost adds a mistake for an option that nothing here does the work of.
func (n *renamed) lost(f schema.Field, path string) {
	n.missed(f, path, "this option of DevStream has no counterpart here", "remove it")
}

// missed adds a mistake for an option whose work nothing does here, unless nothing was written.
func (n *notes) missed(f schema.Field, path, msg, hint string) {
	if !isEmpty(f.Value) {
		n.errs.Add(f.Pos, join(path, f.Name), msg, hint)
	}
}

// as is the tool with another plugin. All options that nobody has asked for are mistakes.
func (n *renamed) as(plugin string) schema.SourceTool {
	for _, f := range n.rest.Fields {
		n.lost(f, n.path)
	}
	t := n.tool
	t.Plugin.Text, t.Options = plugin, n.out
	return t
}

// fixed are options of the new plugin with a text each, in pairs of name and text.
func (n *renamed) fixed(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		n.setText(schema.Text{Text: pairs[i+1], Pos: n.tool.Pos}, strings.Split(pairs[i], ".")...)
	}
}

// secret checks what DevStream had in clear: the plugins here have it from a variable of dtm's environment.
func (n *renamed) secret(t schema.Text, path, variable string) {
	switch env := environment(t.Text); env {
	case variable:
	case "":
		if t.Text != "" {
			n.errs.Add(t.Pos, path, "a secret in clear, which DevStream wrote into its state: the plugin here reads $"+variable,
				"write `[[ env "+variable+" ]]`, or remove it")
		}
	default:
		n.errs.Add(t.Pos, path, fmt.Sprintf("the plugin here reads $%s, not $%s", variable, env), "set "+variable+", and write `[[ env "+variable+" ]]`, or remove this")
	}
}

// variable is the environment variable that a secret comes from; empty where there is none, and after a mistake.
func (n *renamed) variable(v schema.Value, path string) schema.Text {
	t, _ := n.text(v, path)
	env := environment(t.Text)
	if t.Text != "" && env == "" {
		n.errs.Add(t.Pos, path, "a secret in clear, which DevStream wrote into its state", "write `[[ env NAME ]]`")
	}
	return schema.Text{Text: env, Pos: t.Pos}
}

// environment is the variable in a text that is one reference to the environment and nothing else; empty for other texts.
func environment(text string) string {
	parts, err := schema.SplitReferences(text)
	if err != nil || len(parts) != 1 || parts[0].Ref == nil {
		return ""
	}
	return parts[0].Ref.Env
}

// isEmpty tells whether nothing was written.
func isEmpty(v schema.Value) bool {
	switch v.Kind {
	case schema.Null:
		return true
	case schema.String:
		return v.Text == ""
	case schema.List:
		return len(v.Items) == 0
	case schema.Map:
		return len(v.Fields) == 0
	}
	return false
}

// withAt is a map with a value at a path, the maps on the way made where they are missing.
func withAt(v, value schema.Value, path ...string) schema.Value {
	if len(path) == 0 {
		return value
	}
	inner := get(v, path[0])
	inner.Pos = value.Pos
	if inner.Kind != schema.Map {
		inner = schema.Value{Kind: schema.Map, Pos: value.Pos}
	}
	return with(v, path[0], withAt(inner, value, path[1:]...))
}
