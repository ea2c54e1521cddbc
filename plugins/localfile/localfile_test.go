package localfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

func TestKeepsThePromise(t *testing.T) {
	for name, w := range map[string]struct{ want, changed, renamed string }{
		"content": {
			want:    `{"filename": "a.txt", "content": "hello", "mode": "0644"}`,
			changed: `{"filename": "a.txt", "content": "world", "mode": "0644"}`,
			renamed: `{"filename": "b.txt", "content": "hello", "mode": "0644"}`,
		},
		"mode": {
			want:    `{"filename": "a.sh", "content": "#!/bin/sh\n", "mode": "644"}`,
			changed: `{"filename": "a.sh", "content": "#!/bin/sh\n", "mode": "0755"}`,
			renamed: `{"filename": "./b.sh", "content": "", "mode": "0400"}`,
		},
		"new folder": {
			want:    `{"filename": "a.txt", "content": "ä\u0000\n", "mode": "0600", "createDirs": false}`,
			changed: `{"filename": "a.txt", "content": "", "mode": "0600", "createDirs": true}`,
			renamed: `{"filename": "x/y/a.txt", "content": "ä", "mode": "0600", "createDirs": true}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			plugintest.Run(t, func(t *testing.T) plugintest.Subject {
				return newWorld(t).subject(w.want, w.changed, w.renamed)
			})
		})
	}
}

func TestTheUmaskDoesNotCount(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	for _, mode := range []string{"0400", "0444", "0600", "0644", "0755", "0777", "666"} {
		w := newWorld(t)
		r := decode[Resource](w.create(t, Options{Filename: "a", Mode: mode}))
		info, err := os.Stat(w.path("a"))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != r.Mode || !strings.HasSuffix(got, mode) {
			t.Errorf("mode %s: on disk %s, in the resource %s", mode, got, r.Mode)
		}
	}
}

func TestReadSeesEveryKindOfDrift(t *testing.T) {
	for name, drift := range map[string]func(path string) error{
		"content of the same length": func(path string) error { return os.WriteFile(path, []byte("hellO"), 0o644) },
		"mode":                       func(path string) error { return os.Chmod(path, 0o640) },
		"setuid":                     func(path string) error { return os.Chmod(path, 0o644|fs.ModeSetuid) },
		"a link to another file": func(path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path+".2", nil, 0o644), os.Symlink(path+".2", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			o := Options{Filename: "a.txt", Content: "hello"}
			r := w.create(t, o)
			if err := drift(w.path("a.txt")); err != nil {
				t.Fatal(err)
			}
			got, err := w.kind.Read(t.Context(), encode(o), r)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) == string(r) {
				t.Errorf("read still returns %s", got)
			}
			if again := w.update(t, o, o, r); string(again) != string(r) {
				t.Errorf("update returns %s, want %s", again, r)
			}
		})
	}
}

func TestARenameThatFailsKeepsTheOldFile(t *testing.T) {
	w := newWorld(t)
	have := Options{Filename: "old", Content: "x"}
	r := w.create(t, have)
	if _, err := w.kind.Update(t.Context(), encode(Options{Filename: "no/new"}), encode(have), r); err == nil {
		t.Error("the update has nothing to say")
	}
	w.mustHold(t, "old")
}

func TestReadLooksAtTheRecordedFileWhileARenameWaits(t *testing.T) {
	w := newWorld(t)
	r := w.create(t, Options{Filename: "old"})
	got, err := w.kind.Read(t.Context(), encode(Options{Filename: "new"}), r)
	if err != nil || string(got) != string(r) {
		t.Errorf("read returns %s, %v; want %s", got, err, r)
	}
}

func TestReadOfAHugeFileEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	w.put(t, "a", "")
	if err := os.Truncate(w.path("a"), 1<<40); err != nil {
		t.Skip("no sparse files here:", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := w.kind.Read(ctx, encode(Options{Filename: "a"}), nil)
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("read returned %v", err)
	}
}

func TestDeleteOfAFileWhoseFolderIsGoneIsNoError(t *testing.T) {
	for name, accident := range map[string]func(w world) error{
		"gone": func(w world) error { return os.RemoveAll(w.path("x")) },
		"now a file": func(w world) error {
			return errors.Join(os.RemoveAll(w.path("x")), os.WriteFile(w.path("x"), nil, 0o644))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			o := Options{Filename: "x/y/a", CreateDirs: true}
			r := w.create(t, o)
			must(t, accident(w))
			if _, err := w.kind.Read(t.Context(), encode(o), r); !errors.Is(err, plugins.ErrNotFound) {
				t.Errorf("read: %v, want ErrNotFound", err)
			}
			if err := w.kind.Delete(t.Context(), encode(o), r); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFoldersStayWhenTheFileIsDeleted(t *testing.T) {
	w := newWorld(t)
	o := Options{Filename: "x/y/a", CreateDirs: true}
	r := w.create(t, o)
	if err := w.kind.Delete(t.Context(), encode(o), r); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(w.path("x/y")); err != nil {
		t.Error(err)
	}
}

func TestACopyOfAConfigurationLeavesTheOriginalAlone(t *testing.T) {
	original, copied := newWorld(t), newWorld(t)
	have, want := Options{Filename: "a"}, Options{Filename: "b"}
	recorded := original.create(t, have)
	copied.update(t, want, have, recorded)
	copied.mustHold(t, "b")
	if err := copied.kind.Delete(t.Context(), encode(have), recorded); err != nil {
		t.Fatal(err)
	}
	original.mustHold(t, "a")
}

func TestWhatAKilledWriteLeftIsCleared(t *testing.T) {
	o := Options{Filename: "a", Content: "x"}
	leave := func(t *testing.T) world {
		w := newWorld(t)
		w.put(t, ".a.dtm", "half")
		return w
	}
	t.Run("by the next write", func(t *testing.T) {
		w := leave(t)
		w.create(t, o)
		w.mustHold(t, "a")
	})
	t.Run("by a delete", func(t *testing.T) {
		w := leave(t)
		if err := w.kind.Delete(t.Context(), encode(o), nil); err != nil {
			t.Fatal(err)
		}
		w.mustHold(t)
	})
	t.Run("by a delete of the file beside it", func(t *testing.T) {
		w := leave(t)
		w.put(t, "a", "old")
		if err := w.kind.Delete(t.Context(), encode(o), nil); err != nil {
			t.Fatal(err)
		}
		w.mustHold(t)
	})
	t.Run("by a rename away", func(t *testing.T) {
		w := leave(t)
		w.update(t, Options{Filename: "b"}, o, nil)
		w.mustHold(t, "b")
	})
}

func BenchmarkCreate(b *testing.B) {
	kind := New(plugintest.Env(b.TempDir()))
	for i := 0; b.Loop(); i++ {
		o := encode(Options{Filename: fmt.Sprint(i), Content: "hello, world\n", Mode: "0644"})
		if _, err := kind.Create(b.Context(), o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	kind := New(plugintest.Env(b.TempDir()))
	o := encode(Options{Filename: "a", Content: "hello, world\n", Mode: "0644"})
	r, err := kind.Create(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := kind.Read(b.Context(), o, r); err != nil {
			b.Fatal(err)
		}
	}
}
