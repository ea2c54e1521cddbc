package parts

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// put makes a commit of files, which begins where its parents are, and points a branch at it. Files without content are gone.
func (h *Hub) put(r *hubRepo, branch string, files map[string][]byte, said hubCommit) (string, error) {
	base := ""
	modes := make(map[string]string)
	if len(said.parents) > 0 {
		base = r.resolve(said.parents[0] + "^{tree}")
		there, err := r.entries(base, true)
		if err != nil {
			return "", err
		}
		for _, e := range there {
			modes[e.Path] = e.Mode
		}
	}
	var entries []gitEntry
	for _, path := range slices.Sorted(maps.Keys(files)) {
		entry := gitEntry{Mode: "100644", Type: "blob", Path: path}
		if files[path] != nil {
			if was := modes[path]; inTrees[was] == "blob" {
				entry.Mode = was
			}
			var err error
			if entry.SHA, err = r.blob(files[path]); err != nil {
				return "", err
			}
		}
		entries = append(entries, entry)
	}
	var err error
	if said.tree, err = r.tree(base, entries); err != nil {
		return "", err
	}
	sha, err := r.write(said)
	if err != nil {
		return "", err
	}
	if err := r.setRef("refs/heads/"+branch, sha); err != nil {
		return "", err
	}
	return sha, h.settle(r)
}

var commitSHA = regexp.MustCompile(`^[0-9a-f]{40}$`)

// at is the commit that a branch, a tag or a commit's own name stands for, "" if there is none.
func (c *hubCall) at(ref string) string {
	names := []string{"refs/heads/" + ref, "refs/tags/" + ref}
	if commitSHA.MatchString(ref) {
		names = append(names, ref)
	}
	for _, name := range names {
		if sha := c.repo.resolve(name + "^{commit}"); sha != "" {
			return sha
		}
	}
	return ""
}

// Above a megabyte only the raw content is given.
const contentLimit = 1 << 20

func (c *hubCall) getContent() (hubAnswer, error) {
	if len(c.repo.heads) == 0 {
		return hubAnswer{}, refuse(http.StatusNotFound, "This repository is empty.")
	}
	ref := c.query.Get("ref")
	if ref == "" {
		ref = c.repo.branch
	}
	commit := c.at(ref)
	if commit == "" {
		return hubAnswer{}, refuse(http.StatusNotFound, "No commit found for the ref %s", ref)
	}
	path := strings.Trim(c.params["path"], "/")
	sha := c.repo.resolve(commit + ":" + path)
	if sha == "" {
		return hubAnswer{}, errNotFound
	}
	if c.repo.is(sha, "tree") {
		entries, err := c.repo.entries(sha, false)
		if err != nil {
			return hubAnswer{}, err
		}
		list := []map[string]any{}
		for _, e := range entries {
			e.Path = strings.TrimPrefix(path+"/"+e.Path, "/")
			list = append(list, c.entry(e, ref))
		}
		return hubAnswer{http.StatusOK, list}, nil
	}
	content, err := c.repo.read(sha)
	if err != nil {
		return hubAnswer{}, err
	}
	if c.raw() {
		return hubAnswer{http.StatusOK, content}, nil
	}
	about := c.entry(hubEntry{gitEntry{Type: "blob", SHA: sha, Path: path}, len(content)}, ref)
	about["content"], about["encoding"] = inBase64(content), "base64"
	if len(content) > contentLimit {
		about["content"], about["encoding"] = "", "none"
	}
	return hubAnswer{http.StatusOK, about}, nil
}

// entry is how a file or a folder looks.
func (c *hubCall) entry(e hubEntry, ref string) map[string]any {
	kind, git, html, download := "file", c.path("/git/blobs/"+e.SHA), "blob", any(c.hub.web("/"+c.repo.fullName()+"/raw/"+ref+"/"+e.Path))
	if e.Type == "tree" {
		kind, git, html, download = "dir", c.path("/git/trees/"+e.SHA), "tree", nil
	}
	self := c.path("/contents/" + e.Path + "?ref=" + ref)
	page := c.hub.web("/" + c.repo.fullName() + "/" + html + "/" + ref + "/" + e.Path)
	return map[string]any{
		"type": kind, "name": e.Path[strings.LastIndex(e.Path, "/")+1:], "path": e.Path, "sha": e.SHA, "size": e.size,
		"url": self, "git_url": git, "html_url": page, "download_url": download,
		"_links": map[string]any{"self": self, "git": git, "html": page},
	}
}

func (c *hubCall) putContent() (hubAnswer, error) {
	var wish struct {
		Message, Content, SHA, Branch string
		Author, Committer             *hubPerson
	}
	if err := c.read(&wish); err != nil {
		return hubAnswer{}, err
	}
	content, err := unbase64(wish.Content)
	if err != nil {
		return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "content is not valid Base64")
	}
	path := c.params["path"]
	if err := c.pathAllowed(path, "path contains a malformed path component"); err != nil {
		return hubAnswer{}, err
	}
	if wish.Branch == "" {
		wish.Branch = c.repo.branch
	}
	head, ok := c.repo.heads[wish.Branch]
	if !ok && (len(c.repo.heads) > 0 || wish.Branch != c.repo.branch) {
		return hubAnswer{}, refuse(http.StatusNotFound, "Branch %s not found", wish.Branch)
	}
	status := http.StatusCreated
	if was := c.repo.resolve(head + ":" + path); head != "" && was != "" {
		status = http.StatusOK
		switch {
		case c.repo.is(was, "tree"):
			return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "%s is a directory", path)
		case wish.SHA == "":
			return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n\"sha\" wasn't supplied.")
		case wish.SHA != was:
			return hubAnswer{}, refuse(http.StatusConflict, "%s does not match %s", path, wish.SHA)
		}
	} else if wish.SHA != "" {
		return hubAnswer{}, refuse(http.StatusConflict, "%s does not match %s", path, wish.SHA)
	}
	committer := c.named(wish.Committer, c.person())
	change := hubCommit{message: wish.Message, author: c.named(wish.Author, committer), committer: committer}
	if head != "" {
		change.parents = []string{head}
	}
	sha, err := c.hub.put(c.repo, wish.Branch, map[string][]byte{path: content}, change)
	if err != nil {
		return hubAnswer{}, err
	}
	said, err := c.repo.said(sha)
	if err != nil {
		return hubAnswer{}, err
	}
	return hubAnswer{status, map[string]any{
		"content": c.entry(hubEntry{gitEntry{Type: "blob", SHA: c.repo.resolve(sha + ":" + path), Path: path}, len(content)}, wish.Branch), "commit": c.commit(said),
	}}, nil
}
