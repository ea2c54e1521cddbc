package parts

import (
	"net/http"
	"strconv"
	"strings"
)

func (a *hubAccount) kind() string {
	if a.org {
		return "Organization"
	}
	return "User"
}

// simple is how an account looks in everything that is somebody's.
func (h *Hub) simple(a *hubAccount) map[string]any {
	url := h.api("/users/" + a.login)
	return map[string]any{
		"login": a.login, "id": a.id, "node_id": "U_" + strconv.FormatInt(a.id, 36), "gravatar_id": "", "type": a.kind(),
		"site_admin": false, "url": url, "html_url": h.web("/" + a.login), "avatar_url": h.web("/avatars/" + a.login),
		"followers_url": url + "/followers", "following_url": url + "/following{/other_user}", "gists_url": url + "/gists{/gist_id}",
		"starred_url": url + "/starred{/owner}{/repo}", "subscriptions_url": url + "/subscriptions",
		"organizations_url": url + "/orgs", "repos_url": url + "/repos", "events_url": url + "/events{/privacy}",
		"received_events_url": url + "/received_events",
	}
}

func (h *Hub) publicRepos(a *hubAccount) int {
	n := 0
	for _, r := range h.repos {
		if r.owner == a && !r.private {
			n++
		}
	}
	return n
}

func (h *Hub) profile(a *hubAccount) map[string]any {
	p := h.simple(a)
	for _, name := range []string{"name", "company", "location", "email", "hireable", "bio"} {
		p[name] = nil
	}
	p["blog"], p["followers"], p["following"], p["public_gists"] = "", 0, 0, 0
	p["user_view_type"] = "public"
	p["public_repos"], p["created_at"], p["updated_at"] = h.publicRepos(a), at(a.created), at(a.created)
	return p
}

func (c *hubCall) getUser() (hubAnswer, error) {
	p := c.hub.profile(c.token.user)
	p["user_view_type"] = "private"
	p["private_gists"], p["total_private_repos"], p["owned_private_repos"] = 0, 0, 0
	p["disk_usage"], p["collaborators"], p["two_factor_authentication"] = 0, 0, true
	return hubAnswer{http.StatusOK, p}, nil
}

func (c *hubCall) getAccount() (hubAnswer, error) {
	a := c.hub.accounts[strings.ToLower(c.params["username"])]
	if a == nil {
		return hubAnswer{}, errNotFound
	}
	return hubAnswer{http.StatusOK, c.hub.profile(a)}, nil
}

func (c *hubCall) getOrg() (hubAnswer, error) {
	a := c.hub.accounts[strings.ToLower(c.params["org"])]
	if a == nil || !a.org {
		return hubAnswer{}, errNotFound
	}
	url := c.hub.api("/orgs/" + a.login)
	return hubAnswer{http.StatusOK, map[string]any{
		"login": a.login, "id": a.id, "node_id": "O_" + strconv.FormatInt(a.id, 36), "url": url, "repos_url": url + "/repos",
		"events_url": url + "/events", "hooks_url": url + "/hooks", "issues_url": url + "/issues",
		"members_url": url + "/members{/member}", "public_members_url": url + "/public_members{/member}",
		"avatar_url": c.hub.web("/avatars/" + a.login), "description": nil, "html_url": c.hub.web("/" + a.login),
		"has_organization_projects": true, "has_repository_projects": true, "public_repos": c.hub.publicRepos(a), "public_gists": 0,
		"followers": 0, "following": 0, "type": "Organization", "created_at": at(a.created), "updated_at": at(a.created), "archived_at": nil,
	}}, nil
}

// whose is the account that a commit is ascribed to by its address, or nil.
func (h *Hub) whose(p hubPerson) any {
	for _, a := range h.accounts {
		if h.email(a) == p.Email {
			return h.simple(a)
		}
	}
	return nil
}

func (h *Hub) email(a *hubAccount) string {
	return strconv.FormatInt(a.id, 10) + "+" + a.login + "@users.noreply.github.com"
}
