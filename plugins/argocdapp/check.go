package argocdapp

import (
	"errors"
	"strings"

	"github.com/devstream-io/dtm/plugins"
)

// check refuses what must not even be tried.
func check(o Options) error {
	if hasCredentials(o.Source.RepoURL) {
		// The URL itself is told nobody.
		return plugins.Hinted(
			errors.New("source.repoURL carries credentials"),
			"leave them out, and give them to Argo CD as a repository secret (a Secret with the label argocd.argoproj.io/secret-type: repository)")
	}
	m := manifest(o)
	if at[any](m, "spec", "source", "helm") != nil && at[any](m, "spec", "source", "kustomize") != nil {
		return errors.New("source.kustomize goes with none of the Helm options (valuefile, valueFiles, parameters, releaseName)")
	}
	return nil
}

// userinfo is what stands before the host in a URL. Addresses as in "git@host:path" have none.
func userinfo(address string) (scheme, user, rest string) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return "", "", address
	}
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		return scheme, rest[:i], rest[i+1:]
	}
	return scheme, "", rest
}

// hasCredentials tells whether a URL holds a password or, for a web server, a user, who may well be a token.
func hasCredentials(address string) bool {
	scheme, user, _ := userinfo(address)
	return user != "" && (strings.Contains(user, ":") || strings.HasPrefix(strings.ToLower(scheme), "http"))
}

// clean is a URL without credentials.
func clean(address string) string {
	if !hasCredentials(address) {
		return address
	}
	scheme, _, rest := userinfo(address)
	return scheme + "://***@" + rest
}
