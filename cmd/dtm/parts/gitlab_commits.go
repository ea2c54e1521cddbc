package parts

import (
	"encoding/base64"
	"errors"
	"net/http"
	"path"
	"slices"
	"strings"
)

// actionParams are those of one action. https://docs.gitlab.com/api/commits/#create-a-commit-with-multiple-files-and-actions
var actionParams = labParams{
	"action": "!string", "file_path": "!string", "previous_path": "string", "content": "string", "encoding": "string",
	"last_commit_id": "string", "execute_filemode": "boolean",
}

// createCommit says no in GitLab's words: clients have nothing else to tell one refusal from another.
func (l *Lab) createCommit(c *labCall) (labAnswer, error) {
	repo, branch := c.project.repo, c.text("branch")
	no := func(format string, args ...any) (labAnswer, error) {
		return labAnswer{}, labRefused(http.StatusBadRequest, format, args...)
	}
	heads, err := repo.branches()
	if err != nil {
		return labAnswer{}, err
	}
	empty, force := len(heads) == 0, c.flag("force", false)
	start, startSHA := c.text("start_branch"), c.text("start_sha")
	var base string // the commit that it is to follow
	switch {
	case start != "" && startSHA != "":
		return no("start_branch, start_sha are mutually exclusive")
	case startSHA != "":
		if base = repo.resolve(startSHA + "^{commit}"); base == "" || base != startSHA {
			return no("Cannot find start_sha '%s'", startSHA)
		}
	default:
		if start == "" {
			start = branch
		}
		if base = heads[start]; base == "" && !empty {
			return no("You can only create or edit files when you are on a branch")
		}
	}
	if heads[branch] != "" && (startSHA != "" || start != branch) && !force {
		return no("A branch called '%s' already exists. Switch to that branch in order to make changes", branch)
	}
	tree := ""
	var entries []gitEntry
	if base != "" {
		tree = base
		if entries, err = repo.list(base); err != nil {
			return labAnswer{}, err
		}
	}
	entries = slices.DeleteFunc(entries, func(e gitEntry) bool { return e.Type == "tree" })
	actions := c.params["actions"].([]any)
	if len(actions) == 0 {
		return no("actions is empty")
	}
	var edits []gitEntry
	for _, a := range actions {
		action, ok := a.(map[string]any)
		if !ok {
			return no("actions is invalid")
		}
		if err := actionParams.check(action); err != nil {
			l.t.Errorf("an action of a commit: %v: see https://docs.gitlab.com/api/commits/", err)
			return no("actions is invalid: %v", err)
		}
		call := &labCall{params: action}
		edit, err := l.act(c.project, call, base, entries)
		if err != nil {
			return labAnswer{}, err
		}
		edits = append(edits, edit)
		entries = slices.DeleteFunc(entries, func(e gitEntry) bool { return e.Path == edit.Path })
		if edit.SHA != "" {
			entries = append(entries, edit)
		}
	}
	made, err := repo.tree(tree, edits)
	if err != nil {
		return no("%v", err)
	}
	var parents []string
	if base != "" {
		parents = []string{base}
	}
	sha, err := repo.commit(made, c.text("commit_message"), c.user, l.now(), parents...)
	if err != nil {
		return labAnswer{}, err
	}
	if err := repo.move(branch, heads[branch], sha); err != nil {
		if errors.Is(err, errMoved) { // somebody pushed
			return no("Could not update refs/heads/%s. Please refresh and try again.", branch)
		}
		return labAnswer{}, err
	}
	body, err := l.commit(c.project, sha)
	return labAnswer{status: http.StatusCreated, body: body}, err
}

// act is what one action makes of its file.
func (l *Lab) act(p *labProject, a *labCall, base string, entries []gitEntry) (gitEntry, error) {
	file, action := a.text("file_path"), a.text("action")
	no := func(message string) (gitEntry, error) {
		return gitEntry{}, labRefused(http.StatusBadRequest, "%s", message)
	}
	if file == "" || path.Clean("/"+file) != "/"+file || strings.HasPrefix(file, ".git/") {
		return no("invalid path: '" + file + "'")
	}
	i := slices.IndexFunc(entries, func(e gitEntry) bool { return e.Path == file })
	if action != "create" && i < 0 {
		return no("A file with this name doesn't exist")
	}
	if last := a.text("last_commit_id"); last != "" && action != "create" && action != "chmod" && base != "" {
		touched, err := p.repo.touched(base, file)
		if err != nil {
			return gitEntry{}, err
		}
		if touched != last {
			return no("The file has changed since you started editing it: " + file)
		}
	}
	edit := gitEntry{Mode: "100644", Type: "blob", Path: file}
	if i >= 0 {
		edit.Mode, edit.SHA = entries[i].Mode, entries[i].SHA
	}
	switch action {
	case "create":
		if i >= 0 {
			return no("A file with this name already exists")
		}
		if slices.ContainsFunc(entries, func(e gitEntry) bool {
			return strings.HasPrefix(e.Path, file+"/") || strings.HasPrefix(file, e.Path+"/")
		}) {
			return no("A file with this name already exists")
		}
	case "update":
	case "delete":
		edit.SHA = ""
		return edit, nil
	case "chmod":
		edit.Mode = "100644"
		if a.flag("execute_filemode", false) {
			edit.Mode = "100755"
		}
		return edit, nil
	default:
		return no("actions[action] does not have a valid value")
	}
	content, ok := a.params["content"].(string)
	if !ok {
		return no("content is missing")
	}
	data := []byte(content)
	if a.text("encoding") == "base64" {
		var err error
		if data, err = base64.StdEncoding.DecodeString(content); err != nil {
			return no("content is not base64")
		}
	}
	sha, err := p.repo.blob(data)
	edit.SHA = sha
	return edit, err
}
