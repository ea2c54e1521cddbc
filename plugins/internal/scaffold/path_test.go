package scaffold

import (
	"strings"
	"testing"
)

func TestNoPathLeavesTheRepository(t *testing.T) {
	for _, path := range []string{
		"", ".", "..", "../x", "a/../../x", "a/./b", "/etc/passwd", "a//b", "a/", `..\x`, `C:\x`, "C:x", "a\x00b", "a\nb", "\xff",
		".git/config", ".GIT/config", "sub/.git/hooks/pre-commit", ".git", ".git./x", ".git /x", "git~1/x", ".g\u200cit/x", "a./b", "a ", "con?",
		"aux", "cmd/NUL/main.go", "con.txt", "a/com1.d/b", "Lpt9",
		strings.Repeat("a", 256),
	} {
		if checkPath(path) == nil {
			t.Errorf("%q is allowed", path)
		}
	}
	for _, path := range []string{"a", ".gitignore", ".github/workflows/a.yml", "a b/c", "ä/ö.txt", "git/x", "..a", "a..b", "com", "com10", "console", "auxiliary/x", "x.con"} {
		if err := checkPath(path); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestPathsAreDifferentOnEverySystem(t *testing.T) {
	for _, paths := range []string{"README.md readme.md", "a/b A/c", "a a/b", "A a/b", ".dtm.json"} {
		files := map[string]bool{}
		for path := range strings.FieldsSeq(paths) {
			files[path] = true
		}
		if checkPaths(files) == nil {
			t.Errorf("%s are allowed", paths)
		}
	}
	if err := checkPaths(map[string]bool{"a/b": true, "a/c": true, "ab": true, "b/a": true, "sub/.dtm.json": true}); err != nil {
		t.Error(err)
	}
}
