package parts

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func (l *Lab) getUser(c *labCall) (labAnswer, error) {
	n := l.namespace(c.user)
	if n == nil {
		return labAnswer{}, labMissing("User")
	}
	return labAnswer{status: http.StatusOK, body: map[string]any{"id": n.id, "username": c.user, "name": c.user, "state": "active"}}, nil
}

func (l *Lab) getNamespace(c *labCall) (labAnswer, error) {
	path := c.PathValue("namespace")
	n := l.namespace(path)
	if i := slices.IndexFunc(l.namespaces, func(n *labNamespace) bool { return strconv.FormatInt(n.id, 10) == path }); i >= 0 {
		n = l.namespaces[i]
	}
	if n == nil || !l.owns(c.user, n) {
		return labAnswer{}, labMissing("Namespace")
	}
	return labAnswer{status: http.StatusOK, body: n.json()}, nil
}

// tick lets what is being deleted go on.
func (l *Lab) tick() {
	l.projects = slices.DeleteFunc(l.projects, func(p *labProject) bool {
		if p.removal == 0 {
			return false
		}
		p.removal--
		return p.removal == 0
	})
}

var projectPath = regexp.MustCompile(`^[a-zA-Z0-9_.][a-zA-Z0-9_.-]*$`)

func (l *Lab) createProject(c *labCall) (labAnswer, error) {
	name := c.text("path")
	if name == "" {
		name = c.text("name")
	}
	if !projectPath.MatchString(name) || strings.HasSuffix(name, ".git") || strings.HasSuffix(name, ".atom") {
		return labAnswer{}, labInvalid("path", "can contain only letters, digits, '_', '-' and '.'. Cannot start with '-', end in '.git' or end in '.atom'")
	}
	n := l.namespace(c.user)
	if id := c.number("namespace_id", 0); id != 0 {
		i := slices.IndexFunc(l.namespaces, func(n *labNamespace) bool { return n.id == int64(id) })
		if i < 0 || !l.owns(c.user, l.namespaces[i]) {
			return labAnswer{}, labInvalid("namespace", "is not valid")
		}
		n = l.namespaces[i]
	}
	for _, other := range l.projects {
		switch {
		case !strings.EqualFold(other.path(), n.path+"/"+name):
		case other.removal > 0:
			return labAnswer{}, labInvalid("base", "The project is still being deleted. Please try again later.")
		default:
			return labAnswer{}, &labError{http.StatusBadRequest, map[string][]string{
				"project_namespace.name": {"has already been taken"}, "name": {"has already been taken"}, "path": {"has already been taken"},
			}}
		}
	}
	if c.flag("initialize_with_readme", false) || c.text("default_branch") != "" {
		// The documentation: the default branch requires initialize_with_readme, and then the project is not empty.
		return labAnswer{}, labRefused(http.StatusBadRequest, "a project that is not empty is not made here")
	}
	visibility, err := labVisible(c.text("visibility"), "private")
	if err != nil {
		return labAnswer{}, err
	}
	id := l.number()
	repo, err := l.git.create(strconv.FormatInt(id, 10), "main")
	if err != nil {
		return labAnswer{}, err
	}
	p := &labProject{id: id, namespace: n, name: name, description: c.text("description"), visibility: visibility, repo: repo}
	delete(l.moved, p.path())
	l.projects = append(l.projects, p)
	return l.show(http.StatusCreated, p)
}

func labVisible(wanted, fallback string) (string, error) {
	switch wanted {
	case "":
		return fallback, nil
	case "private", "internal", "public":
		return wanted, nil
	}
	return "", labRefused(http.StatusBadRequest, "visibility does not have a valid value")
}

func (l *Lab) getProject(c *labCall) (labAnswer, error) { return l.show(http.StatusOK, c.project) }

func (l *Lab) editProject(c *labCall) (labAnswer, error) {
	p := c.project
	if len(c.params) == 0 {
		return labAnswer{}, labRefused(http.StatusBadRequest, "at least one parameter must be provided")
	}
	if branch := c.text("default_branch"); branch != "" {
		if p.repo.head(branch) == "" {
			return labAnswer{}, labInvalid("base", "Could not change HEAD: branch '"+branch+"' does not exist")
		}
		if err := p.repo.point(branch); err != nil {
			return labAnswer{}, err
		}
	}
	visibility, err := labVisible(c.text("visibility"), p.visibility)
	if err != nil {
		return labAnswer{}, err
	}
	p.visibility = visibility
	if description, ok := c.params["description"].(string); ok {
		p.description = description
	}
	return l.show(http.StatusOK, p)
}

func (l *Lab) archiveProject(archived bool) func(*labCall) (labAnswer, error) {
	return func(c *labCall) (labAnswer, error) {
		c.project.archived = archived
		return l.show(http.StatusCreated, c.project)
	}
}

// deleteProject only begins to. https://docs.gitlab.com/user/project/working_with_projects/#delete-a-project
func (l *Lab) deleteProject(c *labCall) (labAnswer, error) {
	p := c.project
	accepted := labAnswer{status: http.StatusAccepted, body: map[string]string{"message": "202 Accepted"}}
	if l.keeps && !p.marked {
		l.moved[p.path()] = p.id
		p.marked, p.archived, p.name = true, true, p.name+"-deletion_scheduled-"+strconv.FormatInt(p.id, 10)
		return accepted, nil
	}
	if l.keeps && (!c.flag("permanently_remove", false) || c.text("full_path") != p.path()) {
		return labAnswer{}, labRefused(http.StatusBadRequest, "Project has been already marked for deletion")
	}
	p.removal = l.removal + 1 // the next request counts before it is answered
	return accepted, p.repo.remove()
}

func (l *Lab) show(status int, p *labProject) (labAnswer, error) {
	branch, heads, err := p.defaultBranch()
	if err != nil {
		return labAnswer{}, err
	}
	web := l.URL + "/" + p.path()
	var marked any
	if p.marked {
		marked = "2026-01-31"
	}
	return labAnswer{status: status, body: map[string]any{
		"id": p.id, "name": p.name, "path": p.name, "path_with_namespace": p.path(), "description": p.description,
		"visibility": p.visibility, "archived": p.archived, "empty_repo": len(heads) == 0, "default_branch": branch,
		"namespace": p.namespace.json(), "web_url": web, "http_url_to_repo": web + ".git",
		"ssh_url_to_repo": "git@" + strings.TrimPrefix(l.URL, "http://") + ":" + p.path() + ".git",
		"created_at":      "2026-01-01T12:00:00.000Z", "marked_for_deletion_on": marked, "marked_for_deletion_at": marked,
		"merge_requests_access_level": "enabled", "repository_access_level": "enabled",
	}}, nil
}

// defaultBranch is what HEAD names if there is such a branch, or else the only one, or one of the usual names. heads are the
// branches that there are.
func (p *labProject) defaultBranch() (name string, heads map[string]string, err error) {
	head, err := os.ReadFile(filepath.Join(p.repo.dir, "HEAD"))
	if err != nil {
		return "", nil, err
	}
	name = strings.TrimPrefix(strings.TrimSpace(string(head)), "ref: refs/heads/")
	heads, err = p.repo.branches()
	switch {
	case err != nil || heads[name] != "" || len(heads) == 0:
		return name, heads, err
	case heads["master"] != "":
		return "master", heads, nil
	}
	return slices.Sorted(maps.Keys(heads))[0], heads, nil
}
