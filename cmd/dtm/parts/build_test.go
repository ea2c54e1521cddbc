package parts

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// hello is a program that a test can afford to build, and a cache that is its own.
//
// The module is foreign in that its program is named by an import path, as those of other modules are.
func hello(t *testing.T) (build Build, cache string) {
	t.Helper()
	// Go's own cache moves with the user's, and everything would be compiled anew.
	gocache, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOCACHE", strings.TrimSpace(string(gocache)))
	cache = t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	got, err := os.UserCacheDir()
	Need(t, got == cache, "no way here to give a test a cache of its own: %s stays in use (%v)", got, err)

	write(t, "go.mod", "module example.com/hello\n\ngo 1.26\n")
	write(t, "main.go", "package main\n\nvar to = \"you\"\n\nfunc main() { println(\"hello\", to) }\n")
	return Build{Name: "hello", Package: "example.com/hello", Env: []string{"CGO_ENABLED=0"}}, cache
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, program string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return strings.TrimSpace(string(out))
}

// countBuilds puts a go before the real one that writes down what it is asked for.
func countBuilds(t *testing.T) func() int {
	t.Helper()
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	asked := filepath.Join(dir, "asked")
	script := fmt.Sprintf("#!/bin/sh\necho \"$1\" >>'%s'\nexec '%s' \"$@\"\n", asked, real)
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return func() int {
		text, err := os.ReadFile(asked)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "build\n")
	}
}

func TestBuiltOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	build, _ := hello(t)
	builds := countBuilds(t)

	first := build.Path(t)
	if got, want := run(t, first), "hello you"; got != want {
		t.Errorf("the program says %q, want %q", got, want)
	}
	if second := build.Path(t); second != first || builds() != 1 {
		t.Errorf("asked twice: %s after %s, built %d times", second, first, builds())
	}

	other := build
	other.LDFlags = "-X main.to=her"
	if got, want := run(t, other.Path(t)), "hello her"; got != want {
		t.Errorf("with other flags the program says %q, want %q", got, want)
	}
	write(t, "go.mod", "module example.com/hello\n\ngo 1.26.0\n")
	if third := build.Path(t); third == first || builds() != 3 {
		t.Errorf("with another go.mod: %s after %s, built %d times", third, first, builds())
	}
}

func TestOwnSourcesAreNeverStale(t *testing.T) {
	t.Chdir(t.TempDir())
	build, _ := hello(t)
	build.Package = "./"

	path := build.Path(t)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if build.Path(t) != path {
		t.Error("the program moved")
	}
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("a program that had not changed was replaced (%v)", err)
	}

	running, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	write(t, "main.go", "package main\n\nfunc main() { println(\"hello again\") }\n")
	if got, want := run(t, build.Path(t)), "hello again"; got != want {
		t.Errorf("after a change the program says %q, want %q", got, want)
	}
	still := make([]byte, len(running))
	if _, err := kept.ReadAt(still, 0); err != nil || string(still) != string(running) {
		t.Errorf("the program was overwritten in place (%v)", err)
	}
}

// A test that runs dtm is run again when dtm changes: go test asks the test's own log what it looked at.
func TestResultsAreNeverStale(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	hello(t)
	sources := filepath.Join(root, "cmd", "dtm")
	if err := os.MkdirAll(sources, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, "cmd/dtm/main.go", "package main\n\nfunc main() { println(\"Usage: dtm\") }\n")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "log")

	out, err := exec.CommandContext(t.Context(), self, "-test.run=^TestEveryPart$/^dtm$", "-test.testlogfile="+log).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	looked, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(looked), "open "+sources+"\n") {
		t.Errorf("the test did not look at %s:\n%s", sources, looked)
	}
}

func TestModuleBelow(t *testing.T) {
	root := t.TempDir()
	below := filepath.Join(root, "below")
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(below)
	build, _ := hello(t)
	t.Chdir(root)
	write(t, "go.mod", "module example.com/root\n\ngo 1.26\n")

	build.Module = "below"
	builds := countBuilds(t)
	first := build.Path(t)
	if got, want := run(t, first), "hello you"; got != want {
		t.Errorf("the program says %q, want %q", got, want)
	}
	if second := build.Path(t); second != first || builds() != 1 {
		t.Errorf("asked twice: %s after %s, built %d times", second, first, builds())
	}
	write(t, "below/main.go", "package main\n\nfunc main() { println(\"hello again\") }\n")
	if got, want := run(t, build.Path(t)), "hello again"; got != want {
		t.Errorf("after a change the program says %q, want %q", got, want)
	}
}

func TestBuildFails(t *testing.T) {
	t.Chdir(t.TempDir())
	build, _ := hello(t)
	t.Setenv(Switch, "")
	write(t, "main.go", "package main\n\nfunc main() { nonsense }\n")
	got := outcome(t, func(t testing.TB) { build.Path(t) })
	if !strings.HasPrefix(got, "skip: hello is not here: ") || !strings.Contains(got, "undefined: nonsense") {
		t.Errorf("the test ended with %q", got)
	}

	write(t, "main.go", "package main\n\nfunc main() {}\n")
	run(t, build.Path(t))
}

func TestBuiltByOneOfMany(t *testing.T) {
	t.Chdir(t.TempDir())
	_, cache := hello(t)
	builds := countBuilds(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PARTS_TEST_CHILD", "builds")

	said := make([]string, 6)
	var all sync.WaitGroup
	for i := range said {
		all.Go(func() {
			out, err := exec.CommandContext(t.Context(), self).CombinedOutput()
			said[i] = fmt.Sprint(strings.TrimSpace(string(out)), err)
		})
	}
	all.Wait()
	for i, s := range said {
		if s != "hello you<nil>" {
			t.Errorf("process %d of %d: %s", i+1, len(said), s)
		}
	}
	if builds() != 1 {
		t.Errorf("built %d times, want once", builds())
	}
	left, err := filepath.Glob(filepath.Join(cache, "dtm", "parts", "hello-*", "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("in the cache are %v (%v), want the program and its lock", left, err)
	}
}

// child is what each of many processes does: it asks for the program, runs it, and passes on what it said.
func child() {
	build := Build{Name: "hello", Package: "example.com/hello", Env: []string{"CGO_ENABLED=0"}}
	path, err := build.make(context.Background())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	out, err := exec.Command(path).CombinedOutput()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Printf("%s", out)
}

func TestOldBuildsGo(t *testing.T) {
	t.Chdir(t.TempDir())
	build, cache := hello(t)
	names := []string{"hello-0123", "hello-4567", "hello-world-0123"}
	for _, name := range names {
		dir := filepath.Join(cache, "dtm", "parts", name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if name != "hello-4567" {
			long := time.Now().Add(-keep - time.Hour)
			if err := os.Chtimes(dir, long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	build.Path(t)
	for i, wants := range []bool{false, true, true} {
		_, err := os.Stat(filepath.Join(cache, "dtm", "parts", names[i]))
		if got := err == nil; got != wants {
			t.Errorf("%s is there: %t, want %t", names[i], got, wants)
		}
	}
}
