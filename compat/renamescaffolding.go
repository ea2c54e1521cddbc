package compat

import (
	"cmp"
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

// isBuiltIn tells whether a template is the one for Go that is in dtm, as it is where none is named.
func (r repository) isBuiltIn() bool {
	owner := cmp.Or(r.org.Text, r.owner.Text, "devstream-io")
	switch r.name.Text {
	case "":
		return true
	case "dtm-scaffolding-golang", "dtm-repo-scaffolding-golang-gin":
		return owner == "devstream-io"
	}
	return false
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
	isBuiltIn := from.isBuiltIn()
	if isBuiltIn && from.name.Text != "" {
		n.note(from.pos, n.path+"."+source, "the template for Go is in dtm, nothing is taken from this repository")
	} else if !isBuiltIn {
		n.setText(schema.Text{Text: strings.TrimSuffix(from.cloneURL(), ".git") + ".git", Pos: from.pos}, "template")
		n.fixed("templateRef", "main")
		n.setText(from.branch, "templateRef")
	}
	for _, f := range n.mapping(vars, n.path+".vars") {
		switch {
		case f.Name == "imageRepo" || f.Name == "ImageRepo" || f.Name == "image_repo":
			n.set(f.Value, "image_repo")
		case isBuiltIn:
			n.idle(f, n.path+".vars", "without effect, as in DevStream: the template for Go has no such variable")
		default:
			// An empty one is there for the template, too.
			v := f.Value
			if v.Kind == schema.Null {
				v = stringAt("", v.Pos)
			}
			n.out = withAt(n.out, v, "vars", f.Name)
		}
	}
	return []schema.SourceTool{n.as(repo.kind.Text + "-repo-scaffolding-golang")}
}
