package parts

import (
	"crypto/rand"
	"encoding/base64"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/nacl/box"
)

// A hubKey is what the secrets of a repository are sealed for.
type hubKey struct {
	id              string
	public, private *[32]byte
}

func newHubKey(id int64) (*hubKey, error) {
	public, private, err := box.GenerateKey(rand.Reader)
	return &hubKey{id: strconv.FormatInt(568250167242549743+id, 10), public: public, private: private}, err
}

type hubSecret struct {
	value            string
	created, updated time.Time
}

func (c *hubCall) publicKey() (hubAnswer, error) {
	return hubAnswer{http.StatusOK, map[string]any{
		"key_id": c.repo.key.id, "key": base64.StdEncoding.EncodeToString(c.repo.key.public[:]),
	}}, nil
}

func (c *hubCall) listSecrets() (hubAnswer, error) {
	list := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(c.repo.secrets)) {
		s := c.repo.secrets[name]
		list = append(list, map[string]any{"name": name, "created_at": at(s.created), "updated_at": at(s.updated)})
	}
	return hubAnswer{http.StatusOK, map[string]any{"total_count": len(list), "secrets": hubPage(c, list)}}, nil
}

var secretName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

func (c *hubCall) putSecret() (hubAnswer, error) {
	var wish struct {
		Value string `json:"encrypted_value"`
		KeyID string `json:"key_id"`
	}
	if err := c.read(&wish); err != nil {
		return hubAnswer{}, err
	}
	name := strings.ToUpper(c.params["secret_name"])
	if !secretName.MatchString(name) || strings.HasPrefix(name, "GITHUB_") {
		return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Secret names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or "+
			"underscores (_). Spaces are not allowed. Must start with a letter ([a-z], [A-Z]) or underscores (_). Names must not start with GITHUB_.")
	}
	sealed, err := base64.StdEncoding.DecodeString(wish.Value)
	if err != nil || wish.KeyID != c.repo.key.id {
		return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Bad request - the secret is not sealed for this repository")
	}
	value, ok := box.OpenAnonymous(nil, sealed, c.repo.key.public, c.repo.key.private)
	if !ok {
		return hubAnswer{}, refuse(http.StatusUnprocessableEntity, "Bad request - the secret cannot be opened")
	}
	now := time.Now()
	if s := c.repo.secrets[name]; s != nil {
		s.value, s.updated = string(value), now
		return hubAnswer{status: http.StatusNoContent}, nil
	}
	c.repo.secrets[name] = &hubSecret{value: string(value), created: now, updated: now}
	return hubAnswer{http.StatusCreated, map[string]any{}}, nil
}

func (c *hubCall) deleteSecret() (hubAnswer, error) {
	name := strings.ToUpper(c.params["secret_name"])
	if c.repo.secrets[name] == nil {
		return hubAnswer{}, errNotFound
	}
	delete(c.repo.secrets, name)
	return hubAnswer{status: http.StatusNoContent}, nil
}
