package parts

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// path is an address below the repository's.
func (c *hubCall) path(rest string) string { return c.hub.api("/repos/" + c.repo.fullName() + rest) }

func (c *hubCall) ref(name, sha string) map[string]any {
	return map[string]any{
		"ref": name, "node_id": "REF_" + base64.RawURLEncoding.EncodeToString([]byte(name)), "url": c.path("/git/" + name),
		"object": map[string]any{"type": "commit", "sha": sha, "url": c.path("/git/commits/" + sha)},
	}
}

func (c *hubCall) getRef() (hubAnswer, error) {
	name := "refs/" + c.params["ref"]
	sha := c.repo.heads[strings.TrimPrefix(name, "refs/heads/")]
	if sha == "" {
		sha = c.repo.resolve(name)
	}
	if sha == "" {
		return hubAnswer{}, errNotFound
	}
	return hubAnswer{http.StatusOK, c.ref(name, sha)}, nil
}

func (c *hubCall) createRef() (hubAnswer, error) {
	var wish struct{ Ref, SHA string }
	if err := c.read(&wish); err != nil {
		return hubAnswer{}, err
	}
	if !plainRef.MatchString(wish.Ref) {
		if _, err := c.repo.git(nil, nil, "check-ref-format", wish.Ref); err != nil || !strings.HasPrefix(wish.Ref, "refs/") {
			return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "%s is not a valid ref name.", wish.Ref)
		}
	}
	if c.repo.resolve(wish.Ref) != "" {
		return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Reference already exists")
	}
	if !c.repo.is(wish.SHA, "commit") {
		return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Object does not exist")
	}
	return c.moved(wish.Ref, wish.SHA, http.StatusCreated)
}

func (c *hubCall) updateRef() (hubAnswer, error) {
	var wish struct {
		SHA   string
		Force bool
	}
	if err := c.read(&wish); err != nil {
		return hubAnswer{}, err
	}
	name := "refs/" + c.params["ref"]
	was := c.repo.resolve(name)
	if was == "" {
		return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Reference does not exist")
	}
	if !c.repo.is(wish.SHA, "commit") {
		return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Object does not exist")
	}
	if !wish.Force && !c.repo.ancestor(wish.SHA, was) {
		return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Update is not a fast forward")
	}
	return c.moved(name, wish.SHA, http.StatusOK)
}

func (c *hubCall) moved(ref, sha string, status int) (hubAnswer, error) {
	if err := c.repo.setRef(ref, sha); err != nil {
		// A branch cannot be called as a folder of others is.
		return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Reference update failed")
	}
	c.header.Set("Location", c.path("/git/"+ref))
	return hubAnswer{status, c.ref(ref, sha)}, c.hub.settle(c.repo)
}

func (c *hubCall) deleteRef() (hubAnswer, error) {
	name := "refs/" + c.params["ref"]
	if c.repo.resolve(name) == "" {
		return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Reference does not exist")
	}
	if name == "refs/heads/"+c.repo.branch {
		return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Cannot delete the default branch")
	}
	if err := c.repo.deleteRef(name); err != nil {
		return hubAnswer{}, err
	}
	return hubAnswer{status: http.StatusNoContent}, c.hub.settle(c.repo)
}

func (c *hubCall) createBlob() (hubAnswer, error) {
	var wish struct{ Content, Encoding string }
	if err := c.read(&wish); err != nil {
		return hubAnswer{}, err
	}
	content := []byte(wish.Content)
	if wish.Encoding == "base64" {
		var err error
		if content, err = unbase64(wish.Content); err != nil {
			return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "content is not valid Base64")
		}
	}
	sha, err := c.repo.blob(content)
	if err != nil {
		return hubAnswer{}, err
	}
	c.header.Set("Location", c.path("/git/blobs/"+sha))
	return hubAnswer{http.StatusCreated, map[string]any{"sha": sha, "url": c.path("/git/blobs/" + sha)}}, nil
}

// unbase64 minds no line ends.
func unbase64(text string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.NewReplacer("\n", "", "\r", "").Replace(text)) // not nil, even if it is empty
}

// inBase64 has lines as long as GitHub's.
func inBase64(content []byte) string {
	text := base64.StdEncoding.EncodeToString(content)
	var b strings.Builder
	for len(text) > 60 {
		b.WriteString(text[:60] + "\n")
		text = text[60:]
	}
	b.WriteString(text + "\n")
	return b.String()
}

func (c *hubCall) raw() bool {
	return strings.Contains(c.accept, "application/vnd.github.raw") || strings.Contains(c.accept, "application/vnd.github.v3.raw")
}

func (c *hubCall) getBlob() (hubAnswer, error) {
	sha := c.params["file_sha"]
	if !c.repo.is(sha, "blob") {
		return hubAnswer{}, errNotFound
	}
	content, err := c.repo.read(sha)
	if err != nil {
		return hubAnswer{}, err
	}
	if c.raw() {
		return hubAnswer{http.StatusOK, content}, nil
	}
	return hubAnswer{http.StatusOK, map[string]any{
		"sha": sha, "node_id": "B_" + sha, "size": len(content), "url": c.path("/git/blobs/" + sha),
		"content": inBase64(content), "encoding": "base64",
	}}, nil
}
