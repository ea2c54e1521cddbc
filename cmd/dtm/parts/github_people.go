package parts

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"
)

type hubAccount struct {
	id    int64
	login string
	org   bool
	// members are the users of an organisation, by name in lower case: "admin" or "member".
	members map[string]string
	created time.Time
}

type hubToken struct {
	text   string
	user   *hubAccount
	scopes []string
	used   int
	spent  time.Time // nothing is left until then
}

// User makes a user, if there is none of that name.
func (h *Hub) User(login string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.account(login, false)
}

// Org makes an organisation. The members may write to its repositories; the first of them owns it.
func (h *Hub) Org(login string, members ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	org := h.account(login, true)
	for _, m := range members {
		role := "member"
		if len(org.members) == 0 {
			role = "admin"
		}
		org.members[strings.ToLower(h.account(m, false).login)] = role
	}
}

func (h *Hub) account(login string, org bool) *hubAccount {
	a := h.accounts[strings.ToLower(login)]
	if a == nil {
		a = &hubAccount{id: h.newID(), login: login, org: org, members: make(map[string]string), created: time.Now()}
		h.accounts[strings.ToLower(login)] = a
	}
	return a
}

// allScopes are what a token may do if nothing else is said.
var allScopes = []string{"repo", "workflow", "delete_repo", "admin:org"}

// Token makes a token of a user, who is made if need be. With scopes it may do only what they let it: "repo" for private
// repositories and for all writing, "public_repo" for writing to public ones, "workflow" for files in .github/workflows and
// "delete_repo"; "" for nothing but reading what everybody may. Without any it may do all that.
func (h *Hub) Token(user string, scopes ...string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(scopes) == 0 {
		scopes = allScopes
	}
	token := &hubToken{text: "ghp_" + rand.Text(), user: h.account(user, false), scopes: scopes}
	h.tokens[token.text] = token
	return token.text
}

// Revoke ends what a token is good for.
func (h *Hub) Revoke(token string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.tokens, token)
}

// Exhaust uses up the requests of a token until a time.
func (h *Hub) Exhaust(token string, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tokens[token].spent = until
}

// A hubRole is what somebody may do with a repository. Each may do what those before it may.
type hubRole int

// role tells what a token, nil for none, may do with a repository.
func (h *Hub) role(token *hubToken, r *hubRepo) hubRole {
	public := nobody
	if !r.private {
		public = reader
	}
	if token == nil {
		return public
	}
	login := strings.ToLower(token.user.login)
	is := public
	switch {
	case token.user == r.owner || r.owner.members[login] == "admin" || r.guests[login] == "admin":
		is = keeper
	case r.owner.members[login] != "" || r.guests[login] == "push":
		is = writer
	case r.guests[login] == "pull":
		is = reader
	}
	if !token.may("repo") && (r.private || !token.may("public_repo")) {
		is = min(is, public)
	}
	return is
}

func (t *hubToken) may(scope string) bool { return slices.Contains(t.scopes, scope) }
