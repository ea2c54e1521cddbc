package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every line that a reader of the tutorial types is typed in the script, in the same order.
func TestTheScriptOfTheTutorialTypesWhatTheReadmeSays(t *testing.T) {
	_, section, ok := strings.Cut(readme(t), "\n## A plugin of your own\n")
	if !ok {
		t.Fatal("README.md has no section on writing plugins")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	script, err := os.ReadFile(filepath.Join("testdata", "script", "develop_tutorial.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	rest, typed := string(script), 0
	for _, m := range regexp.MustCompile(`(?m)^    (dtm [^#\n]*?) *(?:#.*)?$`).FindAllStringSubmatch(section, -1) {
		typed++
		_, behind, ok := strings.Cut(rest, "exec "+m[1]+"\n")
		if !ok {
			t.Errorf("the script does not type %q there", m[1])
			continue
		}
		rest = behind
	}
	if typed < 6 {
		t.Errorf("only %d lines found", typed)
	}
}
