package compat

import (
	"slices"

	"github.com/devstream-io/dtm/schema"
)

// trello is the board, and the workflow that keeps it, which 0.12 had in one plugin.
func (n *renamed) trello() []schema.SourceTool {
	repo, ok := n.scm("scm")
	board := n.take("board")
	if !ok {
		return nil
	}
	path := n.path + ".board"
	for _, f := range n.mapping(board, path) {
		switch f.Name {
		case "name":
			n.set(f.Value, "kanbanBoardName")
		case "description":
			n.idle(f, path, "without effect: boards have no description here, dtm knows its boards by their IDs")
		case "apiKey", "apikey":
			t, _ := n.text(f.Value, path+"."+f.Name)
			n.secret(t, path+"."+f.Name, "TRELLO_API_KEY")
		case "token":
			t, _ := n.text(f.Value, path+".token")
			n.secret(t, path+".token", "TRELLO_TOKEN")
		default:
			n.lost(f, path)
		}
	}
	n.setText(repo.owner, "owner")
	n.setText(repo.org, "org")
	n.setText(repo.name, "repo")
	first := n.as("trello")
	n.out = schema.Value{Kind: schema.Map, Pos: n.out.Pos}
	n.setRepo(repo)
	for _, id := range []string{"boardId", "todoListId", "doingListId", "doneListId"} {
		ref := schema.Reference{Tool: schema.MakeID("trello", n.tool.Instance.Text), Key: []string{id}}
		n.fixed(id, ref.String())
	}
	second := n.as("trello-github-integ")
	second.DependsOn = slices.Clone(second.DependsOn)
	return []schema.SourceTool{first, second}
}

func (n *renamed) jira() []schema.SourceTool {
	repo, ok := n.scm("scm")
	jira := n.take("jira")
	if !ok {
		return nil
	}
	n.setRepo(repo)
	path := n.path + ".jira"
	rest, token, _ := taken(jira, "token")
	if from := n.variable(token, path+".token"); from.Text != "JIRA_API_TOKEN" {
		n.setText(from, "tokenEnv")
	}
	n.move(rest, path, map[string]string{
		"baseURL": "jiraBaseUrl", "baseUrl": "jiraBaseUrl", "userEmail": "jiraUserEmail", "projectKey": "jiraProjectKey",
	})
	return []schema.SourceTool{n.as("jira-github-integ")}
}

// argocdapp had a chart made where the repository has none, for which it took a token and an image. Charts are made by the
// plugins for repositories here.
func (n *renamed) argocdapp() []schema.SourceTool {
	source := get(n.rest, "source")
	if !has(n.rest, "imageRepo") && !has(source, "token") && !has(source, "repoBranch") {
		return []schema.SourceTool{n.tool}
	}
	for _, f := range n.rest.Fields {
		if f.Name == "imageRepo" && isWritten(f) {
			n.idle(f, n.path, "without effect: DevStream made a chart for this image where source.path had none; here the repository brings it")
		}
	}
	n.drop("imageRepo")
	n.take("source")
	for _, f := range source.Fields {
		if f.Name == "token" && n.variable(f.Value, n.path+".source.token").Text != "" && isWritten(f) {
			n.note(f.Value.Pos, n.path+".source.token", "without effect: Argo CD has the credentials for a private repository itself, in a secret of its own")
		}
	}
	source, _, _ = taken(source, "token")
	source, branch, _ := taken(source, "repoBranch")
	if !isEmpty(branch) && !has(source, "revision") {
		source = with(source, "revision", branch)
	}
	n.out = with(n.rest, "source", source)
	n.rest.Fields = nil
	return []schema.SourceTool{n.as("argocdapp")}
}

func (n *renamed) gitlabDocker() []schema.SourceTool {
	names := map[string]string{
		"gitlabHome": "gitlab_home", "sshPort": "ssh_port", "httpPort": "http_port", "httpsPort": "https_port",
		"rmDataAfterDelete": "rm_data_after_delete",
	}
	n.out = copied(n.rest)
	for i, f := range n.out.Fields {
		switch to := names[f.Name]; {
		case f.Name == "imageTag", f.Name == "image_tag":
			to = "image"
			if !has(n.rest, to) && !isEmpty(f.Value) {
				f.Name, f.Value = to, stringAt("gitlab/gitlab-ce:"+f.Value.Text, f.Value.Pos)
			}
		case to != "" && !has(n.rest, to):
			f.Name = to
		}
		// One that is written both ways is one too many, which the schema says of the old name.
		n.out.Fields[i] = f
	}
	n.rest.Fields = nil
	return []schema.SourceTool{n.as("gitlab-ce-docker")}
}
