package scmtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// odd are files that are easily got wrong.
func odd() map[string]scm.File {
	return map[string]scm.File{
		".github/workflows/a.yml": {Content: []byte("on: push\n")},
		"README.md":               {Content: []byte("# <b>&amp; Ünïcode  \r\nsecond\n")},
		"a b/c#d?e%20f.txt":       {Content: []byte("odd name")},
		"bin/run.sh":              {Content: []byte("#!/bin/sh\n"), Executable: true},
		"empty":                   {Content: []byte{}},
		"ä/ö/ü":                   {Content: []byte("no newline at the end")},
		"logo.png":                {Content: []byte{0x89, 'P', 'N', 'G', 0, 1, 2, 0xff, 0xfe}},
		"nul.txt":                 {Content: []byte("a\x00b")},
		"long.txt":                {Content: []byte(strings.Repeat("0123456789abcdef\n", 20_000))},
	}
}

func textsOf(files map[string]scm.File) map[string]string {
	all := make(map[string]string, len(files))
	for file, f := range files {
		all[file] = string(f.Content)
	}
	return all
}

func filePromises() []promise {
	return []promise{
		{"the first commit of a repository is one, with every file in it", func(t *testing.T, w *world) {
			path, put := w.created(t), odd()
			head := w.commit(t, path, "main", scm.Change{Message: "begin\n\nwith a body", Put: put})
			w.holds(t, path, "main", textsOf(put))
			w.history(t, path, "main", "begin\n\nwith a body")
			if w.Executable != nil && (!w.Executable(t, path, "main", "bin/run.sh") || w.Executable(t, path, "main", "README.md")) {
				t.Error("what may be run is not what was to be")
			}
			var names []string
			for file := range put {
				names = append(names, file)
			}
			tree := w.list(t, path, "main", append(names, "not there", "bin")...)
			if tree.Head != head || len(tree.Blobs) != len(put) {
				t.Errorf("listed %+v, want %d at %s", tree, len(put), head)
			}
			for file, f := range put {
				if tree.Blobs[file] != f.Blob() {
					t.Errorf("%s is %s, want %s", file, tree.Blobs[file], f.Blob())
				}
				content, err := w.host.Read(t.Context(), path, "main", file)
				if err != nil || string(content) != string(f.Content) {
					t.Errorf("read %s: %.100q, %v", file, content, err)
				}
			}
			w.writesNothing(t, "the same again", func() error {
				again, err := w.host.Commit(t.Context(), path, "main", scm.Change{Base: head, Message: "again", Put: put, Remove: []string{"not there"}})
				if again != head {
					t.Errorf("the head is %s, want %s", again, head)
				}
				return err
			})
		}},
		{"a first commit may be of one file, of one that may be run, or of none", func(t *testing.T, w *world) {
			for name, put := range map[string]map[string]scm.File{
				"one":   {"a": {Content: []byte("a")}},
				"empty": {"a": {}},
				"run":   {"run": {Content: []byte("#!/bin/sh"), Executable: true}},
			} {
				path := w.created(t)
				head := w.commit(t, path, "main", scm.Change{Message: name, Put: put})
				w.holds(t, path, "main", textsOf(put))
				w.history(t, path, "main", name)
				if at := w.list(t, path, "main").Head; at != head {
					t.Errorf("%s: the branch is at %s, want %s", name, at, head)
				}
				if w.Executable != nil && w.Executable(t, path, "main", "run") != (name == "run") {
					t.Errorf("%s: what may be run is not what was to be", name)
				}
			}
			path := w.created(t)
			w.writesNothing(t, "a commit of nothing", func() error {
				head, err := w.host.Commit(t.Context(), path, "main", scm.Change{Message: "nothing", Remove: []string{"a"}})
				if head != "" {
					t.Errorf("the head is %q", head)
				}
				return err
			})
		}},
		{"a change is one commit and leaves what it does not name", func(t *testing.T, w *world) {
			path := w.begun(t, map[string]string{"keep": "keep", "dir/change": "old", "dir/gone": "gone", "other/gone": "gone"})
			tree := w.list(t, path, "main")
			head := w.commit(t, path, "main", scm.Change{
				Base: tree.Head, Message: "change", Put: texts(map[string]string{"dir/change": "new", "dir/new": "new", "keep": "keep"}),
				Remove: []string{"dir/gone", "other/gone", "never/there"},
			})
			w.holds(t, path, "main", map[string]string{"keep": "keep", "dir/change": "new", "dir/new": "new"})
			w.history(t, path, "main", "change", "begin")
			w.commit(t, path, "main", scm.Change{Base: head, Message: "remove", Remove: []string{"dir/new"}})
			w.holds(t, path, "main", map[string]string{"keep": "keep", "dir/change": "new"})
		}},
		{"what may be run becomes so without a change of its content", func(t *testing.T, w *world) {
			if w.Executable == nil {
				return
			}
			path := w.begun(t, map[string]string{"run": "#!/bin/sh"})
			for _, x := range []bool{true, false} {
				put := map[string]scm.File{"run": {Content: []byte("#!/bin/sh"), Executable: x}}
				w.commit(t, path, "main", scm.Change{Base: w.list(t, path, "main").Head, Message: "mode", Put: put})
				if got := w.Executable(t, path, "main", "run"); got != x {
					t.Errorf("executable is %t, want %t", got, x)
				}
			}
			w.history(t, path, "main", "mode", "mode", "begin")
		}},
		{"a branch that is missing is made of the default branch", func(t *testing.T, w *world) {
			path := w.begun(t, map[string]string{"a": "a"})
			for _, branch := range []string{"next", "feature/x#1"} {
				if tree := w.list(t, path, branch, "a"); tree.Head != "" || len(tree.Blobs) != 0 {
					t.Errorf("a branch that is missing has %+v", tree)
				}
				head := w.commit(t, path, branch, scm.Change{Message: "on top", Put: texts(map[string]string{"b": "b"})})
				w.holds(t, path, branch, map[string]string{"a": "a", "b": "b"})
				w.history(t, path, branch, "on top", "begin")
				if at := w.list(t, path, branch).Head; at != head {
					t.Errorf("the branch is at %s, want %s", at, head)
				}
				w.commit(t, path, branch, scm.Change{Base: head, Message: "more", Put: texts(map[string]string{"c": "c"})})
				w.history(t, path, branch, "more", "on top", "begin")
			}
			w.holds(t, path, "main", map[string]string{"a": "a"})
		}},
		{"a change of what was changed meanwhile is refused", func(t *testing.T, w *world) {
			path := w.begun(t, map[string]string{"a": "a"})
			old := w.list(t, path, "main").Head
			w.Push(t, path, "main", "theirs", "theirs")
			for what, base := range map[string]string{"an old base": old, "no base": ""} {
				_, err := w.host.Commit(t.Context(), path, "main", scm.Change{Base: base, Message: "mine", Put: texts(map[string]string{"a": "mine"})})
				mustBe(t, what, err, scm.ErrChanged)
			}
			_, err := w.host.Commit(t.Context(), path, "other", scm.Change{Base: old, Message: "mine", Put: texts(map[string]string{"a": "mine"})})
			mustBe(t, "a branch that is gone", err, scm.ErrChanged)
			w.holds(t, path, "main", map[string]string{"a": "a", "theirs": "theirs"})
		}},
		{"a change that is overtaken while it is made is refused", func(t *testing.T, w *world) {
			for n := 1; n <= 20; n++ {
				path := w.begun(t, map[string]string{"a": "a"})
				head := w.list(t, path, "main").Head
				pushed := false
				heal := w.Fail(Fault{N: n, Push: func() {
					w.Push(t, path, "main", "theirs", "theirs")
					pushed = true
				}})
				_, err := w.host.Commit(t.Context(), path, "main", scm.Change{Base: head, Message: "mine", Put: texts(map[string]string{"mine": "mine"})})
				hit := heal()
				if !hit {
					if n < 2 {
						t.Fatal("a commit sent nothing")
					}
					return
				}
				want := map[string]string{"a": "a", "theirs": "theirs"}
				if err == nil {
					want["mine"] = "mine"
				} else {
					mustBe(t, fmt.Sprintf("overtaken at request %d", n), err, scm.ErrChanged)
				}
				if !pushed {
					t.Error("nothing was pushed")
				}
				w.holds(t, path, "main", want)
			}
		}},
		{"of eight that commit at once none is lost, and they write one after another", func(t *testing.T, w *world) {
			path := w.begun(t, map[string]string{"a": "a"})
			var all sync.WaitGroup
			want := map[string]string{"a": "a"}
			for i := range 8 {
				file := fmt.Sprintf("file-%d", i)
				want[file] = file
				all.Go(func() {
					err := scm.ErrChanged
					for errors.Is(err, scm.ErrChanged) {
						err = w.ensure(t.Context(), path, "main", file, map[string]string{file: file})
					}
					if err != nil {
						t.Errorf("%s: %v", file, err)
					}
				})
			}
			all.Wait()
			w.holds(t, path, "main", want)
			log := w.Log(t, path, "main")
			slices.Sort(log)
			if got := len(slices.Compact(log)); got != 9 || len(log) != 9 {
				t.Errorf("there are %d commits, want 9: %q", len(log), log)
			}
			if n := w.WritesAtOnce(); n != 1 {
				t.Errorf("%d writes were under way at once", n)
			}
		}},
		{"a file takes the place of nothing but a file", func(t *testing.T, w *world) {
			files := map[string]string{"file": "file", "folder/deep/file": "deep"}
			path := w.begun(t, files)
			tree := w.list(t, path, "main", "folder", "folder/deep", "file/below", "file/far/below", "folder/new", "file")
			want := map[string]string{"folder": "folder", "folder/deep": "folder/deep", "file/below": "file", "file/far/below": "file"}
			if !maps.Equal(tree.Blocked, want) || len(tree.Blobs) != 1 {
				t.Errorf("listed %+v, want %v in the way", tree, want)
			}
			for file := range want {
				w.writesNothing(t, "a file at "+file, func() error {
					change := scm.Change{Base: tree.Head, Message: "m", Put: texts(map[string]string{file: "x", "other": "x"})}
					_, err := w.host.Commit(t.Context(), path, "main", change)
					mustBe(t, "commit of "+file, err, scm.ErrExists)
					_, err = w.host.Propose(t.Context(), path, from, "main", change)
					mustBe(t, "proposal of "+file, err, scm.ErrExists)
					// Nor does a folder go because a file is to be gone.
					head, err := w.host.Commit(t.Context(), path, "main", scm.Change{Base: tree.Head, Message: "m", Remove: []string{"folder"}})
					if head != tree.Head {
						t.Errorf("the head is %s, want %s", head, tree.Head)
					}
					return err
				})
			}
			w.holds(t, path, "main", files)
			w.commit(t, path, "main", scm.Change{Base: tree.Head, Message: "m", Put: texts(map[string]string{"file/below": "x"}), Remove: []string{"file"}})
			w.holds(t, path, "main", map[string]string{"file/below": "x", "folder/deep/file": "deep"})
		}},
		{"what is not there is not read", func(t *testing.T, w *world) {
			path := w.created(t)
			_, err := w.host.Read(t.Context(), path, "main", "a")
			mustBe(t, "read of an empty repository", err, plugins.ErrNotFound)
			tree := w.list(t, path, "main", "a")
			if tree.Head != "" || len(tree.Blobs) != 0 {
				t.Errorf("an empty repository has %+v", tree)
			}
			w.commit(t, path, "main", scm.Change{Message: "begin", Put: texts(map[string]string{"dir/a": "a"})})
			for _, file := range []string{"b", "dir", "dir/a/b"} {
				_, err = w.host.Read(t.Context(), path, "main", file)
				mustBe(t, "read "+file, err, plugins.ErrNotFound)
			}
			_, err = w.host.Read(t.Context(), path, "other", "dir/a")
			mustBe(t, "read of another branch", err, plugins.ErrNotFound)
		}},
		{"paths that lead out of a repository are refused and nothing is sent", func(t *testing.T, w *world) {
			path := w.begun(t, map[string]string{"a": "a"})
			head := w.list(t, path, "main").Head
			before, _ := w.Count()
			for _, file := range []string{"", "/etc/passwd", "../a", "a/../../b", "a//b", "a/", ".git/config", "a/.GIT/hooks/x", ".", "a\\b", "a\xffb", "GIT~1/config"} {
				change := scm.Change{Base: head, Message: "bad", Put: texts(map[string]string{file: "x"})}
				if _, err := w.host.Commit(t.Context(), path, "main", change); err == nil {
					t.Errorf("a commit of %q is no error", file)
				}
				if _, err := w.host.Propose(t.Context(), path, from, "main", change); err == nil {
					t.Errorf("a proposal of %q is no error", file)
				}
				if _, err := w.host.Commit(t.Context(), path, "main", scm.Change{Base: head, Message: "bad", Remove: []string{file}}); err == nil {
					t.Errorf("a removal of %q is no error", file)
				}
			}
			for _, bad := range []scm.Path{{}, {Owner: w.User}, {Owner: w.User, Name: ".."}, {Owner: "..", Name: "a"}, {Owner: w.User, Name: "a/b"}, {Owner: w.User, Name: "a?b"}, {Owner: w.User, Name: "a.git"}} {
				for verb, do := range w.verbs(t.Context(), bad) {
					if do() == nil {
						t.Errorf("%s of %q is no error", verb, bad)
					}
				}
			}
			for _, branch := range []string{"", "-a", "a..b", "a b", "a~1", "a.lock", "/a"} {
				if _, err := w.host.Commit(t.Context(), path, branch, scm.Change{Message: "bad", Put: texts(map[string]string{"a": "x"})}); err == nil {
					t.Errorf("a commit to %q is no error", branch)
				}
			}
			if after, _ := w.Count(); after != before {
				t.Errorf("%d requests were sent", after-before)
			}
		}},
	}
}

// verbs are all methods of a host, on a repository.
func (w *world) verbs(ctx context.Context, path scm.Path) map[string]func() error {
	change := scm.Change{Message: "m", Put: texts(map[string]string{"a": "a"})}
	only := func(_ any, err error) error { return err }
	h := w.host
	return map[string]func() error{
		"repository":    func() error { return only(h.Repository(ctx, path)) },
		"create":        func() error { return only(h.Create(ctx, path, scm.Settings{Visibility: scm.Private})) },
		"configure":     func() error { return only(h.Configure(ctx, path, scm.Settings{Description: "d"})) },
		"archive":       func() error { return h.Archive(ctx, path) },
		"delete":        func() error { return h.Delete(ctx, path) },
		"list":          func() error { return only(h.List(ctx, path, "main", []string{"a"})) },
		"read":          func() error { return only(h.Read(ctx, path, "main", "a")) },
		"commit":        func() error { return only(h.Commit(ctx, path, "main", change)) },
		"propose":       func() error { return only(h.Propose(ctx, path, from, "main", change)) },
		"proposed":      func() error { return only(h.Proposed(ctx, path, from, "main")) },
		"withdraw":      func() error { return h.Withdraw(ctx, path, from, "main") },
		"secret names":  func() error { return only(h.SecretNames(ctx, path)) },
		"set secret":    func() error { return h.SetSecret(ctx, path, "NAME_A", "a secret value") },
		"delete secret": func() error { return h.DeleteSecret(ctx, path, "NAME_A") },
	}
}
