package parts

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

func (l *Lab) getBranch(c *labCall) (labAnswer, error) {
	return l.branch(http.StatusOK, c, c.PathValue("branch"))
}

func (l *Lab) createBranch(c *labCall) (labAnswer, error) {
	name := c.text("branch")
	sha, err := l.at(c)
	if err != nil {
		return labAnswer{}, labRefused(http.StatusBadRequest, "Invalid reference name: %s", c.text("ref"))
	}
	if c.project.repo.head(name) != "" {
		return labAnswer{}, labRefused(http.StatusBadRequest, "Branch already exists")
	}
	if err := c.project.repo.move(name, "", sha); err != nil {
		return labAnswer{}, err
	}
	return l.branch(http.StatusCreated, c, name)
}

func (l *Lab) branch(status int, c *labCall, name string) (labAnswer, error) {
	standard, heads, err := c.project.defaultBranch()
	if err != nil {
		return labAnswer{}, err
	}
	if heads[name] == "" {
		return labAnswer{}, labMissing("Branch")
	}
	commit, err := l.commit(c.project, heads[name])
	if err != nil {
		return labAnswer{}, err
	}
	return labAnswer{status: status, body: map[string]any{
		"name": name, "commit": commit, "merged": false, "protected": name == standard, "default": name == standard, "can_push": true,
		"web_url": l.URL + "/" + c.project.path() + "/-/tree/" + name,
	}}, nil
}

func (l *Lab) deleteBranch(c *labCall) (labAnswer, error) {
	name := c.PathValue("branch")
	standard, heads, err := c.project.defaultBranch()
	switch {
	case err != nil:
		return labAnswer{}, err
	case heads[name] == "":
		return labAnswer{}, labMissing("Branch")
	case name == standard:
		return labAnswer{}, labRefused(http.StatusBadRequest, "Cannot remove HEAD branch")
	}
	return labAnswer{status: http.StatusNoContent}, c.project.repo.move(name, heads[name], "")
}

// at is the commit that a request's ref stands for.
func (l *Lab) at(c *labCall) (string, error) {
	ref := c.text("ref")
	if len(ref) == 40 {
		if sha := c.project.repo.resolve(ref + "^{commit}"); sha != "" {
			return sha, nil
		}
	}
	standard, heads, err := c.project.defaultBranch()
	if ref == "" || ref == "HEAD" {
		ref = standard
	}
	if err == nil && heads[ref] == "" {
		err = labMissing("Commit")
	}
	return heads[ref], err
}

func (l *Lab) listTree(c *labCall) (labAnswer, error) {
	sha, err := l.at(c)
	if err != nil {
		return labAnswer{}, labMissing("Tree")
	}
	entries, err := c.project.repo.list(sha)
	if err != nil {
		return labAnswer{}, err
	}
	dir := c.text("path")
	found := dir == ""
	nodes := []map[string]string{}
	for _, e := range entries {
		found = found || e.Path == dir && e.Type == "tree"
		inside := dir == "" || strings.HasPrefix(e.Path, dir+"/")
		if inside && (c.flag("recursive", false) || parent(e.Path) == dir) {
			nodes = append(nodes, map[string]string{"id": e.SHA, "name": path.Base(e.Path), "type": e.Type, "path": e.Path, "mode": e.Mode})
		}
	}
	if !found {
		return labAnswer{}, labMissing("invalid revision or path")
	}
	// Folders come first.
	slices.SortStableFunc(nodes, func(a, b map[string]string) int { return -strings.Compare(a["type"], b["type"]) })
	if c.text("pagination") != "keyset" {
		return labPage(l, c, nodes), nil
	}
	return l.keyset(c, nodes), nil
}

func parent(file string) string {
	if dir := path.Dir(file); dir != "." {
		return dir
	}
	return ""
}

// keyset is a part of a list, with a link to the next. https://docs.gitlab.com/api/rest/#keyset-based-pagination
func (l *Lab) keyset(c *labCall, nodes []map[string]string) labAnswer {
	token := func(n map[string]string) string { return base64.RawURLEncoding.EncodeToString([]byte(n["path"])) }
	if after := c.text("page_token"); after != "" {
		nodes = nodes[slices.IndexFunc(nodes, func(n map[string]string) bool { return token(n) == after })+1:]
	}
	size := min(c.number("per_page", 20), 100)
	if l.perPage > 0 {
		size = min(size, l.perPage)
	}
	reply := labAnswer{status: http.StatusOK, body: nodes, header: map[string]string{}}
	if len(nodes) > size {
		next := url.URL{Path: c.URL.Path}
		q := c.URL.Query()
		q.Set("page_token", token(nodes[size-1]))
		next.RawQuery = q.Encode()
		reply.header["Link"] = "<" + l.URL + next.String() + `>; rel="next"`
		reply.body = nodes[:size]
	}
	return reply
}

// file is what a request asks for, and the commit it is in.
func (l *Lab) file(c *labCall) (gitEntry, string, error) {
	sha, err := l.at(c)
	if err != nil {
		return gitEntry{}, "", err
	}
	entries, err := c.project.repo.list(sha)
	if err != nil {
		return gitEntry{}, "", err
	}
	name := c.PathValue("file")
	i := slices.IndexFunc(entries, func(e gitEntry) bool { return e.Path == name && e.Type == "blob" })
	if i < 0 {
		return gitEntry{}, "", labMissing("File")
	}
	return entries[i], sha, nil
}

func (l *Lab) getFile(c *labCall) (labAnswer, error) {
	entry, sha, err := l.file(c)
	if err != nil {
		return labAnswer{}, err
	}
	content, err := c.project.repo.read(entry.SHA)
	if err != nil {
		return labAnswer{}, err
	}
	last, err := c.project.repo.touched(sha, entry.Path)
	if err != nil {
		return labAnswer{}, err
	}
	sum := sha256.Sum256(content)
	about := map[string]any{
		"file_name": path.Base(entry.Path), "file_path": entry.Path, "size": len(content), "encoding": "base64",
		"content_sha256": hex.EncodeToString(sum[:]), "ref": c.text("ref"), "blob_id": entry.SHA, "commit_id": sha, "last_commit_id": last,
		"execute_filemode": entry.Mode == "100755",
	}
	header := map[string]string{
		"X-Gitlab-Blob-Id": entry.SHA, "X-Gitlab-Commit-Id": sha, "X-Gitlab-Last-Commit-Id": last, "X-Gitlab-File-Path": entry.Path,
		"X-Gitlab-File-Name": path.Base(entry.Path), "X-Gitlab-Size": strconv.Itoa(len(content)), "X-Gitlab-Encoding": "base64",
		"X-Gitlab-Ref": c.text("ref"), "X-Gitlab-Content-Sha256": hex.EncodeToString(sum[:]),
		"X-Gitlab-Execute-Filemode": strconv.FormatBool(entry.Mode == "100755"),
	}
	if c.Method == http.MethodHead {
		return labAnswer{status: http.StatusOK, header: header}, nil
	}
	about["content"] = base64.StdEncoding.EncodeToString(content)
	return labAnswer{status: http.StatusOK, body: about, header: header}, nil
}

func (l *Lab) getRawFile(c *labCall) (labAnswer, error) {
	entry, _, err := l.file(c)
	if err != nil {
		return labAnswer{}, err
	}
	content, err := c.project.repo.read(entry.SHA)
	if content == nil {
		content = []byte{}
	}
	return labAnswer{status: http.StatusOK, body: content}, err
}

func (l *Lab) getCommit(c *labCall) (labAnswer, error) {
	name := c.PathValue("sha")
	sha := c.project.repo.head(name)
	if sha == "" {
		sha = c.project.repo.resolve(name + "^{commit}")
	}
	if sha == "" {
		return labAnswer{}, labMissing("Commit")
	}
	body, err := l.commit(c.project, sha)
	return labAnswer{status: http.StatusOK, body: body}, err
}

// commit is how one is shown.
func (l *Lab) commit(p *labProject, sha string) (map[string]any, error) {
	said, ok := p.repo.commitOf(sha)
	if !ok {
		return nil, fmt.Errorf("there is no commit %q", sha)
	}
	message := strings.TrimRight(said.message, "\n")
	title, _, _ := strings.Cut(message, "\n")
	parents := append([]string{}, said.parents...)
	return map[string]any{
		"id": sha, "short_id": sha[:8], "title": title, "message": message, "parent_ids": parents,
		"web_url": l.URL + "/" + p.path() + "/-/commit/" + sha,
	}, nil
}
