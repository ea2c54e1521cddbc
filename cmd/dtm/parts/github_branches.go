package parts

import (
	"net/http"
	"slices"
	"strings"
)

func (c *hubCall) listBranches() (hubAnswer, error) {
	all := []map[string]any{}
	for name, sha := range c.repo.heads {
		all = append(all, map[string]any{
			"name": name, "protected": false,
			"commit": map[string]any{"sha": sha, "url": c.hub.api("/repos/" + c.repo.fullName() + "/commits/" + sha)},
		})
	}
	slices.SortFunc(all, func(a, b map[string]any) int { return strings.Compare(a["name"].(string), b["name"].(string)) })
	return hubAnswer{http.StatusOK, hubPage(c, all)}, nil
}

func (c *hubCall) getBranch() (hubAnswer, error) {
	name := c.params["branch"]
	sha := c.repo.heads[name]
	if sha == "" {
		return hubAnswer{}, refuse(http.StatusNotFound, "Branch not found")
	}
	said, err := c.repo.said(sha)
	if err != nil {
		return hubAnswer{}, err
	}
	about := c.commit(said)
	url := c.hub.api("/repos/" + c.repo.fullName() + "/branches/" + name)
	inner := map[string]any{"comment_count": 0}
	for _, key := range []string{"author", "committer", "message", "tree", "verification"} {
		inner[key] = about[key]
	}
	inner["url"] = about["url"]
	return hubAnswer{http.StatusOK, map[string]any{
		"name": name, "protected": false, "protection": map[string]any{"enabled": false}, "protection_url": url + "/protection",
		"_links": map[string]any{"self": url, "html": c.hub.web("/" + c.repo.fullName() + "/tree/" + name)},
		"commit": map[string]any{
			"sha": sha, "node_id": about["node_id"], "commit": inner, "parents": about["parents"],
			"url": c.hub.api("/repos/" + c.repo.fullName() + "/commits/" + sha), "html_url": about["html_url"],
			"comments_url": c.hub.api("/repos/" + c.repo.fullName() + "/commits/" + sha + "/comments"),
			"author":       c.hub.whose(said.author), "committer": c.hub.whose(said.committer),
		},
	}}, nil
}
