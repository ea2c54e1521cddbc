package compat

import (
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
	turn := turner{seen: map[any]bool{}, turn: func(ref *schema.Reference) {
		if to, ok := names[ref.Tool]; ok {
			ref.Tool, ref.Key = to, outputKey(ref.Tool, ref.Key)
		}
	}}
	for i := range out {
		t := &out[i]
		t.DependsOn = slices.Clone(t.DependsOn)
		for j := range t.DependsOn {
			if to, ok := names[schema.ID(t.DependsOn[j].Text)]; ok {
				t.DependsOn[j].Text = string(to)
			}
		}
		turn.value(&t.Options)
	}
	return r.withoutTwins(out)
}

// outputKey is the name here of an output that a tool of DevStream had.
func outputKey(old schema.ID, key []string) []string {
	if old.Plugin() != "helm-installer" {
		return key
	}
	switch key[0] {
	case "jenkins_url", "jenkinsURL", "devlake_url", "devlakeURL":
		return []string{"url"}
	}
	return key
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
