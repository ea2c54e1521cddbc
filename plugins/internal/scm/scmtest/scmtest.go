// Package scmtest is the promise of package scm as a suite: what holds for one host holds for all.
//
// A host's own test says how to open it and how to look at its service past it. The suite reaches the service through the
// interface, over a line of its own, on which it counts what is sent and breaks what it likes: see [Line].
package scmtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// Subject is a host and the service behind it. What looks at the service or changes it does so past the host. All of it may
// be called by many goroutines. What may be left out says so.
type Subject struct {
	// Open makes a host whose requests go over via.
	Open func(via http.RoundTripper) (scm.Host, error)
	// Token is the credential that Open gives it. It is to be seen nowhere but in the requests themselves.
	Token string
	// User is whose the credential is, and Org an organisation or a group that it may make repositories in.
	User, Org string

	// Exists tells whether there is a repository of that very name.
	Exists func(t testing.TB, path scm.Path) bool
	// Files are the contents of all files of a branch, by path.
	Files func(t testing.TB, path scm.Path, branch string) map[string]string
	// Executable tells whether a file is. May be nil.
	Executable func(t testing.TB, path scm.Path, branch, file string) bool
	// Log are the messages of a branch's commits, newest first.
	Log func(t testing.TB, path scm.Path, branch string) []string
	// Push is somebody else's commit of a file.
	Push func(t testing.TB, path scm.Path, branch, file, content string)
	// Rename gives a repository another name, with the same owner. The old one leads to it.
	Rename func(t testing.TB, from, to scm.Path)
	// Secrets are what the secrets of a repository say, by name.
	Secrets func(t testing.TB, path scm.Path) map[string]string
	// Proposals are all pull or merge requests, oldest first, and Merge agrees to one.
	Proposals func(t testing.TB, path scm.Path) []Request
	Merge     func(t testing.TB, path scm.Path, number int)
}

// Request is a request to merge.
type Request struct {
	Number           int
	Title, From      string
	IsOpen, IsMerged bool
}

// Run checks the promises of a host. start is called once a promise, on the goroutine of its test.
func Run(t *testing.T, start func(t *testing.T) Subject) {
	for _, test := range slices.Concat(repositoryPromises(), filePromises(), proposalPromises(), secretPromises(), accidentPromises(), faultPromises()) {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := &world{Subject: start(t), Line: &Line{}}
			host, err := w.Open(w.Line)
			if err != nil {
				t.Fatalf("open: %v", err)
			}
			w.host = host
			test.run(t, w)
		})
	}
}

type promise struct {
	name string
	run  func(*testing.T, *world)
}

// world is a host on a line.
type world struct {
	Subject
	*Line
	host scm.Host
	made atomic.Int64
}

// fresh is a name that no repository has had.
func (w *world) fresh() scm.Path {
	return scm.Path{Owner: w.User, Name: fmt.Sprintf("repo-%d", w.made.Add(1))}
}

// created is a new, empty repository.
func (w *world) created(t *testing.T) scm.Path {
	t.Helper()
	path := w.fresh()
	if _, err := w.host.Create(t.Context(), path, scm.Settings{Visibility: scm.Private}); err != nil {
		t.Fatalf("create: %v", err)
	}
	return path
}

// begun is a new repository with these files on main.
func (w *world) begun(t *testing.T, files map[string]string) scm.Path {
	t.Helper()
	path := w.created(t)
	w.commit(t, path, "main", scm.Change{Message: "begin", Put: texts(files)})
	return path
}

func (w *world) commit(t *testing.T, path scm.Path, branch string, change scm.Change) string {
	t.Helper()
	head, err := w.host.Commit(t.Context(), path, branch, change)
	if err != nil {
		t.Fatalf("commit to %s of %s: %v", branch, path, err)
	}
	return head
}

func (w *world) list(t *testing.T, path scm.Path, branch string, files ...string) scm.Tree {
	t.Helper()
	tree, err := w.host.List(t.Context(), path, branch, files)
	if err != nil {
		t.Fatalf("list %s of %s: %v", branch, path, err)
	}
	return tree
}

// ensure makes a branch have files and not have others, as plugins do.
func (w *world) ensure(ctx context.Context, path scm.Path, branch, message string, want map[string]string, gone ...string) error {
	tree, err := w.host.List(ctx, path, branch, slices.Concat(slices.Collect(maps.Keys(want)), gone))
	if err != nil {
		return err
	}
	change := scm.Change{Base: tree.Head, Message: message, Put: map[string]scm.File{}}
	for file, text := range want {
		if f := (scm.File{Content: []byte(text)}); tree.Blobs[file] != f.Blob() {
			change.Put[file] = f
		}
	}
	for _, file := range gone {
		if tree.Blobs[file] != "" {
			change.Remove = append(change.Remove, file)
		}
	}
	if len(change.Put)+len(change.Remove) == 0 {
		return nil
	}
	_, err = w.host.Commit(ctx, path, branch, change)
	return err
}

func texts(files map[string]string) map[string]scm.File {
	put := make(map[string]scm.File, len(files))
	for file, text := range files {
		put[file] = scm.File{Content: []byte(text)}
	}
	return put
}

func (w *world) holds(t *testing.T, path scm.Path, branch string, want map[string]string) {
	t.Helper()
	if got := w.Files(t, path, branch); !maps.Equal(got, want) {
		t.Errorf("on %s of %s there are %q, want %q", branch, path, got, want)
	}
}

// history compares the messages of a branch's commits, newest first.
func (w *world) history(t *testing.T, path scm.Path, branch string, want ...string) {
	t.Helper()
	var got []string
	for _, message := range w.Log(t, path, branch) {
		got = append(got, strings.TrimSpace(message))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the commits of %s of %s are %q, want %q", branch, path, got, want)
	}
}

func mustBe(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want an error that is %q", what, err, want)
	}
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// tells checks what every error must tell, and not tell.
func (w *world) tells(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
		return
	}
	text := err.Error()
	var hint interface{ Hint() string }
	if errors.As(err, &hint) {
		text += hint.Hint()
	}
	if strings.Contains(text, w.Token) {
		t.Errorf("%s: the error has the token in it", what)
	}
	for _, request := range w.Last() {
		if !strings.Contains(err.Error(), request.Host) {
			t.Errorf("%s: the error does not name the host %s: %v", what, request.Host, err)
		}
	}
}

func retryable(err error) bool {
	_, ok := plugins.RetryAfter(err)
	return ok
}
