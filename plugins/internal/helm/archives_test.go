package helm

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/devstream-io/dtm/plugins/plugintest"
)

func TestWhatIsKeptIsNotAskedForAgain(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	c := chartsWith(t, nil)
	for name, o := range map[string]Options{"repository": s.wish("1.0.0"), "registry": s.ociWish("1.0.0")} {
		version(t, c, o, "")
		s.asked()
		version(t, c, o, "")
		version(t, newCharts(c.env), o, "") // the next process
		open := o
		open.Chart.Version = ""
		version(t, newCharts(c.env), open, "1.0.0")
		if asked := s.asked(); len(asked) > 0 {
			t.Errorf("%s: asked again: %v", name, asked)
		}
	}
}

func TestWhatIsKeptIsPrivate(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	c := chartsWith(t, nil)
	version(t, c, s.wish(""), "")
	files := 0
	err := filepath.WalkDir(c.env.Cache, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if e.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s: %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || files != 2 {
		t.Errorf("%d files, %v", files, err)
	}
}

func TestWhatIsDamagedIsFetchedAgainAndMended(t *testing.T) {
	s := newShelf(t)
	data := s.publish("1.0.0", "")
	for name, damage := range map[string]func(path string, info fs.FileInfo) error{
		"cut off": func(path string, info fs.FileInfo) error { return os.Truncate(path, info.Size()/2) },
		"emptied": func(path string, _ fs.FileInfo) error { return os.Truncate(path, 0) },
		"changed": func(path string, _ fs.FileInfo) error {
			return os.WriteFile(path, bytes.Repeat([]byte("x"), 64), 0o600)
		},
		"removed": func(path string, _ fs.FileInfo) error { return os.Remove(path) },
	} {
		for _, suffix := range []string{".tgz", ".version"} {
			c := chartsWith(t, nil)
			version(t, c, s.wish("1.0.0"), "")
			all, err := filepath.Glob(filepath.Join(c.archive.dir, "*"+suffix))
			if err != nil || len(all) != 1 {
				t.Fatalf("%v, %v", all, err)
			}
			info, err := os.Stat(all[0])
			if err == nil {
				err = damage(all[0], info)
			}
			if err != nil {
				t.Fatal(err)
			}
			f, err := c.get(t.Context(), s.wish("1.0.0"), "")
			if err != nil || f.digest != digest(data) {
				t.Errorf("%s %s: %v", suffix, name, err)
			}
			s.asked()
			version(t, c, s.wish("1.0.0"), "")
			if asked := s.asked(); len(asked) > 0 {
				t.Errorf("%s %s: it stayed so: %v", suffix, name, asked)
			}
		}
	}
}

func TestWithoutACacheChartsComeAllTheSame(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	t.Chdir(t.TempDir())

	env := plugintest.Env(t.TempDir())
	env.Cache = ""
	version(t, newCharts(env), s.wish(""), "")

	blocked := plugintest.Env(t.TempDir())
	if err := os.WriteFile(blocked.Cache, []byte("a file is in the way"), 0o600); err != nil {
		t.Fatal(err)
	}
	version(t, newCharts(blocked), s.wish(""), "")

	// A folder where the archive should be: neither read nor written.
	odd := newCharts(plugintest.Env(t.TempDir()))
	at, err := odd.find(s.wish(""))
	if err == nil {
		err = os.MkdirAll(filepath.Join(odd.archive.note(at, "1.0.0"), "x"), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	version(t, odd, s.wish(""), "")

	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("something was left in the working folder: %v, %v", left, err)
	}
}

func TestArchivesOfOneNameAreNotMixedUp(t *testing.T) {
	one, two := newShelf(t), newShelf(t)
	a, b := one.publish("1.0.0", "one"), two.publish("1.0.0", "two")
	c := chartsWith(t, nil)
	for range 2 {
		for _, k := range []struct {
			o    Options
			want string
		}{{one.wish("1.0.0"), digest(a)}, {two.wish("1.0.0"), digest(b)}, {one.ociWish("1.0.0"), digest(a)}, {two.ociWish("1.0.0"), digest(b)}} {
			if f, err := c.get(t.Context(), k.o, ""); err != nil || f.digest != k.want {
				t.Errorf("%+v: %v", k.o, err)
			}
		}
	}
	seen := map[string]bool{}
	for _, p := range []place{{base: "http://a/b", name: "c"}, {base: "http://a", name: "b/c"}, {base: "oci://a/b", name: "c"}, {base: "http://a/b?c", name: "c"}} {
		for _, v := range []string{"1.0.0", "1.0.0-c"} {
			if seen[c.archive.note(p, v)] {
				t.Errorf("%s %s has the place of another", p, v)
			}
			seen[c.archive.note(p, v)] = true
		}
	}
}

func TestProcessesMayShareACache(t *testing.T) {
	s := newShelf(t)
	data := s.publish("1.0.0", "")
	env := plugintest.Env(t.TempDir())
	var wait sync.WaitGroup
	for range 8 {
		c := newCharts(env)
		wait.Go(func() {
			for range 8 {
				f, err := c.get(t.Context(), s.wish("1.0.0"), "")
				if err != nil || f.digest != digest(data) {
					t.Error(err)
				}
				at, _ := c.find(s.wish("1.0.0"))
				c.archive.put(at, "1.0.0", data)
			}
		})
	}
	wait.Wait()
	left, err := os.ReadDir(newCharts(env).archive.dir)
	if err != nil || len(left) != 2 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestOnlyChartsAreKept(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	s.index(func(text string) string {
		lines := strings.SplitAfter(text, "\n")
		var kept strings.Builder
		for _, line := range lines {
			if !strings.Contains(line, "digest:") {
				kept.WriteString(line)
			}
		}
		return kept.String()
	})
	good, err := os.ReadFile(filepath.Join(s.dir, "web-1.0.0.tgz"))
	if err == nil {
		err = os.WriteFile(filepath.Join(s.dir, "web-1.0.0.tgz"), []byte("maintenance"), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	c := chartsWith(t, nil)
	if err := complaint(t.Context(), t, c, s.wish("1.0.0")); !strings.Contains(err.Error(), "chart web of") {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "web-1.0.0.tgz"), good, 0o644); err != nil {
		t.Fatal(err)
	}
	version(t, c, s.wish("1.0.0"), "")
}
