package parts

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1" // it is how Git names what it keeps
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// What is here keeps objects as git does: to start git for each of them is most of the time that a test of a stand-in takes.
// They are written where git finds them before it is started; `git fsck` finds nothing wrong with them.

// gitObjects are those that have been made or read. An object never changes.
type gitObjects struct {
	mu   sync.Mutex
	seen map[string]gitObject
	// fresh are those that are not written yet.
	fresh []string
}

type gitObject struct {
	kind    string // "" if there is no such object
	content []byte
}

func (o gitObject) whole() []byte {
	return append(fmt.Appendf(nil, "%s %d\x00", o.kind, len(o.content)), o.content...)
}

// keep makes an object and returns its SHA-1.
func (r *gitRepo) keep(kind string, content []byte) string {
	o := gitObject{kind, bytes.Clone(content)}
	sum := sha1.Sum(o.whole())
	sha := hex.EncodeToString(sum[:])
	r.objects.mu.Lock()
	defer r.objects.mu.Unlock()
	if _, known := r.objects.seen[sha]; !known {
		r.objects.seen[sha] = o
		r.objects.fresh = append(r.objects.fresh, sha)
	}
	return sha
}

// flush writes what is not written yet.
func (r *gitRepo) flush() error {
	r.objects.mu.Lock()
	defer r.objects.mu.Unlock()
	for _, sha := range r.objects.fresh {
		file := r.objectFile(sha)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		var packed bytes.Buffer
		z := zlib.NewWriter(&packed)
		if _, err := z.Write(r.objects.seen[sha].whole()); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		if err := replaceFile(file, packed.Bytes()); err != nil {
			return err
		}
	}
	r.objects.fresh = nil
	return nil
}

// replaceFile makes a file in one step, for those who read it meanwhile.
func replaceFile(file string, content []byte) error {
	half := file + ".half"
	if err := os.WriteFile(half, content, 0o644); err != nil {
		return err
	}
	return os.Rename(half, file)
}

func (r *gitRepo) objectFile(sha string) string {
	return filepath.Join(r.dir, "objects", sha[:2], sha[2:])
}

// object reads one. What was pushed may be packed, which git looks into.
func (r *gitRepo) object(sha string) gitObject {
	if len(sha) != 40 || strings.Trim(sha, "0123456789abcdef") != "" {
		return gitObject{}
	}
	r.objects.mu.Lock()
	o, known := r.objects.seen[sha]
	r.objects.mu.Unlock()
	if known {
		return o
	}
	if o = readObject(r.objectFile(sha)); o.kind == "" {
		kind, err := r.git(nil, nil, "cat-file", "-t", sha)
		if err != nil {
			return gitObject{}
		}
		o.kind = string(bytes.TrimSpace(kind))
		if o.content, err = r.git(nil, nil, "cat-file", o.kind, sha); err != nil {
			return gitObject{}
		}
	}
	r.objects.mu.Lock()
	defer r.objects.mu.Unlock()
	r.objects.seen[sha] = o
	return o
}

func readObject(file string) gitObject {
	packed, err := os.Open(file)
	if err != nil {
		return gitObject{}
	}
	defer packed.Close()
	z, err := zlib.NewReader(packed)
	if err != nil {
		return gitObject{}
	}
	whole, err := io.ReadAll(z)
	head, content, ok := bytes.Cut(whole, []byte{0})
	kind, _, _ := strings.Cut(string(head), " ")
	if err != nil || !ok {
		return gitObject{}
	}
	return gitObject{kind, content}
}

// commitOf is what a commit object says.
func (r *gitRepo) commitOf(sha string) (said hubCommit, ok bool) {
	o := r.object(sha)
	if o.kind != "commit" {
		return hubCommit{}, false
	}
	said.sha = sha
	head, message, _ := strings.Cut(string(o.content), "\n\n")
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "tree":
			said.tree = value
		case "parent":
			said.parents = append(said.parents, value)
		case "author":
			said.author = personOf(value)
		case "committer":
			said.committer = personOf(value)
		}
	}
	said.message = strings.TrimSuffix(message, "\n")
	return said, true
}

// personOf reads "Ann <ann@example.com> 1767268800 +0100".
func personOf(line string) hubPerson {
	name, rest, _ := strings.Cut(line, " <")
	mail, when, _ := strings.Cut(rest, "> ")
	var seconds int64
	var zone string
	if _, err := fmt.Sscan(when, &seconds, &zone); err != nil {
		return hubPerson{Name: name, Email: mail}
	}
	at := time.Unix(seconds, 0).UTC()
	if z, err := time.Parse("-0700", zone); err == nil {
		at = at.In(z.Location())
	}
	return hubPerson{Name: name, Email: mail, Date: at.Format(time.RFC3339)}
}

// line is how a commit object names who made it.
func (p hubPerson) line() (string, error) {
	at, err := time.Parse(time.RFC3339, p.Date)
	if err != nil {
		return "", err
	}
	clean := strings.NewReplacer("<", "", ">", "", "\n", "")
	return fmt.Sprintf("%s <%s> %d %s", clean.Replace(p.Name), clean.Replace(p.Email), at.Unix(), at.Format("-0700")), nil
}

// write makes a commit, on no branch yet.
func (r *gitRepo) write(c hubCommit) (string, error) {
	author, err := c.author.line()
	if err != nil {
		return "", err
	}
	committer, err := c.committer.line()
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "tree %s\n", c.tree)
	for _, p := range c.parents {
		fmt.Fprintf(&b, "parent %s\n", p)
	}
	fmt.Fprintf(&b, "author %s\ncommitter %s\n\n%s", author, committer, c.message)
	return r.keep("commit", b.Bytes()), nil
}

// history are the commits that one comes after, itself among them.
func (r *gitRepo) history(of string) map[string]bool {
	all, todo := map[string]bool{}, []string{of}
	for len(todo) > 0 {
		sha := todo[0]
		todo = todo[1:]
		if said, ok := r.commitOf(sha); ok && !all[sha] {
			all[sha] = true
			todo = append(todo, said.parents...)
		}
	}
	return all
}

// log are the commits that a reference has, newest first.
func (r *gitRepo) log(ref string) []hubCommit {
	var all []hubCommit
	todo, seen := []string{r.resolve(ref)}, map[string]bool{}
	for len(todo) > 0 {
		// Of what is to come, the one that was made last; of several, the one that was met first.
		slices.SortStableFunc(todo, func(a, b string) int { return r.made(b).Compare(r.made(a)) })
		sha := todo[0]
		todo = todo[1:]
		if said, ok := r.commitOf(sha); ok && !seen[sha] {
			seen[sha] = true
			all, todo = append(all, said), append(todo, said.parents...)
		}
	}
	return all
}

// made is when a commit was.
func (r *gitRepo) made(sha string) time.Time {
	said, _ := r.commitOf(sha)
	at, err := time.Parse(time.RFC3339, said.committer.Date)
	if err != nil {
		return time.Time{}
	}
	return at
}

// ancestor tells whether one commit is, or comes before, another.
func (r *gitRepo) ancestor(of, commit string) bool { return r.history(of)[commit] }

// ahead is how many commits one has that another has not.
func (r *gitRepo) ahead(base, head string) (n int) {
	behind := r.history(base)
	for sha := range r.history(head) {
		if !behind[sha] {
			n++
		}
	}
	return n
}

// touched is the last commit, seen from another, that changed a path.
func (r *gitRepo) touched(from, path string) (string, error) {
	for {
		said, ok := r.commitOf(from)
		if !ok {
			return "", fmt.Errorf("there is no commit %q", from)
		}
		is, same := r.within(said.tree, path), ""
		for _, p := range said.parents {
			before, _ := r.commitOf(p)
			if same == "" && r.within(before.tree, path) == is {
				same = p
			}
		}
		if same == "" {
			return from, nil
		}
		from = same
	}
}
