package parts

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v45/github"
	"golang.org/x/crypto/nacl/box"
)

func TestHubRepository(t *testing.T) {
	h, c := shopHub(t)
	ctx := t.Context()
	me := need[*github.User](t)(c.Users.Get(ctx, ""))
	if me.GetLogin() != "alice" || need[*github.User](t)(c.Users.Get(ctx, "acme")).GetType() != "Organization" {
		t.Errorf("alice is %v", me)
	}
	need[*github.Organization](t)(c.Organizations.Get(ctx, "acme"))
	c.BaseURL.Path = "/api/v3/"
	need[*github.Repository](t)(c.Repositories.Get(ctx, "ACME", "Shop"))
	c.BaseURL.Path = "/"
	made := need[*github.Repository](t)(c.Repositories.Create(ctx, "acme", &github.Repository{
		Name: github.String("my tools"), Private: github.Bool(true), Description: github.String("Tools & more"), AutoInit: github.Bool(true),
	}))
	if made.GetFullName() != "acme/my-tools" || !made.GetPrivate() || made.GetDefaultBranch() != "main" || made.GetOwner().GetType() != "Organization" {
		t.Errorf("made %v", made)
	}
	if got := h.Files(t, "acme/my-tools", "main"); got["README.md"] != "# my-tools\n" {
		t.Errorf("it begins with %q", got)
	}
	_, _, err := c.Repositories.Create(ctx, "acme", &github.Repository{Name: github.String("My-Tools")})
	refused(t, 422, "name already exists on this account", err)
	own := need[*github.Repository](t)(c.Repositories.Create(ctx, "", &github.Repository{Name: github.String("notes")}))
	if own.GetFullName() != "alice/notes" || own.GetPrivate() {
		t.Errorf("made %v", own)
	}

	changed := need[*github.Repository](t)(c.Repositories.Edit(ctx, "acme", "my-tools", &github.Repository{
		Name: github.String("tools"), Description: github.String(""), HasWiki: github.Bool(false),
	}))
	if changed.GetFullName() != "acme/tools" || changed.Description != nil || changed.GetHasWiki() || changed.GetID() != made.GetID() {
		t.Errorf("changed to %v", changed)
	}
	_, _, err = c.Repositories.Edit(ctx, "acme", "tools", &github.Repository{Visibility: github.String("private")})
	refused(t, 422, "Visibility is already private", err)
	_, _, err = c.Repositories.Edit(ctx, "acme", "tools", &github.Repository{DefaultBranch: github.String("none")})
	refused(t, 422, "was not found", err)

	// The old name leads to the new one, for reading and for writing, until somebody else has it.
	if got := need[*github.Repository](t)(c.Repositories.Get(ctx, "acme", "my-tools")); got.GetFullName() != "acme/tools" {
		t.Errorf("the old name leads to %v", got)
	}
	got := need[*github.Repository](t)(c.Repositories.Edit(ctx, "acme", "my-tools", &github.Repository{Description: github.String("Old")}))
	if got.GetDescription() != "Old" || h.Repo(t, "acme/tools").Description != "Old" {
		t.Errorf("the old name leads to %v", got)
	}
	file, _, _, err := c.Repositories.GetContents(ctx, "acme", "my-tools", "README.md", nil)
	if err != nil || file.GetPath() != "README.md" {
		t.Errorf("the old name leads to %v, %v", file, err)
	}
	if _, list, _, err := c.Repositories.GetContents(ctx, "acme", "my-tools", "", nil); err != nil || len(list) != 1 {
		t.Errorf("the old name leads to %v, %v", list, err)
	}
	need[*github.Repository](t)(c.Repositories.Create(ctx, "acme", &github.Repository{Name: github.String("my-tools")}))
	if got := need[*github.Repository](t)(c.Repositories.Get(ctx, "acme", "my-tools")); got.GetID() == made.GetID() {
		t.Errorf("the name is still that of %v", got)
	}

	need[*github.Repository](t)(c.Repositories.Edit(ctx, "acme", "tools", &github.Repository{Archived: github.Bool(true)}))
	_, err = c.Actions.DeleteRepoSecret(ctx, "acme", "tools", "X")
	refused(t, 403, "archived", err)
	_, _, err = c.Repositories.Edit(ctx, "acme", "tools", &github.Repository{Description: github.String("New")})
	refused(t, 403, "archived", err)
	need[*github.Repository](t)(c.Repositories.Edit(ctx, "acme", "tools", &github.Repository{Archived: github.Bool(false)}))
	if _, err := c.Repositories.Delete(ctx, "acme", "tools"); err != nil {
		t.Fatal(err)
	}
	_, err = c.Repositories.Delete(ctx, "acme", "tools")
	refused(t, 404, "Not Found", err)
	if want := []string{"acme/my-tools", "acme/shop", "alice/notes"}; !slices.Equal(h.Repos(), want) {
		t.Errorf("there are %q, want %q", h.Repos(), want)
	}
}

func TestHubEmptyRepository(t *testing.T) {
	h, c := shopHub(t)
	ctx := t.Context()
	_, _, err := c.Git.GetRef(ctx, "acme", "shop", "heads/main")
	refused(t, 409, "Git Repository is empty.", err)
	_, _, err = c.Git.GetTree(ctx, "acme", "shop", "main", true)
	refused(t, 409, "Git Repository is empty.", err)
	_, _, err = c.Git.CreateBlob(ctx, "acme", "shop", &github.Blob{Content: github.String("x")})
	refused(t, 409, "Git Repository is empty.", err)
	_, _, err = c.Git.CreateTree(ctx, "acme", "shop", "", []*github.TreeEntry{{Path: github.String("x"), Mode: github.String("100644"), Content: github.String("x")}})
	refused(t, 409, "Git Repository is empty.", err)
	_, _, err = c.Repositories.GetBranch(ctx, "acme", "shop", "main", false)
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("the branch is found: %v", err)
	}
	_, _, _, err = c.Repositories.GetContents(ctx, "acme", "shop", "", nil)
	refused(t, 404, "This repository is empty.", err)
	if got := need[[]*github.Branch](t)(c.Repositories.ListBranches(ctx, "acme", "shop", nil)); len(got) > 0 {
		t.Errorf("it has branches %v", got)
	}
	_, _, err = c.Repositories.CreateFile(ctx, "acme", "shop", "README.md", &github.RepositoryContentFileOptions{
		Message: github.String("First"), Content: []byte("hello"), Branch: github.String("other"),
	})
	refused(t, 404, "Branch other not found", err)
	first := need[*github.RepositoryContentResponse](t)(c.Repositories.CreateFile(ctx, "acme", "shop", "README.md",
		&github.RepositoryContentFileOptions{Message: github.String("First"), Content: []byte("hello")}))
	if got := h.Repo(t, "acme/shop"); got.Branches["main"] != first.GetSHA() || len(got.Branches) != 1 {
		t.Errorf("it has %v, want %s", got.Branches, first.GetSHA())
	}
	if _, err := commitFiles(ctx, c, "main", first.GetSHA(), map[string]string{"a/b.txt": "b"}); err != nil {
		t.Fatal(err)
	}
	if got, want := h.Files(t, "acme/shop", "main"), map[string]string{"README.md": "hello", "a/b.txt": "b"}; !maps.Equal(got, want) {
		t.Errorf("it holds %q, want %q", got, want)
	}
}

func TestHubSecrets(t *testing.T) {
	h, c := shopHub(t)
	ctx := t.Context()
	key := need[*github.PublicKey](t)(c.Actions.GetRepoPublicKey(ctx, "acme", "shop"))
	raw, err := base64.StdEncoding.DecodeString(key.GetKey())
	if err != nil {
		t.Fatal(err)
	}
	set := func(name, value, keyID string) (*github.Response, error) {
		sealed, err := box.SealAnonymous(nil, []byte(value), (*[32]byte)(raw), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return c.Actions.CreateOrUpdateRepoSecret(ctx, "acme", "shop",
			&github.EncryptedSecret{Name: name, KeyID: keyID, EncryptedValue: base64.StdEncoding.EncodeToString(sealed)})
	}
	for i, want := range []int{201, 204} {
		reply, err := set("Token_One", fmt.Sprint("s3cr3t", i), key.GetKeyID())
		if err != nil || reply.StatusCode != want {
			t.Fatalf("set: %v, %v, want %d", reply, err, want)
		}
	}
	_, err = set("X", "y", "1")
	refused(t, 422, "not sealed", err)
	_, err = set("GITHUB_X", "y", key.GetKeyID())
	refused(t, 422, "must not start with GITHUB_", err)
	if _, err := set("ANOTHER", "", key.GetKeyID()); err != nil {
		t.Fatal(err)
	}
	if got, want := h.Secrets(t, "acme/shop"), map[string]string{"TOKEN_ONE": "s3cr3t1", "ANOTHER": ""}; !maps.Equal(got, want) {
		t.Errorf("the secrets are %q, want %q", got, want)
	}
	h.PageSize(1)
	var names []string
	for next := 1; next > 0; {
		list, reply, err := c.Actions.ListRepoSecrets(ctx, "acme", "shop", &github.ListOptions{Page: next, PerPage: 100})
		if err != nil || list.TotalCount != 2 || len(list.Secrets) != 1 {
			t.Fatalf("page %d is %v, %v", next, list, err)
		}
		names = append(names, list.Secrets[0].Name)
		next = reply.NextPage
	}
	if !slices.Equal(names, []string{"ANOTHER", "TOKEN_ONE"}) {
		t.Errorf("listed are %q", names)
	}
	if _, err := c.Actions.DeleteRepoSecret(ctx, "acme", "shop", "token_one"); err != nil {
		t.Fatal(err)
	}
	_, err = c.Actions.DeleteRepoSecret(ctx, "acme", "shop", "TOKEN_ONE")
	refused(t, 404, "Not Found", err)
}

func TestHubLetsNobodyDoWhatTheyMayNot(t *testing.T) {
	h, _ := shopHub(t)
	ctx := t.Context()
	h.SetFile(t, "acme/shop", "main", "README.md", "hello")
	h.NewRepo(t, "acme/open", false)
	h.User("carol")
	h.Invite(t, "acme/shop", "dave", "pull")
	member := h.Token("bob")
	clients := map[string]*github.Client{
		"nobody": hubClient(h, ""), "stranger": hubClient(h, h.Token("carol")), "guest": hubClient(h, h.Token("dave")), "member": hubClient(h, member),
		"without scopes": hubClient(h, h.Token("alice", "")), "public only": hubClient(h, h.Token("alice", "public_repo")),
		"no workflows": hubClient(h, h.Token("alice", "repo")), "wrong": hubClient(h, "ghp_wrong"),
	}
	read := func(c *github.Client) error { _, _, err := c.Repositories.Get(ctx, "acme", "shop"); return err }
	write := func(c *github.Client, repo, path string) error {
		_, _, err := c.Repositories.CreateFile(ctx, "acme", repo, path, &github.RepositoryContentFileOptions{Message: github.String("x"), Content: []byte("x")})
		return err
	}
	tests := []struct {
		who     string
		err     error
		status  int
		message string
	}{
		{"nobody", read(clients["nobody"]), 404, "Not Found"},
		{"stranger", read(clients["stranger"]), 404, "Not Found"},
		{"without scopes", read(clients["without scopes"]), 404, "Not Found"},
		{"public only", read(clients["public only"]), 404, "Not Found"},
		{"wrong", read(clients["wrong"]), 401, "Bad credentials"},
		{"nobody", write(clients["nobody"], "open", "x"), 401, "Requires authentication"},
		{"stranger", write(clients["stranger"], "open", "x"), 404, "Not Found"},
		{"guest", write(clients["guest"], "shop", "x"), 404, "Not Found"},
		{"no workflows", write(clients["no workflows"], "shop", ".github/workflows/x.yml"), 404, "Not Found"},
		{"member", func() error { _, err := clients["member"].Repositories.Delete(ctx, "acme", "shop"); return err }(), 403, "Must have admin rights"},
		{"no workflows", func() error { _, err := clients["no workflows"].Repositories.Delete(ctx, "acme", "shop"); return err }(), 403, "Must have admin rights"},
		{"guest", func() error { _, _, err := clients["guest"].Actions.GetRepoPublicKey(ctx, "acme", "shop"); return err }(), 403, "Must have admin rights"},
		{"stranger", func() error {
			_, _, err := clients["stranger"].Repositories.Create(ctx, "acme", &github.Repository{Name: github.String("x")})
			return err
		}(), 403, "You need admin access to the organization"},
	}
	for _, tt := range tests {
		t.Run(tt.who, func(t *testing.T) { refused(t, tt.status, tt.message, tt.err) })
	}
	for _, err := range []error{
		read(clients["guest"]), read(clients["member"]), write(clients["member"], "shop", ".github/workflows/y.yml"), write(clients["public only"], "open", "y"),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	h.Revoke(member)
	refused(t, 401, "Bad credentials", read(clients["member"]))
}
