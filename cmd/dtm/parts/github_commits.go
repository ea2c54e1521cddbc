package parts

import (
	"net/http"
	"time"
)

// person is who makes a commit if nobody is named.
func (c *hubCall) person() hubPerson {
	return hubPerson{Name: c.token.user.login, Email: c.hub.email(c.token.user), Date: time.Now().UTC().Format(time.RFC3339)}
}

// commit is how a commit looks.
func (c *hubCall) commit(said hubCommit) map[string]any {
	person := func(p hubPerson) map[string]any {
		return map[string]any{"name": p.Name, "email": p.Email, "date": inUTC(p.Date)}
	}
	html := func(sha string) string { return c.hub.web("/" + c.repo.fullName() + "/commit/" + sha) }
	parents := []map[string]any{}
	for _, p := range said.parents {
		parents = append(parents, map[string]any{"sha": p, "url": c.path("/git/commits/" + p), "html_url": html(p)})
	}
	return map[string]any{
		"sha": said.sha, "node_id": "C_" + said.sha, "url": c.path("/git/commits/" + said.sha), "html_url": html(said.sha),
		"author": person(said.author), "committer": person(said.committer), "message": said.message, "parents": parents,
		"tree":         map[string]any{"sha": said.tree, "url": c.path("/git/trees/" + said.tree)},
		"verification": map[string]any{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil},
	}
}

func inUTC(date string) string {
	if t, err := time.Parse(time.RFC3339, date); err == nil {
		return t.UTC().Format(time.RFC3339)
	}
	return date
}

func (c *hubCall) getCommit() (hubAnswer, error) {
	sha := c.params["commit_sha"]
	if !c.repo.is(sha, "commit") {
		return hubAnswer{}, errNotFound
	}
	said, err := c.repo.said(sha)
	return hubAnswer{http.StatusOK, c.commit(said)}, err
}

func (c *hubCall) createCommit() (hubAnswer, error) {
	var wish struct {
		Message, Tree     string
		Parents           []string
		Author, Committer *hubPerson
	}
	if err := c.read(&wish); err != nil {
		return hubAnswer{}, err
	}
	if !c.repo.is(wish.Tree, "tree") {
		return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Tree SHA does not exist")
	}
	for _, p := range wish.Parents {
		if !c.repo.is(p, "commit") {
			return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Parent SHA does not exist or is not a commit object")
		}
	}
	author := c.named(wish.Author, c.person())
	sha, err := c.repo.write(hubCommit{
		tree: wish.Tree, parents: wish.Parents, message: wish.Message, author: author, committer: c.named(wish.Committer, author),
	})
	if err != nil {
		return hubAnswer{}, err
	}
	said, err := c.repo.said(sha)
	c.header.Set("Location", c.path("/git/commits/"+sha))
	return hubAnswer{http.StatusCreated, c.commit(said)}, err
}

func (c *hubCall) named(p *hubPerson, otherwise hubPerson) hubPerson {
	if p == nil {
		return otherwise
	}
	if p.Date == "" {
		p.Date = otherwise.Date
	}
	return *p
}
