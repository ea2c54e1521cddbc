package parts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// gitHost is a folder of real, bare repositories, which git keeps and serves. What stands in for a service that hosts code
// has one: what its API writes can be cloned, and what is pushed its API reads. Methods may be called by many goroutines.
type gitHost struct {
	program, dir string
	http         *cgi.Handler
}

// newGitHost keeps repositories until the test ends.
func newGitHost(t testing.TB) *gitHost {
	t.Helper()
	h := &gitHost{program: Git(t), dir: t.TempDir()}
	h.http = &cgi.Handler{
		Path: h.program,
		Args: []string{"http-backend"},
		Dir:  h.dir,
		Env:  append(h.environ(), "GIT_PROJECT_ROOT="+h.dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=git"),
		// What it says to its standard error would stand between the lines of the test.
		Stderr: io.Discard,
	}
	return h
}

// environ leaves out whatever the user of this machine has told git.
func (h *gitHost) environ() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + h.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "LC_ALL=C",
	}
}

// serve speaks git over HTTP for a repository; rest is what follows its name in the path, as in "/info/refs". Who may read
// and who may push has been asked before.
func (h *gitHost) serve(w http.ResponseWriter, r *http.Request, repo *gitRepo, rest string) {
	r = r.Clone(r.Context())
	r.URL.Path = "/" + filepath.Base(repo.dir) + rest
	r.URL.RawPath = ""
	h.http.ServeHTTP(w, r)
}

// gitRepo is one bare repository.
type gitRepo struct {
	host *gitHost
	dir  string
}

// create makes an empty repository in a folder of that name, whose HEAD names the branch.
func (h *gitHost) create(name, branch string) (*gitRepo, error) {
	r := &gitRepo{host: h, dir: filepath.Join(h.dir, name+".git")}
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		return nil, err
	}
	_, err := r.git(nil, nil, "init", "--quiet", "--bare", "--template=", "--initial-branch="+branch, ".")
	return r, err
}

// remove deletes it with all that is in it.
func (r *gitRepo) remove() error { return os.RemoveAll(r.dir) }

// git runs one command in the repository.
func (r *gitRepo) git(stdin []byte, env []string, args ...string) ([]byte, error) {
	cmd := exec.Command(r.host.program, args...)
	cmd.Dir = r.dir
	cmd.Env = append(r.host.environ(), env...)
	cmd.Stdin = bytes.NewReader(stdin)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out, nil
}

// head is the commit that a branch is at, "" if there is no such branch.
func (r *gitRepo) head(branch string) string { return r.resolve("refs/heads/" + branch + "^{commit}") }

// resolve is the object that a name stands for, as in "main", "HEAD^{tree}" or a SHA-1, "" if there is none.
func (r *gitRepo) resolve(name string) string {
	out, err := r.git(nil, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", name)
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(out))
}

// branches are the heads of the branches, by name.
func (r *gitRepo) branches() (map[string]string, error) {
	out, err := r.git(nil, nil, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/")
	heads := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, sha, _ := strings.Cut(strings.TrimSpace(line), " ")
		heads[strings.TrimPrefix(name, "refs/heads/")] = sha
	}
	return heads, err
}

// errMoved says that a branch is not where it was thought to be.
var errMoved = errors.New("the branch has moved")

// move brings a branch from one commit to another, in one step. From "" it is made, to "" it is removed.
func (r *gitRepo) move(branch, from, to string) error {
	const none = "0000000000000000000000000000000000000000"
	if from == "" {
		from = none
	}
	if to == "" {
		to = none
	}
	if _, err := r.git(nil, nil, "update-ref", "refs/heads/"+branch, to, from); err != nil {
		return fmt.Errorf("%w: %w", errMoved, err)
	}
	return nil
}

// point makes HEAD name another branch, which need not exist.
func (r *gitRepo) point(branch string) error {
	_, err := r.git(nil, nil, "symbolic-ref", "HEAD", "refs/heads/"+branch)
	return err
}

// gitEntry is one line of a tree.
type gitEntry struct {
	// Mode is as git has it: "100644", "100755", "040000". Type is "blob", "tree" or "commit".
	Mode, Type, SHA string
	// Path starts at the root of the tree.
	Path string
}

// list is what a tree, or the tree of a commit, has: all the way down, folders before what is in them, sorted by path.
func (r *gitRepo) list(tree string) ([]gitEntry, error) {
	out, err := r.git(nil, nil, "ls-tree", "-r", "-t", "-z", "--full-tree", tree)
	if err != nil {
		return nil, err
	}
	var entries []gitEntry
	for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		about, path, ok := strings.Cut(line, "\t")
		words := strings.Fields(about)
		if !ok || len(words) != 3 {
			continue // an empty tree
		}
		entries = append(entries, gitEntry{Mode: words[0], Type: words[1], SHA: words[2], Path: path})
	}
	return entries, nil
}

// read is the content of a blob.
func (r *gitRepo) read(blob string) ([]byte, error) { return r.git(nil, nil, "cat-file", "blob", blob) }

// blob keeps a content and returns its SHA-1.
func (r *gitRepo) blob(content []byte) (string, error) {
	out, err := r.git(content, nil, "hash-object", "-w", "--stdin")
	return string(bytes.TrimSpace(out)), err
}

// tree makes a tree of another ("" for none), in which the entries are put, or removed where their SHA is "".
func (r *gitRepo) tree(base string, entries []gitEntry) (string, error) {
	index, err := os.MkdirTemp(r.host.dir, "index-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(index) }() // or it goes with the test
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(index, "index")}
	if base == "" {
		base = "--empty"
	}
	if _, err := r.git(nil, env, "read-tree", base); err != nil {
		return "", err
	}
	var lines bytes.Buffer
	for _, e := range entries {
		if e.SHA == "" {
			fmt.Fprintf(&lines, "0 %040d\t%s\x00", 0, e.Path)
		} else {
			fmt.Fprintf(&lines, "%s %s\t%s\x00", e.Mode, e.SHA, e.Path)
		}
	}
	if _, err := r.git(lines.Bytes(), env, "update-index", "-z", "--index-info"); err != nil {
		return "", err
	}
	out, err := r.git(nil, env, "write-tree")
	return string(bytes.TrimSpace(out)), err
}

// commit makes a commit of a tree, on no branch yet.
func (r *gitRepo) commit(tree, message, author string, at time.Time, parents ...string) (string, error) {
	args := []string{"commit-tree", "-F", "-", tree}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	date, mail := at.UTC().Format(time.RFC3339), author+"@example.com"
	env := []string{
		"GIT_AUTHOR_NAME=" + author, "GIT_AUTHOR_EMAIL=" + mail, "GIT_AUTHOR_DATE=" + date,
		"GIT_COMMITTER_NAME=" + author, "GIT_COMMITTER_EMAIL=" + mail, "GIT_COMMITTER_DATE=" + date,
	}
	out, err := r.git([]byte(message), env, args...)
	return string(bytes.TrimSpace(out)), err
}

// touched is the last commit, seen from ref, that changed a path; "" if none did.
func (r *gitRepo) touched(ref, path string) (string, error) {
	out, err := r.git(nil, []string{"GIT_LITERAL_PATHSPECS=1"}, "rev-list", "--max-count=1", ref, "--", path)
	return string(bytes.TrimSpace(out)), err
}

// ancestor tells whether one commit is, or comes before, another.
func (r *gitRepo) ancestor(of, commit string) bool {
	_, err := r.git(nil, nil, "merge-base", "--is-ancestor", commit, of)
	return err == nil
}
