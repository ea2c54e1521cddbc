package parts

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Hub stands in for GitHub: its interface on one address of the loopback, and the repositories themselves, for git, on
// another. What it holds is real: a commit made through the interface is cloned by the git command, and what is pushed is
// read through the interface.
//
// It cannot lie. Each request and each answer is held against the description that GitHub publishes, and what is not as
// described fails the test. Where the description is silent, such as for empty or archived repositories, for tokens
// without a scope and for a name that a repository had before, it does what GitHub has been seen to do.
//
// Its methods may be called by many goroutines at the same time, and while clients ask.
type Hub struct {
	// URL is the address of the interface. It ends with a slash. GitURL is what the addresses of repositories start with,
	// and ends with one, too: GitURL + "acme/shop.git".
	URL, GitURL string

	t        testing.TB
	gits     *gitHost
	contract *contract

	mu       sync.Mutex // what follows, and that one request has its effect after the other
	lastID   int64
	accounts map[string]*hubAccount // by name in lower case, as are all names here
	tokens   map[string]*hubToken
	repos    map[string]*hubRepo // by full name
	moved    map[string]*hubRepo // by a full name that it had
	pageSize int
	treeSize int

	watch hubWatch
}

type hubRepo struct {
	hubGit
	id          int64
	owner       *hubAccount
	name        string
	description string
	homepage    string
	private     bool
	archived    bool
	branch      string            // the default one, be it there or not
	heads       map[string]string // what the branches are at; git is asked when one has been moved
	switches    map[string]bool   // has_issues and the like
	guests      map[string]string // users who are no members: "pull", "push" or "admin"
	created     time.Time
	updated     time.Time
	pushed      time.Time
	pulls       []*hubPull
	key         *hubKey
	secrets     map[string]*hubSecret
}

func (r *hubRepo) fullName() string { return r.owner.login + "/" + r.name }

// GitHub starts a stand-in that knows nobody and ends with the test. It needs the git command.
func GitHub(t testing.TB) *Hub {
	t.Helper()
	agreed, err := githubContract()
	if err != nil {
		t.Fatal(err)
	}
	h := &Hub{
		t:        t,
		gits:     newGitHost(t),
		contract: agreed,
		accounts: make(map[string]*hubAccount),
		tokens:   make(map[string]*hubToken),
		repos:    make(map[string]*hubRepo),
		moved:    make(map[string]*hubRepo),
		pageSize: 100,
		treeSize: 100_000,
		watch:    hubWatch{running: make(map[string]int), most: make(map[string]int)},
	}
	silent := log.New(io.Discard, "", 0)
	start := func(handler http.HandlerFunc) string {
		server := httptest.NewUnstartedServer(handler)
		server.Config.ErrorLog = silent
		server.Start()
		t.Cleanup(func() {
			h.watch.heal() // or a slow answer keeps its server
			server.Close()
		})
		return server.URL + "/"
	}
	h.URL, h.GitURL = start(h.serveAPI), start(h.serveGit)
	return h
}

func (h *Hub) newID() int64 {
	h.lastID++
	return h.lastID
}

// PageSize makes lists have no more than so many elements a page, however many are asked for. It is 100 at first.
func (h *Hub) PageSize(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pageSize = n
}

// TreeSize makes trees that are read through have no more than so many entries, and say that they are truncated.
func (h *Hub) TreeSize(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.treeSize = n
}

// newRepo makes an empty repository. The caller has seen that the name is free.
func (h *Hub) newRepo(owner *hubAccount, name string) (*hubRepo, error) {
	id := h.newID()
	kept, err := h.gits.create(strconv.FormatInt(id, 10), "main")
	if err != nil {
		return nil, err
	}
	key, err := newHubKey(id)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	r := &hubRepo{
		hubGit: hubGit{kept}, id: id, owner: owner, name: name, branch: "main",
		created: now, updated: now, pushed: now,
		switches: map[string]bool{
			"has_issues": true, "has_projects": true, "has_wiki": true, "has_discussions": false, "is_template": false,
			"allow_squash_merge": true, "allow_merge_commit": true, "allow_rebase_merge": false, "allow_auto_merge": false,
			"delete_branch_on_merge": false, "allow_update_branch": false, "web_commit_signoff_required": false,
		},
		guests: make(map[string]string), key: key, secrets: make(map[string]*hubSecret),
	}
	full := strings.ToLower(r.fullName())
	h.repos[full] = r
	delete(h.moved, full) // who has the name now is meant by it
	return r, nil
}

// rename moves a repository to another name, which is free. The old one leads to it.
func (h *Hub) rename(r *hubRepo, owner *hubAccount, name string) {
	old := strings.ToLower(r.fullName())
	delete(h.repos, old)
	h.moved[old] = r
	r.owner, r.name = owner, name
	full := strings.ToLower(r.fullName())
	h.repos[full] = r
	delete(h.moved, full)
}

func (h *Hub) forget(r *hubRepo) {
	delete(h.repos, strings.ToLower(r.fullName()))
	for name, moved := range h.moved {
		if moved == r {
			delete(h.moved, name)
		}
	}
}

const (
	nobody hubRole = iota
	reader
	writer
	keeper
)

// settle sees to what follows from a reference being moved, by whatever way: the first branch of a repository becomes its
// default one, and pull requests are closed or merged.
func (h *Hub) settle(r *hubRepo) error {
	var err error
	if r.heads, err = r.branches(); err != nil {
		return err
	}
	if r.heads[r.branch] == "" && len(r.heads) > 0 {
		for name := range r.heads {
			r.branch = name
		}
		if err := r.point(r.branch); err != nil {
			return err
		}
	}
	r.pushed, r.updated = time.Now(), time.Now()
	for _, p := range r.pulls {
		if p.closed.IsZero() {
			p.settle(r)
		}
	}
	return nil
}

// find is the repository of a full name, with or without ".git", and whether it has another name today.
func (h *Hub) find(full string) (r *hubRepo, moved bool) {
	full = strings.ToLower(full)
	if r := h.repos[full]; r != nil {
		return r, false
	}
	r = h.moved[full]
	return r, r != nil
}

func (h *Hub) broken(r *http.Request, format string, args ...any) {
	h.t.Errorf("github: %s %s: %s", r.Method, r.URL.Path, fmt.Sprintf(format, args...))
}
