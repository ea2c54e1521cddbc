package develop

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/all"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

func builtIn(t *testing.T) plugins.Set {
	t.Helper()
	set, err := all.Set(plugintest.Env(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// wish is for a plugin in dir, as a release writes it.
func wish(t *testing.T, dir, name, lang string) Wish {
	return Wish{Dir: dir, Name: name, Lang: lang, Version: "1.2.3", BuiltIn: builtIn(t)}
}

// tree is every file and folder below dir, with what it holds.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		files[name] = ""
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			files[name] = string(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mustSay(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the error is %v, it must say %q", err, want)
	}
}

func TestANameThatIsNoneIsRefusedAndNothingIsWritten(t *testing.T) {
	for name, want := range map[string]string{
		"":                      `the name must be not "", you can specify it by --name flag`,
		"Greeting":              "Greeting",
		"a b":                   "a b",
		"a_b":                   "a_b",
		"-a":                    "-a",
		"a-":                    "a-",
		".":                     ".",
		"..":                    "..",
		"../a":                  "../a",
		"/tmp/a":                "/tmp/a",
		"a/b":                   "a/b",
		`a\b`:                   `a`,
		"a\x00b":                "",
		"ä":                     "",
		strings.Repeat("a", 64): "",
		"localfile":             "plugin localfile already exists: it is built in",
		"argocd":                "plugin argocd already exists",
	} {
		around := t.TempDir()
		dir := filepath.Join(around, "here")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := Create(t.Context(), wish(t, dir, name, Go))
		mustSay(t, err, want)
		if left := tree(t, around); len(left) != 1 {
			t.Errorf("%q: there are %v", name, left)
		}
	}
}

func TestALanguageThatIsNotKnownIsRefused(t *testing.T) {
	_, err := Create(t.Context(), wish(t, t.TempDir(), "greeting", "cobol"))
	mustSay(t, err, "there is no --lang cobol")
}

func TestNothingIsOverwritten(t *testing.T) {
	for what, make := range map[string]func(path string) error{
		"a folder":       func(path string) error { return os.Mkdir(path, 0o755) },
		"a file":         func(path string) error { return os.WriteFile(path, []byte("mine"), 0o644) },
		"a broken link":  func(path string) error { return os.Symlink("/nowhere", path) },
		"a link outside": func(path string) error { return os.Symlink(t.TempDir(), path) },
	} {
		for _, lang := range []string{Go, Python} {
			dir := t.TempDir()
			if err := make(filepath.Join(dir, "greeting")); err != nil {
				t.Fatal(err)
			}
			before := tree(t, dir)
			_, err := Create(t.Context(), wish(t, dir, "greeting", lang))
			mustSay(t, err, "is there already, and nothing is overwritten")
			if after := tree(t, dir); len(after) != len(before) || after["greeting"] != before["greeting"] {
				t.Errorf("%s: before there was %v, now %v", what, before, after)
			}
		}
	}
}

func TestAFolderThatCannotBeWrittenIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, "mine")
	if _, err := Create(t.Context(), wish(t, file, "greeting", Python)); err == nil {
		t.Error("it has nothing to say")
	}
}

func TestOfAReleaseGoModRequiresThatRelease(t *testing.T) {
	dir := t.TempDir()
	made, err := Create(t.Context(), wish(t, dir, "greeting", Go))
	if err != nil {
		t.Fatal(err)
	}
	files := tree(t, filepath.Join(dir, "greeting"))
	if text := files["go.mod"]; !strings.Contains(text, "\nrequire github.com/devstream-io/dtm v1.2.3\n") || strings.Contains(text, "replace") {
		t.Errorf("go.mod is\n%s", text)
	}
	if !made.Untidy || made.SDK != "" || made.BuiltIn || made.Dir != "greeting" || len(made.Files) != len(files) {
		t.Errorf("%+v", made)
	}
}

func TestOfADevelopmentBuildGoModTakesTheCheckoutThatItWasBuiltFrom(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	w := wish(t, t.TempDir(), "greeting", Go)
	w.Version = "1.0.0-dev"
	made, err := Create(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	if text := tree(t, filepath.Join(w.Dir, "greeting"))["go.mod"]; made.SDK != root || !strings.Contains(text, "\nreplace github.com/devstream-io/dtm => "+root+"\n") {
		t.Errorf("the SDK is %q, go.mod\n%s", made.SDK, text)
	}
}

func TestACheckoutThatIsNamedIsTaken(t *testing.T) {
	sdk := filepath.Join(t.TempDir(), "my dtm")
	put(t, filepath.Join(sdk, "go.mod"), "module github.com/devstream-io/dtm\n")
	put(t, filepath.Join(sdk, "go.sum"), "some sums\n")
	w := wish(t, t.TempDir(), "greeting", Go)
	w.SDK = sdk
	if _, err := Create(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	files := tree(t, filepath.Join(w.Dir, "greeting"))
	if !strings.Contains(files["go.mod"], `=> "`+sdk+`"`) || files["go.sum"] != "some sums\n" {
		t.Errorf("go.mod is\n%s\ngo.sum is\n%s", files["go.mod"], files["go.sum"])
	}

	w = wish(t, t.TempDir(), "greeting", Go)
	w.SDK = t.TempDir()
	_, err := Create(t.Context(), w)
	mustSay(t, err, "is no checkout of dtm")
	if left := tree(t, w.Dir); len(left) > 0 {
		t.Errorf("there is %v", left)
	}
}

// checkout is a folder that looks like a checkout of dtm.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "go.mod"), "module github.com/devstream-io/dtm\n\ngo 1.26.0\n")
	put(t, filepath.Join(dir, "plugins", "greeting", "schema.cue"), "package greeting\n")
	if err := os.MkdirAll(filepath.Join(dir, "cmd", "dtm"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestInACheckoutAPluginIsBuiltIn(t *testing.T) {
	root := checkout(t)
	made, err := Create(t.Context(), wish(t, filepath.Join(root, "cmd", "dtm"), "my-tool", Go))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"README.md", "my-tool.go", "my-tool_test.go", "schema.cue"}; !slices.Equal(made.Files, want) {
		t.Errorf("the files are %v, want %v", made.Files, want)
	}
	for _, file := range made.Files {
		if _, err := os.Stat(filepath.Join(root, "plugins", "my-tool", file)); err != nil {
			t.Error(err)
		}
	}
	want := []string{`mytool "github.com/devstream-io/dtm/plugins/my-tool"`, "mytool.New(env),"}
	if !made.BuiltIn || !slices.Equal(made.Lines, want) || made.Dir != "../../plugins/my-tool" {
		t.Errorf("%+v", made)
	}
	if left := tree(t, filepath.Join(root, "cmd")); len(left) != 1 {
		t.Errorf("in cmd there is %v", left)
	}

	_, err = Create(t.Context(), wish(t, root, "greeting", Go))
	mustSay(t, err, "is there already")
	_, err = Create(t.Context(), wish(t, root, "another", Python))
	mustSay(t, err, "what is built in is written in Go")
}

func TestAModuleOfItsOwnInACheckoutIsNoPartOfIt(t *testing.T) {
	root := checkout(t)
	put(t, filepath.Join(root, "deep", "go.mod"), "module example.com/other\n")
	made, err := Create(t.Context(), wish(t, filepath.Join(root, "deep"), "my-tool", Go))
	if err != nil || made.BuiltIn || made.Dir != "my-tool" {
		t.Errorf("%+v, %v", made, err)
	}
}

func TestTheNameOfThePackage(t *testing.T) {
	for name, want := range map[string]string{
		"greeting": "greeting", "trello-github-integ": "trellogithubinteg", "3scale": "plugin3scale", "go": "plugingo",
		"main": "pluginmain", "true": "plugintrue", "a-1": "a1",
	} {
		if got := packageName(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
