package parts

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// api is an address in the interface, web one for browsers and git.
func (h *Hub) api(path string) string { return strings.TrimSuffix(h.URL, "/") + path }
func (h *Hub) web(path string) string { return strings.TrimSuffix(h.GitURL, "/") + path }

func at(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// repoURLs are the addresses that a repository lists, and what comes after its own.
var repoURLs = map[string]string{
	"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
	"branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}", "comments_url": "/comments{/number}",
	"commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}", "contents_url": "/contents/{+path}",
	"contributors_url": "/contributors", "deployments_url": "/deployments", "downloads_url": "/downloads", "events_url": "/events",
	"forks_url": "/forks", "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}",
	"hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
	"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}", "languages_url": "/languages",
	"merges_url": "/merges", "milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
	"pulls_url": "/pulls{/number}", "releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}",
	"subscribers_url": "/subscribers", "subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams",
	"trees_url": "/git/trees{/sha}", "url": "",
}

func (h *Hub) repository(r *hubRepo, token *hubToken) map[string]any {
	visibility := "public"
	if r.private {
		visibility = "private"
	}
	host := strings.TrimSuffix(strings.TrimPrefix(h.GitURL, "http://"), "/")
	out := map[string]any{
		"id": r.id, "node_id": "R_" + strconv.FormatInt(r.id, 36), "name": r.name, "full_name": r.fullName(), "owner": h.simple(r.owner),
		"private": r.private, "visibility": visibility, "description": orNil(r.description), "homepage": orNil(r.homepage), "fork": false,
		"html_url": h.web("/" + r.fullName()), "clone_url": h.web("/" + r.fullName() + ".git"), "svn_url": h.web("/" + r.fullName()),
		"git_url": "git://" + host + "/" + r.fullName() + ".git", "ssh_url": "git@" + strings.Split(host, ":")[0] + ":" + r.fullName() + ".git",
		"mirror_url": nil, "default_branch": r.branch, "archived": r.archived, "disabled": false, "has_pages": false, "has_downloads": true,
		"language": nil, "license": nil, "forks": 0, "forks_count": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0,
		"open_issues": 0, "open_issues_count": 0, "network_count": 0, "subscribers_count": 0, "size": 0, "topics": []string{},
		"created_at": at(r.created), "updated_at": at(r.updated), "pushed_at": at(r.pushed),
	}
	for name, on := range r.switches {
		out[name] = on
	}
	for name, rest := range repoURLs {
		out[name] = h.api("/repos/" + r.fullName() + rest)
	}
	if r.owner.org {
		out["organization"] = h.simple(r.owner)
	}
	is := h.role(token, r)
	out["permissions"] = map[string]bool{"admin": is >= keeper, "maintain": is >= keeper, "push": is >= writer, "triage": is >= writer, "pull": is >= reader}
	return out
}

func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (c *hubCall) getRepo() (hubAnswer, error) {
	return hubAnswer{http.StatusOK, c.hub.repository(c.repo, c.token)}, nil
}

// notInNames is what GitHub puts a dash in place of.
var notInNames = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

func (c *hubCall) createRepo() (hubAnswer, error) {
	var wish struct {
		Name, Description, Homepage, Visibility string
		Private                                 bool
		AutoInit                                bool `json:"auto_init"`
	}
	if err := c.read(&wish); err != nil {
		return hubAnswer{}, err
	}
	owner := c.token.user
	if org, ok := c.params["org"]; ok {
		if owner = c.hub.accounts[strings.ToLower(org)]; owner == nil || !owner.org {
			return hubAnswer{}, errNotFound
		}
		if owner.members[strings.ToLower(c.token.user.login)] == "" {
			return hubAnswer{}, refuse(http.StatusForbidden, "You need admin access to the organization before adding a repository to it.")
		}
		// A user's own repositories have no visibility in the description, only whether they are private.
		switch wish.Visibility {
		case "private":
			wish.Private = true
		case "public":
			wish.Private = false
		case "internal":
			return hubAnswer{}, invalid("Repository", "visibility", "custom", "Only organizations associated with an enterprise can set visibility to internal")
		}
	}
	if !c.token.may("repo") && (wish.Private || !c.token.may("public_repo")) {
		return hubAnswer{}, errNotFound
	}
	name := notInNames.ReplaceAllString(wish.Name, "-")
	if c.hub.repos[strings.ToLower(owner.login+"/"+name)] != nil {
		return hubAnswer{}, &refusal{status: http.StatusUnprocessableEntity, message: "Repository creation failed.", errors: []any{
			map[string]any{"resource": "Repository", "code": "custom", "field": "name", "message": "name already exists on this account"},
		}}
	}
	r, err := c.hub.newRepo(owner, name)
	if err != nil {
		return hubAnswer{}, err
	}
	r.description, r.homepage, r.private = wish.Description, wish.Homepage, wish.Private
	var switches map[string]any
	if err := c.read(&switches); err != nil {
		return hubAnswer{}, err
	}
	r.turn(switches)
	if wish.AutoInit {
		readme := map[string][]byte{"README.md": []byte("# " + name + "\n")}
		first := hubCommit{message: "Initial commit", author: c.person(), committer: c.person()}
		if _, err := c.hub.put(r, r.branch, readme, first); err != nil {
			return hubAnswer{}, err
		}
	}
	c.repo = r
	c.header.Set("Location", c.hub.api("/repos/"+r.fullName()))
	return hubAnswer{http.StatusCreated, c.hub.repository(r, c.token)}, nil
}

func (r *hubRepo) turn(switches map[string]any) {
	for name := range r.switches {
		if on, ok := switches[name].(bool); ok {
			r.switches[name] = on
		}
	}
}

func (c *hubCall) updateRepo() (hubAnswer, error) {
	var wish struct {
		Name, Description, Homepage, Visibility *string
		Private, Archived                       *bool
		DefaultBranch                           *string `json:"default_branch"`
	}
	var all map[string]any
	if err := c.read(&wish); err != nil {
		return hubAnswer{}, err
	}
	if err := c.read(&all); err != nil {
		return hubAnswer{}, err
	}
	r := c.repo
	if r.archived && (wish.Archived == nil || *wish.Archived) {
		return hubAnswer{}, errArchived
	}
	// All is looked at before anything is changed.
	private := r.private
	switch {
	case wish.Visibility != nil && *wish.Visibility == "internal":
		return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Visibility can't be internal.")
	case wish.Visibility != nil && (*wish.Visibility == "private") == r.private:
		return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Visibility is already %s.", *wish.Visibility)
	case wish.Visibility != nil:
		private = *wish.Visibility == "private"
	case wish.Private != nil:
		private = *wish.Private
	}
	if wish.DefaultBranch != nil && *wish.DefaultBranch != r.branch {
		if r.heads[*wish.DefaultBranch] == "" {
			return hubAnswer{}, invalid("Repository", "default_branch", "invalid", "The branch "+*wish.DefaultBranch+
				" was not found. Please push that ref first or create it via the Git Data API.")
		}
		if err := r.point(*wish.DefaultBranch); err != nil {
			return hubAnswer{}, err
		}
		r.branch = *wish.DefaultBranch
	}
	if wish.Name != nil && *wish.Name != r.name {
		name := notInNames.ReplaceAllString(*wish.Name, "-")
		if other := c.hub.repos[strings.ToLower(r.owner.login+"/"+name)]; other != nil && other != r {
			return hubAnswer{}, invalid("Repository", "name", "custom", "name already exists on this account")
		}
		c.hub.rename(r, r.owner, name)
	}
	for _, text := range []struct{ to, from *string }{{&r.description, wish.Description}, {&r.homepage, wish.Homepage}} {
		if text.from != nil {
			*text.to = *text.from
		}
	}
	r.private = private
	if wish.Archived != nil {
		r.archived = *wish.Archived
	}
	r.turn(all)
	r.updated = time.Now()
	return hubAnswer{http.StatusOK, c.hub.repository(r, c.token)}, nil
}

func (c *hubCall) deleteRepo() (hubAnswer, error) {
	if !c.token.may("delete_repo") {
		return hubAnswer{}, errNoAdmin
	}
	c.hub.forget(c.repo)
	return hubAnswer{status: http.StatusNoContent}, nil
}
