package parts

import (
	"net/http"
	"strings"
)

func (c *hubCall) treeAnswer(status int, sha string, through bool) (hubAnswer, error) {
	entries, err := c.repo.entries(sha, through)
	if err != nil {
		return hubAnswer{}, err
	}
	kept := entries[:min(len(entries), c.hub.treeSize)]
	tree := []map[string]any{}
	for _, e := range kept {
		entry := map[string]any{"path": e.Path, "mode": e.Mode, "type": e.Type, "sha": e.SHA, "url": c.path("/git/" + e.Type + "s/" + e.SHA)}
		if e.Type == "blob" {
			entry["size"] = e.size
		}
		tree = append(tree, entry)
	}
	return hubAnswer{status, map[string]any{
		"sha": sha, "url": c.path("/git/trees/" + sha), "tree": tree, "truncated": len(kept) < len(entries),
	}}, nil
}

func (c *hubCall) getTree() (hubAnswer, error) {
	var sha string
	for _, name := range []string{"refs/heads/" + c.params["tree_sha"], "refs/tags/" + c.params["tree_sha"], c.params["tree_sha"]} {
		if sha = c.repo.resolve(name + "^{tree}"); sha != "" {
			break
		}
	}
	if sha == "" {
		return hubAnswer{}, errNotFound
	}
	return c.treeAnswer(http.StatusOK, sha, c.query.Has("recursive"))
}

// inTrees are the modes that an entry may have, and what it is then.
var inTrees = map[string]string{"100644": "blob", "100755": "blob", "120000": "blob", "040000": "tree", "160000": "commit"}

// A treeWish is one entry of a tree that is to be made. Without a SHA and without content it is to be gone.
type treeWish struct {
	Path, Mode   string
	SHA, Content *string
}

func (c *hubCall) createTree() (hubAnswer, error) {
	var wish struct {
		BaseTree string `json:"base_tree"`
		Tree     []treeWish
	}
	if err := c.read(&wish); err != nil {
		return hubAnswer{}, err
	}
	base, has := "", make(map[string]string)
	if wish.BaseTree != "" {
		// It may be a commit's, too.
		if base = c.repo.resolve(wish.BaseTree + "^{tree}"); base == "" || !commitSHA.MatchString(wish.BaseTree) {
			return hubAnswer{}, errNotFound
		}
		entries, err := c.repo.entries(base, true)
		if err != nil {
			return hubAnswer{}, err
		}
		for _, e := range entries {
			has[e.Path] = e.Type
		}
	}
	if len(wish.Tree) == 0 {
		return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Invalid tree info")
	}
	var entries []gitEntry
	for _, e := range wish.Tree {
		more, err := c.inTree(e, has)
		if err != nil {
			return hubAnswer{}, err
		}
		entries = append(entries, more...)
	}
	sha, err := c.repo.tree(base, entries)
	if err != nil {
		return hubAnswer{}, err
	}
	c.header.Set("Location", c.path("/git/trees/"+sha))
	return c.treeAnswer(http.StatusCreated, sha, false)
}

// inTree is what one wish means for an index in which there are files and folders already.
func (c *hubCall) inTree(wish treeWish, has map[string]string) ([]gitEntry, error) {
	kind := inTrees[wish.Mode]
	if err := c.pathAllowed(wish.Path, "tree.path contains a malformed path component"); err != nil {
		return nil, err
	}
	var entries []gitEntry
	for path, is := range has {
		// What was a file becomes a folder, or the other way round; or the folder is to be gone.
		if is != "tree" && (strings.HasPrefix(path, wish.Path+"/") || strings.HasPrefix(wish.Path, path+"/")) {
			entries = append(entries, gitEntry{Path: path})
		}
	}
	switch {
	case kind == "":
		return nil, refuse(http.StatusUnprocessableEntity, "tree.mode %q is not a valid mode", wish.Mode)
	case wish.SHA != nil && wish.Content != nil:
		return nil, refuse(http.StatusUnprocessableEntity, "Must supply either tree.sha or tree.content, but not both")
	case wish.Content != nil:
		sha, err := c.repo.blob([]byte(*wish.Content))
		return append(entries, gitEntry{Mode: wish.Mode, SHA: sha, Path: wish.Path}), err
	case wish.SHA == nil && has[wish.Path] == "":
		return nil, refuse(http.StatusUnprocessableEntity, "GitRPC::BadObjectState")
	case wish.SHA == nil:
		return append(entries, gitEntry{Path: wish.Path}), nil
	case kind != "commit" && !c.repo.is(*wish.SHA, kind):
		return nil, refuse(http.StatusUnprocessableEntity, "tree.sha %s is not a valid %s", *wish.SHA, kind)
	case kind == "tree":
		within, err := c.repo.list(*wish.SHA)
		for _, e := range within {
			if e.Type != "tree" {
				e.Path = wish.Path + "/" + e.Path
				entries = append(entries, e)
			}
		}
		return entries, err
	}
	return append(entries, gitEntry{Mode: wish.Mode, SHA: *wish.SHA, Path: wish.Path}), nil
}

// pathAllowed refuses paths that lead out of a tree, and those of workflows to tokens that have nothing to do with them.
func (c *hubCall) pathAllowed(path, message string) error {
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." || strings.EqualFold(part, ".git") {
			return refuse(http.StatusUnprocessableEntity, "%s", message)
		}
	}
	if strings.HasPrefix(path, ".github/workflows/") && !c.token.may("workflow") {
		return errNotFound // GitHub says no more than that
	}
	return nil
}
