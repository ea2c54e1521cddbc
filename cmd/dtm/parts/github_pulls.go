package parts

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A hubPull is a pull request within one repository.
type hubPull struct {
	id               int64
	number           int
	title, body      string
	by, mergedBy     *hubAccount
	head, base       string // branches
	headSHA, baseSHA string
	result           string // the commit that it was merged by
	created, updated time.Time
	closed, merged   time.Time // zero if it is not
}

// settle sees to what the branches that moved mean for one that is open: it follows them, and is over when its own branch is
// gone or has nothing any more that its base has not.
func (p *hubPull) settle(r *hubRepo) {
	head, base := r.heads[p.head], r.heads[p.base]
	was := p.headSHA
	if base != "" {
		p.baseSHA = base
	}
	if head != "" {
		p.headSHA = head
	}
	if head != "" && base != "" && !r.ancestor(base, head) {
		return
	}
	p.closed, p.updated = time.Now(), time.Now()
	if base != "" && r.ancestor(base, was) {
		p.merged, p.result = p.closed, was
	}
}

func (p *hubPull) state() string {
	if p.closed.IsZero() {
		return "open"
	}
	return "closed"
}

// pull is how a pull request looks in a list.
func (c *hubCall) pull(p *hubPull) map[string]any {
	number := strconv.Itoa(p.number)
	url, issue, html := c.path("/pulls/"+number), c.path("/issues/"+number), c.hub.web("/"+c.repo.fullName()+"/pull/"+number)
	side := func(branch, sha string) map[string]any {
		return map[string]any{
			"label": c.repo.owner.login + ":" + branch, "ref": branch, "sha": sha,
			"user": c.hub.simple(c.repo.owner), "repo": c.hub.repository(c.repo, c.token),
		}
	}
	links := make(map[string]any)
	out := map[string]any{
		"id": p.id, "node_id": "PR_" + strconv.FormatInt(p.id, 36), "number": p.number, "title": p.title, "body": orNil(p.body),
		"state": p.state(), "locked": false, "draft": false, "user": c.hub.simple(p.by), "labels": []any{}, "milestone": nil,
		"assignee": nil, "assignees": []any{}, "requested_reviewers": []any{}, "requested_teams": []any{},
		"author_association": "MEMBER", "auto_merge": nil, "head": side(p.head, p.headSHA), "base": side(p.base, p.baseSHA),
		"merge_commit_sha": orNil(p.result), "created_at": at(p.created), "updated_at": at(p.updated),
		"closed_at": at(p.closed), "merged_at": at(p.merged), "diff_url": html + ".diff", "patch_url": html + ".patch", "_links": links,
	}
	for name, to := range map[string]string{
		"": url, "html": html, "issue": issue, "comments": issue + "/comments", "commits": url + "/commits",
		"review_comments": url + "/comments", "review_comment": c.path("/pulls/comments{/number}"), "statuses": c.path("/statuses/" + p.headSHA),
	} {
		if name == "" {
			out["url"], links["self"] = to, map[string]any{"href": to}
			continue
		}
		out[name+"_url"], links[name] = to, map[string]any{"href": to}
	}
	return out
}

// wholePull is how it looks by itself.
func (c *hubCall) wholePull(p *hubPull) (map[string]any, error) {
	out := c.pull(p)
	merged := !p.merged.IsZero()
	out["merged"], out["merged_by"], out["mergeable"], out["mergeable_state"] = merged, nil, nil, "unknown"
	if p.mergedBy != nil {
		out["merged_by"] = c.hub.simple(p.mergedBy)
	}
	if p.closed.IsZero() {
		tree, err := c.repo.merged(p.baseSHA, p.headSHA)
		if err != nil {
			return nil, err
		}
		out["mergeable"], out["mergeable_state"] = tree != "", "clean"
		if tree == "" {
			out["mergeable_state"] = "dirty"
		}
	}
	files, added, removed, err := c.repo.changes(p.baseSHA, p.headSHA)
	if err != nil {
		return nil, err
	}
	out["commits"], out["additions"], out["deletions"] = c.repo.ahead(p.baseSHA, p.headSHA), added, removed
	out["changed_files"], out["comments"], out["review_comments"] = files, 0, 0
	out["maintainer_can_modify"] = false
	return out, nil
}

func (c *hubCall) pullAnswer(status int, p *hubPull) (hubAnswer, error) {
	out, err := c.wholePull(p)
	return hubAnswer{status, out}, err
}

func (c *hubCall) pullNumbered(number string) (*hubPull, error) {
	for _, p := range c.repo.pulls {
		if strconv.Itoa(p.number) == number {
			return p, nil
		}
	}
	return nil, errNotFound
}

func (c *hubCall) getPull() (hubAnswer, error) {
	p, err := c.pullNumbered(c.params["pull_number"])
	if err != nil {
		return hubAnswer{}, err
	}
	return c.pullAnswer(http.StatusOK, p)
}

func (c *hubCall) listPulls() (hubAnswer, error) {
	state := cmp.Or(c.query.Get("state"), "open")
	list := []map[string]any{}
	for _, p := range slices.Backward(c.repo.pulls) { // newest first
		label := c.repo.owner.login + ":" + p.head
		head, base := c.query.Get("head"), c.query.Get("base")
		// A head without its owner is no filter at all.
		if strings.Contains(head, ":") && !strings.EqualFold(head, label) || base != "" && base != p.base || state != "all" && state != p.state() {
			continue
		}
		list = append(list, c.pull(p))
	}
	return hubAnswer{http.StatusOK, hubPage(c, list)}, nil
}

func (c *hubCall) createPull() (hubAnswer, error) {
	var wish struct{ Title, Body, Head, Base string }
	if err := c.read(&wish); err != nil {
		return hubAnswer{}, err
	}
	branches := c.repo.heads
	head := wish.Head
	if owner, branch, ok := strings.Cut(head, ":"); ok && strings.EqualFold(owner, c.repo.owner.login) {
		head = branch
	}
	switch {
	case branches[head] == "":
		return hubAnswer{}, invalid("PullRequest", "head", "invalid", "")
	case branches[wish.Base] == "":
		return hubAnswer{}, invalid("PullRequest", "base", "invalid", "")
	case c.repo.ancestor(branches[wish.Base], branches[head]):
		return hubAnswer{}, invalid("PullRequest", "head", "custom", "No commits between "+wish.Base+" and "+head)
	case wish.Title == "":
		return hubAnswer{}, invalid("PullRequest", "title", "missing_field", "")
	}
	for _, p := range c.repo.pulls {
		if p.closed.IsZero() && p.head == head && p.base == wish.Base {
			return hubAnswer{}, invalid("PullRequest", "head", "custom", "A pull request already exists for "+c.repo.owner.login+":"+head+".")
		}
	}
	now := time.Now()
	p := &hubPull{
		id: c.hub.newID(), number: len(c.repo.pulls) + 1, title: wish.Title, body: wish.Body, by: c.token.user,
		head: head, base: wish.Base, headSHA: branches[head], baseSHA: branches[wish.Base], created: now, updated: now,
	}
	c.repo.pulls = append(c.repo.pulls, p)
	c.header.Set("Location", c.path("/pulls/"+strconv.Itoa(p.number)))
	return c.pullAnswer(http.StatusCreated, p)
}

func (c *hubCall) updatePull() (hubAnswer, error) {
	p, err := c.pullNumbered(c.params["pull_number"])
	if err != nil {
		return hubAnswer{}, err
	}
	var wish struct{ Title, Body, State, Base *string }
	if err := c.read(&wish); err != nil {
		return hubAnswer{}, err
	}
	branches := c.repo.heads
	if wish.Base != nil && branches[*wish.Base] == "" {
		return hubAnswer{}, invalid("PullRequest", "base", "invalid", "")
	}
	if wish.State != nil && *wish.State == "open" && !p.closed.IsZero() && (!p.merged.IsZero() || branches[p.head] == "") {
		return hubAnswer{}, invalid("PullRequest", "state", "invalid", "state cannot be changed")
	}
	if wish.Base != nil {
		p.base, p.baseSHA = *wish.Base, branches[*wish.Base]
	}
	if wish.Title != nil {
		p.title = *wish.Title
	}
	if wish.Body != nil {
		p.body = *wish.Body
	}
	if wish.State != nil {
		switch {
		case *wish.State == "open":
			p.closed, p.headSHA = time.Time{}, branches[p.head]
		case p.closed.IsZero():
			p.closed = time.Now()
		}
	}
	p.updated = time.Now()
	return c.pullAnswer(http.StatusOK, p)
}

func (c *hubCall) mergePull() (hubAnswer, error) {
	p, err := c.pullNumbered(c.params["pull_number"])
	if err != nil {
		return hubAnswer{}, err
	}
	var wish struct {
		SHA     string
		Title   string `json:"commit_title"`
		Message string `json:"commit_message"`
		Method  string `json:"merge_method"`
	}
	if err := c.read(&wish); err != nil {
		return hubAnswer{}, err
	}
	method := cmp.Or(wish.Method, "merge")
	switch {
	case !p.closed.IsZero():
		return hubAnswer{}, refuse(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
	case wish.SHA != "" && wish.SHA != p.headSHA:
		return hubAnswer{}, refuse(http.StatusConflict, "Head branch was modified. Review and try the merge again.")
	case !c.repo.switches[map[string]string{"merge": "allow_merge_commit", "squash": "allow_squash_merge", "rebase": "allow_rebase_merge"}[method]],
		method == "rebase": // the stand-in cannot, and says so in the repository
		return hubAnswer{}, refuse(http.StatusMethodNotAllowed, "%s merges are not allowed on this repository.", strings.ToUpper(method[:1])+method[1:])
	}
	sha, err := c.hub.merge(c.repo, p, method, c.person(), cmp.Or(wish.Title, wish.Message))
	if err != nil {
		return hubAnswer{}, err
	}
	p.mergedBy = c.token.user
	return hubAnswer{http.StatusOK, map[string]any{"sha": sha, "merged": true, "message": "Pull Request successfully merged"}}, nil
}

func (h *Hub) merge(r *hubRepo, p *hubPull, method string, by hubPerson, message string) (string, error) {
	tree, err := r.merged(p.baseSHA, p.headSHA)
	if err != nil {
		return "", err
	}
	if tree == "" {
		return "", refuse(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
	}
	number := strconv.Itoa(p.number)
	said := hubCommit{tree: tree, author: by, committer: by, parents: []string{p.baseSHA, p.headSHA},
		message: "Merge pull request #" + number + " from " + r.owner.login + "/" + p.head + "\n\n" + p.title}
	if method == "squash" {
		said.parents, said.message = said.parents[:1], p.title+" (#"+number+")"
	}
	said.message = cmp.Or(message, said.message)
	sha, err := r.write(said)
	if err != nil {
		return "", err
	}
	now := time.Now()
	p.closed, p.merged, p.updated, p.result = now, now, now, sha
	if err := r.setRef("refs/heads/"+p.base, sha); err != nil {
		return "", err
	}
	if r.switches["delete_branch_on_merge"] {
		if err := r.deleteRef("refs/heads/" + p.head); err != nil {
			return "", err
		}
	}
	return sha, h.settle(r)
}
