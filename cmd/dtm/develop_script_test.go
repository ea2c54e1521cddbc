package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

// The commands of the scripts about writing plugins. None may be negated.
var developCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	// compiler: the go command works in the script, which has no home, and builds nothing anew that it has built before.
	"compiler": func(ts *testscript.TestScript, _ bool, _ []string) {
		out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOPATH").Output()
		ts.Check(err)
		values := strings.Split(strings.TrimSpace(string(out)), "\n")
		for i, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
			ts.Setenv(name, values[i])
		}
	},
	// behind FILE TEXT OTHER: puts the lines of the file OTHER behind the line of FILE that has TEXT; there is just one.
	"behind": func(ts *testscript.TestScript, _ bool, args []string) {
		before, rest, ok := strings.Cut(ts.ReadFile(args[0]), args[1])
		line, after, end := strings.Cut(rest, "\n")
		if !ok || !end || strings.Contains(rest, args[1]) {
			ts.Fatalf("%s has not one line with %q", args[0], args[1])
		}
		text := before + args[1] + line + "\n" + ts.ReadFile(args[2]) + after
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
	},
	// python: python3 is one that a plugin can run on.
	"python": func(ts *testscript.TestScript, _ bool, _ []string) {
		ts.Setenv("PATH", pythonFirst(tb(ts), ts.MkAbs(".python"), ts.Getenv("PATH")))
	},
}

// pythonFirst is a PATH on which python3 is one that a plugin can run on. It makes the folder dir.
func pythonFirst(t testing.TB, dir, path string) string {
	t.Helper()
	// Not a link: a Python finds its libraries by where it stands.
	script := "#!/bin/sh\nexec '" + parts.Python(t) + "' \"$@\"\n"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "python3"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir + string(os.PathListSeparator) + path
}

func TestTheExampleOfAPluginInPythonIsAppliedTwice(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "examples", "plugins"))); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", pythonFirst(t, t.TempDir(), os.Getenv("PATH")))
	for _, step := range []struct{ words, says string }{
		{"init", "symlink is taken from ./symlink as it is"},
		{"apply -y", "linking "},
		{"apply -y", "There is nothing to do"},
		{"destroy -y", "2 deleted"},
	} {
		out, code := runDTM(t, dir, strings.Fields(step.words)...)
		if code != 0 || !strings.Contains(out, step.says) {
			t.Fatalf("dtm %s exits with %d and does not say %q:\n%s", step.words, code, step.says, out)
		}
		text, err := os.ReadFile(filepath.Join(dir, "out", "current", "hello.txt"))
		if step.words == "apply -y" && (err != nil || string(text) != "hello, world\n") {
			t.Errorf("through the link there is %q, %v", text, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "out", "current")); !os.IsNotExist(err) {
		t.Errorf("the link is still there: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "symlink", "__pycache__")); len(left) > 0 {
		t.Errorf("Python has left %v", left)
	}
}
