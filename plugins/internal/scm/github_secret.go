package scm

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-github/v45/github"
	"golang.org/x/crypto/nacl/box"

	"github.com/devstream-io/dtm/plugins"
)

// sealKey is what secrets of a repository are sealed with, so that nobody but GitHub can open them.
type sealKey struct {
	id  string
	key [32]byte
}

// SecretNames is Secrets.SecretNames.
func (g *gitHub) SecretNames(ctx context.Context, path Path) ([]string, error) {
	if err := checkGitHub(path); err != nil {
		return nil, err
	}
	what := "look at the secrets of " + path.String()
	var names []string
	for o := (&github.ListOptions{PerPage: 100}); ; {
		secrets, response, err := g.client.Actions.ListRepoSecrets(ctx, path.Owner, path.Name, o)
		if err == nil && secrets == nil {
			err = errPartial
		}
		if err != nil {
			return nil, g.failed(what, err)
		}
		for _, secret := range secrets.Secrets {
			if secret == nil {
				return nil, g.failed(what, errPartial)
			}
			names = append(names, secret.Name)
		}
		if o.Page = response.NextPage; o.Page > 0 {
			continue
		}
		if len(names) < secrets.TotalCount {
			return nil, g.failed(what, errPartial)
		}
		slices.Sort(names)
		return slices.Compact(names), nil
	}
}

// gitHubSecret is GitHub's rule for names, besides that none begins with GITHUB_.
var gitHubSecret = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func checkSecret(name string) error {
	if !gitHubSecret.MatchString(name) || strings.HasPrefix(strings.ToUpper(name), "GITHUB_") {
		return plugins.Hinted(fmt.Errorf("%q is no name of a secret on GitHub", name), "it has letters, digits and _ alone, begins with no digit, and not with GITHUB_")
	}
	return nil
}

// SetSecret is Secrets.SetSecret.
func (g *gitHub) SetSecret(ctx context.Context, path Path, name, value string) error {
	plugins.Conceal(ctx, value)
	for _, err := range []error{checkGitHub(path), checkSecret(name)} {
		if err != nil {
			return err
		}
	}
	key, known, err := g.sealKey(ctx, path)
	if err != nil {
		return err
	}
	err = g.setSealed(ctx, path, name, value, key)
	if known && answered(err, http.StatusUnprocessableEntity, http.StatusBadRequest, http.StatusNotFound) {
		// The repository may be another one of that name by now, with another key.
		g.forgetKey(path)
		if key, _, err = g.sealKey(ctx, path); err != nil {
			return err
		}
		err = g.setSealed(ctx, path, name, value, key)
	}
	return err
}

func (g *gitHub) setSealed(ctx context.Context, path Path, name, value string, key sealKey) error {
	what := fmt.Sprintf("set secret %s of %s", name, path)
	sealed, err := box.SealAnonymous(nil, []byte(value), &key.key, rand.Reader)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	_, err = g.client.Actions.CreateOrUpdateRepoSecret(ctx, path.Owner, path.Name, &github.EncryptedSecret{
		Name: name, KeyID: key.id, EncryptedValue: base64.StdEncoding.EncodeToString(sealed),
	})
	if err != nil {
		return g.failed(what, err)
	}
	return nil
}

// sealKey asks for the key of a repository. known tells that it was asked for before.
func (g *gitHub) sealKey(ctx context.Context, path Path) (key sealKey, known bool, err error) {
	g.mu.Lock()
	key, known = g.keys[path]
	g.mu.Unlock()
	if known {
		return key, true, nil
	}
	what := "look at the key for secrets of " + path.String()
	answer, _, err := g.client.Actions.GetRepoPublicKey(ctx, path.Owner, path.Name)
	if err == nil && answer.GetKeyID() == "" {
		err = errPartial
	}
	if err != nil {
		return sealKey{}, false, g.failed(what, err)
	}
	raw, err := base64.StdEncoding.DecodeString(answer.GetKey())
	if err == nil && len(raw) != len(key.key) {
		err = fmt.Errorf("it has %d bytes", len(raw))
	}
	if err != nil {
		return sealKey{}, false, fmt.Errorf("%s on %s: that is no key: %w", what, g.host, err)
	}
	key.id = answer.GetKeyID()
	copy(key.key[:], raw)
	g.mu.Lock()
	g.keys[path] = key
	g.mu.Unlock()
	return key, false, nil
}

func (g *gitHub) forgetKey(path Path) {
	g.mu.Lock()
	delete(g.keys, path)
	g.mu.Unlock()
}

// DeleteSecret is Secrets.DeleteSecret.
func (g *gitHub) DeleteSecret(ctx context.Context, path Path, name string) error {
	for _, err := range []error{checkGitHub(path), checkSecret(name)} {
		if err != nil {
			return err
		}
	}
	_, err := g.client.Actions.DeleteRepoSecret(ctx, path.Owner, path.Name, name)
	if err == nil || answered(err, http.StatusNotFound) {
		return nil
	}
	return g.failed(fmt.Sprintf("remove secret %s of %s", name, path), err)
}
