package registry

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAManifestSaysWhatIsWrongWithIt(t *testing.T) {
	const good = `{"manifest": 1, "name": "greeting", "version": "0.1.0", "protocol": 1, "command": ["./run"]}`
	if _, err := parseManifest([]byte(good)); err != nil {
		t.Fatal(err)
	}
	change := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for text, words := range map[string]string{
		"":                         "EOF",
		"[]":                       "cannot unmarshal",
		good + good:                "behind the closing brace",
		change(`"name"`, `"nmae"`): `unknown field "nmae"`,
		change(`"manifest": 1`, `"manifest": 2, "x": 1`):             "manifest is 2, this dtm knows 1",
		change(`"manifest": 1,`, ``):                                 "manifest is 0, it must be 1",
		change(`"protocol": 1`, `"protocol": 2`):                     "protocol is 2, this dtm speaks 1",
		change(`"protocol": 1,`, ``):                                 "protocol is 0",
		change("greeting", "Greeting"):                               `"Greeting" is no name`,
		change("greeting", "../greeting"):                            "is no name",
		change("greeting", ""):                                       "is no name",
		change("greeting", strings.Repeat("a", 64)):                  "is no name",
		change("0.1.0", "0.1"):                                       "is no version",
		change("0.1.0", "v0.1.0"):                                    "is no version",
		change(`["./run"]`, `[]`):                                    "command: there is none",
		change(`["./run"]`, `[""]`):                                  "command: there is none",
		change(`"./run"`, `"./../run"`):                              "leaves the folder",
		change(`"./run"`, `"./a/../../run"`):                         "leaves the folder",
		change(`"./run"`, `"../run"`):                                "leaves the folder",
		change(`"./run"`, `"/bin/sh"`):                               "neither in the folder nor the mere name",
		change(`"./run"`, `"bin/run"`):                               "neither in the folder nor the mere name",
		change(`"./run"`, `"python3", "./../x"`):                     "leaves the folder",
		change(`"./run"`, `"python3", "../x"`):                       "leaves the folder",
		change(`"./run"`, `"a\u0000b"`):                              "control character",
		change(`["./run"]`, `["./run"], "env": ["A B"]`):             `"A B" is no name of a variable`,
		change(`["./run"]`, `["./run"], "env": ["A=B"]`):             "no name of a variable",
		change(`["./run"]`, `["./run"], "env": [""]`):                "no name of a variable",
		change(`["./run"]`, `["./run"], "env": ["1A"]`):              "no name of a variable",
		change(`["./run"]`, `["./run"], "env": ["A", "A"]`):          "A is there twice",
		change(`["./run"]`, `["./run"], "env": ["DTM_DIR"]`):         "dtm's own to set",
		change(`["./run"]`, `["./run"], "env": ["PLUGIN_X"]`):        "dtm's own to set",
		change(`["./run"]`, `["./run"], "description": "a\nb"`):      "one line",
		change(`["./run"]`, `["./run"], "description": "\u001b[2J"`): "one line",
	} {
		if _, err := parseManifest([]byte(text)); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTheFilesOfAManifestAreLookedFor(t *testing.T) {
	for name, k := range map[string]struct {
		change func(dir string) error
		words  string
	}{
		"as it should be": {func(string) error { return nil }, ""},
		"no program":      {func(dir string) error { return os.Remove(filepath.Join(dir, "run")) }, "./run is not there"},
		"not executable":  {func(dir string) error { return os.Chmod(filepath.Join(dir, "run"), 0o644) }, "./run is not executable"},
		"a folder":        {func(dir string) error { return os.Rename(filepath.Join(dir, "lib"), filepath.Join(dir, "run")) }, "./run is not"},
		"no script":       {func(dir string) error { return os.Remove(filepath.Join(dir, "lib", "data.txt")) }, "./lib/data.txt is not there"},
		"no schema":       {func(dir string) error { return os.Remove(filepath.Join(dir, "schema.cue")) }, "no schema.cue"},
		"a way out": {func(dir string) error {
			if err := os.Remove(filepath.Join(dir, "run")); err != nil {
				return err
			}
			return os.Symlink("/bin/sh", filepath.Join(dir, "run"))
		}, "./run: "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := plugin("greeting", "0.1.0").in(t, t.TempDir())
			m, err := ReadManifest(dir)
			if err != nil {
				t.Fatal(err)
			}
			if name == "a folder" {
				if err := os.Remove(filepath.Join(dir, "run")); err != nil {
					t.Fatal(err)
				}
			}
			if err := k.change(dir); err != nil {
				t.Fatal(err)
			}
			err = m.Check(dir)
			if (err == nil) != (k.words == "") || err != nil && !strings.Contains(err.Error(), k.words) {
				t.Errorf("it says %v", err)
			}
		})
	}
	if _, err := ReadManifest(t.TempDir()); err == nil || !strings.Contains(err.Error(), "has no plugin.json") || hintOf(err) == "" {
		t.Errorf("it says %v", err)
	}
}
