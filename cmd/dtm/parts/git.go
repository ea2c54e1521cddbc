package parts

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// gitHost is a folder of real, bare repositories, which git keeps and serves. What stands in for a service that hosts code
// has one: what its API writes can be cloned, and what is pushed its API reads. Methods may be called by many goroutines.
type gitHost struct {
	program, dir string
	http         *cgi.Handler
	serving      atomic.Int32 // how many requests git answers
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
	h.serving.Add(1)
	defer h.serving.Add(-1)
	if err := repo.flush(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	r = r.Clone(r.Context())
	r.URL.Path = "/" + filepath.Base(repo.dir) + rest
	r.URL.RawPath = ""
	h.http.ServeHTTP(w, r)
}

// gitRepo is one bare repository.
type gitRepo struct {
	host    *gitHost
	dir     string
	objects gitObjects
}

// create makes an empty repository in a folder of that name, whose HEAD names the branch.
func (h *gitHost) create(name, branch string) (*gitRepo, error) {
	r := &gitRepo{host: h, dir: filepath.Join(h.dir, name+".git")}
	r.objects.seen = make(map[string]gitObject)
	for _, folder := range []string{"objects", "refs/heads"} {
		if err := os.MkdirAll(filepath.Join(r.dir, folder), 0o755); err != nil {
			return nil, err
		}
	}
	// Nothing that is pushed is packed, nor is anything cleaned up behind somebody's back.
	const config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n[gc]\n\tauto = 0\n[receive]\n\tautogc = false\n\tunpackLimit = 100000\n"
	if err := os.WriteFile(filepath.Join(r.dir, "config"), []byte(config), 0o644); err != nil {
		return nil, err
	}
	return r, os.WriteFile(filepath.Join(r.dir, "HEAD"), []byte("ref: refs/heads/"+branch+"\n"), 0o644)
}

// remove deletes it with all that is in it.
func (r *gitRepo) remove() error { return os.RemoveAll(r.dir) }

// git runs one command in the repository.
func (r *gitRepo) git(stdin []byte, env []string, args ...string) ([]byte, error) {
	if err := r.flush(); err != nil {
		return nil, err
	}
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

// resolve is the object that a reference, a SHA-1 or a path of a commit stands for, as in "refs/heads/main^{tree}" or
// "1234…:dir/file", "" if there is none.
func (r *gitRepo) resolve(name string) string {
	if commit, path, ok := strings.Cut(name, ":"); ok {
		found := r.within(r.resolve(commit+"^{tree}"), path)
		return found[strings.LastIndexByte(found, ' ')+1:]
	}
	name, tree := strings.CutSuffix(name, "^{tree}")
	name, commit := strings.CutSuffix(name, "^{commit}")
	if strings.HasPrefix(name, "refs/") {
		name = r.ref(name)
	}
	is := r.object(name).kind
	if said, ok := r.commitOf(name); ok && tree {
		return said.tree
	}
	if is == "" || tree && is != "tree" || commit && is != "commit" {
		return ""
	}
	return name
}

// ref is what a reference stands for, "" if there is none.
func (r *gitRepo) ref(name string) string {
	text, err := os.ReadFile(filepath.Join(r.dir, filepath.FromSlash(name)))
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(text))
}

// branches are the heads of the branches, by name.
func (r *gitRepo) branches() (map[string]string, error) {
	heads, root := map[string]string{}, filepath.Join(r.dir, "refs", "heads")
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // gone since it was listed
		case err != nil || d.IsDir() || strings.HasSuffix(file, ".lock"):
			return err
		}
		name, err := filepath.Rel(root, file)
		if sha := r.ref("refs/heads/" + name); err == nil && sha != "" {
			heads[name] = sha
		}
		return err
	})
	return heads, err
}

// errMoved says that a branch is not where it was thought to be.
var errMoved = errors.New("the branch has moved")

// move brings a branch from one commit to another, in one step. From "" it is made, to "" it is removed.
func (r *gitRepo) move(branch, from, to string) error {
	if err := r.swap("refs/heads/"+branch, from, to); err != nil {
		return fmt.Errorf("%w: %w", errMoved, err)
	}
	return nil
}

// plainRef is a reference whose name needs no second look.
var plainRef = regexp.MustCompile(`^refs(/[A-Za-z0-9][A-Za-z0-9_-]*)+$`)

// swap changes what a reference stands for, "" if it is missing, if that is what it is thought to be.
func (r *gitRepo) swap(name, from, to string) error {
	if !plainRef.MatchString(name) || to == "" {
		const none = "0000000000000000000000000000000000000000"
		_, err := r.git(nil, nil, "update-ref", name, cmp.Or(to, none), cmp.Or(from, none))
		return err
	}
	// Git locks it in the same way.
	file := filepath.Join(r.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(file+".lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = lock.WriteString(to + "\n")
	if closed := lock.Close(); err == nil {
		err = closed
	}
	if is := r.ref(name); err == nil && is != from {
		err = fmt.Errorf("%s is at %q", name, is)
	}
	if err == nil && r.host.serving.Load() > 0 {
		err = r.flush() // somebody may read what follows from it at any moment
	}
	if err == nil {
		err = os.Rename(lock.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(lock.Name()))
	}
	return nil
}

// point makes HEAD name another branch, which need not exist.
func (r *gitRepo) point(branch string) error {
	return replaceFile(filepath.Join(r.dir, "HEAD"), []byte("ref: refs/heads/"+branch+"\n"))
}

// read is the content of a blob.
func (r *gitRepo) read(blob string) ([]byte, error) {
	o := r.object(blob)
	if o.kind != "blob" {
		return nil, fmt.Errorf("there is no blob %q", blob)
	}
	return bytes.Clone(o.content), nil
}

// blob keeps a content and returns its SHA-1.
func (r *gitRepo) blob(content []byte) (string, error) { return r.keep("blob", content), nil }

// commit makes a commit of a tree, or of a commit's, on no branch yet.
func (r *gitRepo) commit(tree, message, author string, at time.Time, parents ...string) (string, error) {
	by := hubPerson{Name: author, Email: author + "@example.com", Date: at.UTC().Format(time.RFC3339)}
	if !strings.HasSuffix(message, "\n") {
		message += "\n"
	}
	return r.write(hubCommit{tree: r.resolve(tree + "^{tree}"), parents: parents, author: by, committer: by, message: message})
}
