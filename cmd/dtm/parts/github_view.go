package parts

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// A HubRepo is how a repository is at the moment.
type HubRepo struct {
	ID int64
	// Name is its full name, as in "acme/shop".
	Name, Description string
	Private, Archived bool
	// Default is the default branch, be it there or not. Branches are the commits that the branches are at.
	Default  string
	Branches map[string]string
}

// A HubCommit is one commit of a branch.
type HubCommit struct {
	SHA, Message, Author string
	Parents              []string
}

// A HubPull is how a pull request is at the moment.
type HubPull struct {
	Number            int
	Title, Body       string
	Head, Base        string // branches
	Open, Merged      bool
	HeadSHA, MergedAs string
}

// NewRepo makes an empty repository of a user or an organisation, who are there, in the web interface.
func (h *Hub) NewRepo(t testing.TB, name string, private bool) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	owner, short, _ := strings.Cut(name, "/")
	account := h.accounts[strings.ToLower(owner)]
	if r, _ := h.find(name); account == nil || r != nil {
		t.Fatalf("github: no owner of %s, or there is one already", name)
	}
	r, err := h.newRepo(account, short)
	if err != nil {
		t.Fatal(err)
	}
	r.private = private
}

// at calls do with a repository, by its name of today.
func (h *Hub) at(t testing.TB, name string, do func(r *hubRepo) error) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.repos[strings.ToLower(name)]
	if r == nil {
		t.Fatalf("github: no repository %s", name)
	}
	if err := do(r); err != nil {
		t.Fatalf("github: %s: %v", name, err)
	}
}

// Repos are the full names of all repositories, sorted.
func (h *Hub) Repos() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for _, r := range h.repos {
		all = append(all, r.fullName())
	}
	slices.Sort(all)
	return all
}

// Repo tells how a repository is.
func (h *Hub) Repo(t testing.TB, name string) HubRepo {
	t.Helper()
	var is HubRepo
	h.at(t, name, func(r *hubRepo) error {
		is = HubRepo{ID: r.id, Name: r.fullName(), Description: r.description, Private: r.private, Archived: r.archived, Default: r.branch}
		is.Branches = maps.Clone(r.heads)
		return nil
	})
	return is
}

// Files are the contents of all files of a branch, by path: none if there is no such branch.
func (h *Hub) Files(t testing.TB, name, branch string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	h.at(t, name, func(r *hubRepo) error {
		head := r.heads[branch]
		if head == "" {
			return nil
		}
		entries, err := r.entries(head, true)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Type == "blob" {
				content, err := r.read(e.SHA)
				if err != nil {
					return err
				}
				all[e.Path] = string(content)
			}
		}
		return nil
	})
	return all
}

// Log are the commits of a branch, newest first.
func (h *Hub) Log(t testing.TB, name, branch string) []HubCommit {
	t.Helper()
	var all []HubCommit
	h.at(t, name, func(r *hubRepo) error {
		for _, c := range r.log("refs/heads/" + branch) {
			all = append(all, HubCommit{SHA: c.sha, Message: c.message, Author: c.author.Name, Parents: c.parents})
		}
		return nil
	})
	return all
}

// somebody edits in the web interface.
func somebody() hubPerson {
	return hubPerson{Name: "Somebody", Email: "somebody@example.com", Date: time.Now().UTC().Format(time.RFC3339)}
}

// SetFiles makes one commit on a branch, as somebody who edits there: contents by path, nil for what is to be gone. A branch
// that is missing begins at the default one, or with this commit.
func (h *Hub) SetFiles(t testing.TB, name, branch string, files map[string][]byte) (commit string) {
	t.Helper()
	h.at(t, name, func(r *hubRepo) error {
		edit := hubCommit{message: "Edit " + strings.Join(slices.Sorted(maps.Keys(files)), ", "), author: somebody(), committer: somebody()}
		if head := cmp.Or(r.heads[branch], r.heads[r.branch]); head != "" {
			edit.parents = []string{head}
		}
		var err error
		commit, err = h.put(r, branch, files, edit)
		return err
	})
	return commit
}

// SetFile is [Hub.SetFiles] with one file.
func (h *Hub) SetFile(t testing.TB, name, branch, path, content string) (commit string) {
	t.Helper()
	return h.SetFiles(t, name, branch, map[string][]byte{path: []byte(content)})
}

// DeleteBranch removes a branch.
func (h *Hub) DeleteBranch(t testing.TB, name, branch string) {
	t.Helper()
	h.at(t, name, func(r *hubRepo) error {
		if err := r.deleteRef("refs/heads/" + branch); err != nil {
			return err
		}
		return h.settle(r)
	})
}

// Secrets are what the secrets of a repository say, by name.
func (h *Hub) Secrets(t testing.TB, name string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	h.at(t, name, func(r *hubRepo) error {
		for name, s := range r.secrets {
			all[name] = s.value
		}
		return nil
	})
	return all
}

// Pulls are the pull requests of a repository, oldest first.
func (h *Hub) Pulls(t testing.TB, name string) []HubPull {
	t.Helper()
	var all []HubPull
	h.at(t, name, func(r *hubRepo) error {
		for _, p := range r.pulls {
			all = append(all, HubPull{
				Number: p.number, Title: p.title, Body: p.body, Head: p.head, Base: p.base, HeadSHA: p.headSHA, MergedAs: p.result,
				Open: p.closed.IsZero(), Merged: !p.merged.IsZero(),
			})
		}
		return nil
	})
	return all
}

// Merge squashes a pull request into its base, as somebody who approves of it.
func (h *Hub) Merge(t testing.TB, name string, number int) {
	t.Helper()
	h.pullOf(t, name, number, func(r *hubRepo, p *hubPull) error {
		_, err := h.merge(r, p, "squash", somebody(), "")
		return err
	})
}

// Decline closes a pull request without merging it.
func (h *Hub) Decline(t testing.TB, name string, number int) {
	t.Helper()
	h.pullOf(t, name, number, func(_ *hubRepo, p *hubPull) error {
		p.closed = time.Now()
		return nil
	})
}

func (h *Hub) pullOf(t testing.TB, name string, number int, do func(*hubRepo, *hubPull) error) {
	t.Helper()
	h.at(t, name, func(r *hubRepo) error {
		if number < 1 || number > len(r.pulls) || !r.pulls[number-1].closed.IsZero() {
			return fmt.Errorf("no open pull request %d", number)
		}
		return do(r, r.pulls[number-1])
	})
}

// SetArchived makes a repository read-only, or writable again.
func (h *Hub) SetArchived(t testing.TB, name string, archived bool) {
	t.Helper()
	h.at(t, name, func(r *hubRepo) error {
		r.archived = archived
		return nil
	})
}

// SetPrivate hides a repository, or shows it.
func (h *Hub) SetPrivate(t testing.TB, name string, private bool) {
	t.Helper()
	h.at(t, name, func(r *hubRepo) error {
		r.private = private
		return nil
	})
}

// Invite gives a user who does not own a repository "pull", "push" or "admin" rights to it; "" takes them away.
func (h *Hub) Invite(t testing.TB, name, user, rights string) {
	t.Helper()
	h.at(t, name, func(r *hubRepo) error {
		r.guests[strings.ToLower(h.account(user, false).login)] = rights
		return nil
	})
}

// Rename gives a repository another full name, and so perhaps another owner, who is there. The old name leads to it.
func (h *Hub) Rename(t testing.TB, name, to string) {
	t.Helper()
	h.at(t, name, func(r *hubRepo) error {
		owner, short, _ := strings.Cut(to, "/")
		account := h.accounts[strings.ToLower(owner)]
		if account == nil || h.repos[strings.ToLower(to)] != nil {
			return fmt.Errorf("%s is not free", to)
		}
		h.rename(r, account, short)
		return nil
	})
}

// Remove deletes a repository.
func (h *Hub) Remove(t testing.TB, name string) {
	t.Helper()
	h.at(t, name, func(r *hubRepo) error {
		h.forget(r)
		return nil
	})
}

// CloneURL is the address of a repository for git, with a token in it, or without one if that is empty.
func (h *Hub) CloneURL(name, token string) string {
	address := h.GitURL + name + ".git"
	if token == "" {
		return address
	}
	return strings.Replace(address, "://", "://x-access-token:"+url.QueryEscape(token)+"@", 1)
}
