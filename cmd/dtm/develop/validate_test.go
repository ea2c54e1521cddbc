package develop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

// tools are those of this machine, with a Python that can run plugins.
func tools(t *testing.T) Tools {
	t.Helper()
	python := parts.Python(t)
	return Tools{Version: "1.0.0-dev", Getenv: os.Getenv, BuiltIn: builtIn(t), LookPath: func(name string) (string, error) {
		if name == "python3" {
			return python, nil
		}
		return exec.LookPath(name)
	}}
}

// create makes a plugin and returns its folder.
func create(t *testing.T, lang string) string {
	t.Helper()
	w := wish(t, t.TempDir(), "my-tool", lang)
	w.Version, w.Tidy = "1.0.0-dev", true
	made, err := Create(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	if made.Untidy {
		t.Log("go.mod is as it was made")
	}
	return filepath.Join(w.Dir, made.Dir)
}

func validate(t *testing.T, dir string) *Report {
	t.Helper()
	r, err := Validate(t.Context(), dir, tools(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// told is a report as text.
func told(r *Report) string {
	var b strings.Builder
	for _, err := range r.Wrong {
		b.WriteString(err.Error() + "\n")
	}
	for _, note := range r.Notes {
		b.WriteString("note: " + note + "\n")
	}
	return b.String()
}

func mustRun(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	if err := run(t.Context(), dir, program, args...); err != nil {
		t.Error(err)
	}
}

func TestANewPluginInPythonIsValidAndPassesItsTests(t *testing.T) {
	t.Parallel()
	dir := create(t, Python)
	before := tree(t, dir)
	if r := validate(t, dir); len(r.Wrong) > 0 || r.Plugin != "my-tool" || len(r.Notes) > 2 {
		t.Error(told(r))
	}
	if after := tree(t, dir); len(after) != len(before) {
		t.Errorf("it left something behind: %d files became %d", len(before), len(after))
	}
	mustRun(t, dir, parts.Python(t), "-B", "-m", "unittest")
}

func TestANewPluginInGoIsValidAndPassesItsTests(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program and its tests")
	}
	t.Parallel()
	dir := create(t, Go)
	if out, err := exec.CommandContext(t.Context(), "gofmt", "-l", dir).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("gofmt: %v, %s", err, out)
	}
	if r := validate(t, dir); len(r.Wrong) > 0 || len(r.Notes) > 2 {
		t.Error(told(r))
	}
	mustRun(t, dir, "go", "vet", "./...")
	mustRun(t, dir, "go", "test", "./...")
}

func TestANewBuiltInPluginCompilesAndPassesItsTests(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a plugin and its tests")
	}
	t.Parallel()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	fake := checkout(t)
	if _, err := Create(t.Context(), wish(t, fake, "my-tool", Go)); err != nil {
		t.Fatal(err)
	}
	// It is in the real checkout for the compiler only.
	dir := filepath.Join(fake, "plugins", "my-tool")
	var replaced []string
	for file := range tree(t, dir) {
		replaced = append(replaced, `"`+filepath.Join(root, "plugins", "my-tool", file)+`": "`+filepath.Join(dir, file)+`"`)
	}
	overlay := filepath.Join(fake, "overlay.json")
	put(t, overlay, `{"Replace": {`+strings.Join(replaced, ", ")+`}}`)
	if out, err := exec.CommandContext(t.Context(), "gofmt", "-l", dir).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("gofmt: %v, %s", err, out)
	}
	// Vet wants a folder that is there. The same verbs are vetted in a plugin that is a process.
	mustRun(t, root, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", filepath.Join(fake, "my-tool.test"), "./plugins/my-tool")
	mustRun(t, fake, filepath.Join(fake, "my-tool.test"))
	_, mistakes := checkSchema(t.Context(), "my-tool", tree(t, dir)["schema.cue"], nil)
	for _, err := range mistakes {
		t.Error(err)
	}
}

// TestEveryMistakeIsFound makes one mistake each in a plugin that has none.
func TestEveryMistakeIsFound(t *testing.T) {
	t.Parallel()
	for name, mistake := range map[string]struct {
		file, old, new string
		// want are parts of what must be said, in this order. More is not to be said.
		want []string
	}{
		"a key that no manifest has":  {"plugin.json", `"protocol": 1`, `"protocol": 1, "colour": "red"`, []string{"colour"}},
		"a manifest that is no JSON":  {"plugin.json", `{`, ``, []string{"plugin.json"}},
		"the name of a built-in one":  {"plugin.json", `"my-tool"`, `"localfile"`, []string{"localfile is built in"}},
		"a program that is not there": {"plugin.json", `"./plugin.py"`, `"./plug.py"`, []string{"plug.py is not there"}},
		"no package clause":           {"schema.cue", "package mytool", "", []string{"no package clause"}},
		"no #Sample":                  {"schema.cue", "#Sample: #Options & ", "sample: ", []string{"no #Sample"}},
		"no CUE":                      {"schema.cue", "#Options: {", "#Options: {{", []string{"schema.cue: "}},
		"options without a comment":   {"schema.cue", "\t// What the file holds. No newline is added at the end.\n", "", []string{"#Options.content has no comment"}},
		"outputs without a comment":   {"schema.cue", "\t// The absolute path of the file.\n", "", []string{"#Outputs.path has no comment"}},
		"a sample that does not fit":  {"schema.cue", `"hello.txt"`, `"hello/"`, []string{"#Sample"}},
		"outputs that the schema does not declare": {
			"plugin.py", `"outputs": {`, `"outputs": {"more": 1, `, []string{"output more, which #Outputs does not declare"},
		},
		"outputs that only the schema has": {
			"schema.cue", "#Outputs: {\n", "#Outputs: {\n\t// More of it.\n\tmore: int\n", []string{"lacks the output more"},
		},
		"Python that cannot be read": {"plugin.py", "def create(", "def create((", []string{"its Python cannot be compiled", "plugin.py", "SyntaxError"}},
		"Python that cannot be run":  {"plugin.py", "import hashlib", "import hashlob", []string{"hashlob"}},
		"no wishes":                  {"conformance.json", `"want": {"filename": "a.txt", "content": "hello"},`, "", []string{"want and changed must be there"}},
		"a wish that does not fit":   {"conformance.json", `"filename": "b.txt"`, `"filename": 7`, []string{"conformance.json: renamed"}},
		"a wish of another kind":     {"conformance.json", `"renamed"`, `"moved"`, []string{`unknown field "moved"`}},
		"a variable that the plugin does not get": {
			"conformance.json", `"others"`, `"env": {"TOKEN": "x"}, "others"`, []string{"the plugin does not get TOKEN"},
		},
		"a verb that forgets": {"plugin.py", "    path.unlink(missing_ok=True)", "    pass", []string{"delete removes"}},
		"a verb that fails": {
			"plugin.py", "        call.report(f\"writing {path}\")", "        raise dtm_plugin.Failure('no luck today')",
			[]string{"read after create returns the same: create: no luck today"},
		},
		"a read that finds what is not there": {
			"plugin.py", "raise dtm_plugin.NotFound(f\"{path}: not found\") from None", "data = b''",
			[]string{"read before create finds nothing"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := create(t, Python)
			text := tree(t, dir)[mistake.file]
			changed := strings.Replace(text, mistake.old, mistake.new, 1)
			if mistake.file == "plugin.py" && mistake.old[0] == ' ' {
				// The last one: the first removes the draft.
				i := strings.LastIndex(text, mistake.old)
				changed = text[:i] + mistake.new + text[i+len(mistake.old):]
			}
			if changed == text {
				t.Fatalf("%s does not have %q", mistake.file, mistake.old)
			}
			put(t, filepath.Join(dir, mistake.file), changed)
			r := validate(t, dir)
			rest := told(r)
			for _, want := range mistake.want {
				_, behind, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("it does not say %q:\n%s", want, told(r))
				}
				rest = behind
			}
			if len(r.Wrong) == 0 {
				t.Error("that is only a note")
			}
		})
	}
}

func TestEverythingThatIsWrongIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	dir := create(t, Python)
	files := tree(t, dir)
	put(t, filepath.Join(dir, "schema.cue"), strings.NewReplacer(
		"\t// The absolute path of the file.\n", "", "\t// What the file holds. No newline is added at the end.\n", "",
	).Replace(files["schema.cue"]))
	put(t, filepath.Join(dir, "plugin.py"), strings.Replace(files["plugin.py"], "    path.unlink(missing_ok=True)", "    path.unlink()", 1))
	said := told(validate(t, dir))
	for _, want := range []string{"#Options.content has no comment", "#Outputs.path has no comment", "delete twice is no error: "} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
}

// What a wish names may be somebody's: the suite makes, changes and deletes it.
func TestWhatIsThereAlreadyIsNotTouched(t *testing.T) {
	t.Parallel()
	dir := create(t, Python)
	mine := filepath.Join(t.TempDir(), "mine.txt")
	put(t, mine, "mine")
	text := tree(t, dir)["conformance.json"]
	put(t, filepath.Join(dir, "conformance.json"), strings.Replace(text, `"filename": "b.txt"`, `"filename": "`+mine+`"`, 1))
	r := validate(t, dir)
	if len(r.Wrong) != 1 || !strings.Contains(told(r), "nothing more was tried: it would be deleted") {
		t.Error(told(r))
	}
	if data, err := os.ReadFile(mine); err != nil || string(data) != "mine" {
		t.Errorf("it holds %q, %v", data, err)
	}
}

func TestAVariableThatTheManifestNamesReachesThePlugin(t *testing.T) {
	t.Parallel()
	dir := create(t, Python)
	files := tree(t, dir)
	put(t, filepath.Join(dir, "plugin.json"), strings.Replace(files["plugin.json"], `"protocol": 1,`, `"protocol": 1, "env": ["GREETING"],`, 1))
	put(t, filepath.Join(dir, "conformance.json"), strings.Replace(files["conformance.json"], `"others"`, `"env": {"GREETING": "x"}, "others"`, 1))
	put(t, filepath.Join(dir, "plugin.py"), strings.Replace(files["plugin.py"], "import hashlib\n", "import hashlib\nimport os\n\nassert os.environ['GREETING'] == 'x'\n", 1))
	if r := validate(t, dir); len(r.Wrong) > 0 {
		t.Error(told(r))
	}
}

// As a server would be, the world of this plugin is not the folder of the configuration.
func TestAWorldElsewhereIsLeftAsItWas(t *testing.T) {
	t.Parallel()
	dir, world := create(t, Python), t.TempDir()
	files := tree(t, dir)
	edit := func(file, old, new string) {
		t.Helper()
		if !strings.Contains(files[file], old) {
			t.Fatalf("%s has no %q", file, old)
		}
		put(t, filepath.Join(dir, file), strings.Replace(files[file], old, new, 1))
	}
	edit("plugin.json", `"protocol": 1,`, `"protocol": 1, "env": ["WORLD"],`)
	edit("conformance.json", `"others"`, `"env": {"WORLD": "`+world+`"}, "others"`)
	edit("plugin.py", "return dtm_plugin.folder() / filename", "import os\n    return Path(os.environ['WORLD']) / filename")
	put(t, filepath.Join(world, "mine.txt"), "mine")
	if r := validate(t, dir); len(r.Wrong) > 0 {
		t.Error(told(r))
	}
	if left := tree(t, world); len(left) != 1 || left["mine.txt"] != "mine" {
		t.Errorf("there is %v", left)
	}
}

func TestAFolderWithoutManifestAndWithoutSchema(t *testing.T) {
	t.Parallel()
	r := validate(t, t.TempDir())
	if said := told(r); len(r.Wrong) != 2 || !strings.Contains(said, "plugin.json") || !strings.Contains(said, "schema.cue: ") {
		t.Error(said)
	}
}

func TestThePluginsThatAreMeant(t *testing.T) {
	dir, root := t.TempDir(), checkout(t)
	for _, name := range []string{"a", "b"} {
		put(t, filepath.Join(dir, name, "plugin.json"), "{}")
	}
	put(t, filepath.Join(dir, "c", "else.json"), "{}")
	put(t, filepath.Join(root, "examples", "x", "plugin.json"), "{}")
	for _, tt := range []struct {
		dir, name string
		all       bool
		want      string
	}{
		{dir: dir + "/a", want: "a"},
		{dir: dir, name: "b", want: "b"},
		{dir: dir + "/a", name: "a", want: "a"},
		{dir: dir, all: true, want: "a b"},
		{dir: dir, want: "has no plugin.json"},
		{dir: dir, name: "c", want: "there is no plugin c here"},
		{dir: dir, name: "../a", want: "is no name of a plugin"},
		{dir: dir + "/c", all: true, want: "there is no plugin in"},
		{dir: dir, name: "a", all: true, want: "say one of them"},
		{dir: root, name: "greeting", want: "greeting"},
		{dir: root, all: true, want: "greeting"},
		{dir: root + "/plugins/greeting", want: "greeting"},
		{dir: root, want: "say which plugin is meant"},
		{dir: root, name: "other", want: "there is no plugin other in this checkout"},
		{dir: root + "/examples/x", want: "x"},
	} {
		targets, err := Find(tt.dir, tt.name, tt.all)
		var names []string
		for _, target := range targets {
			names = append(names, target.Name)
		}
		got := strings.Join(names, " ")
		if err != nil {
			got = err.Error()
		}
		if got != tt.want && (err == nil || !strings.Contains(got, tt.want)) {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

func TestABuiltInPluginIsCheckedWithItsTests(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the tests of a plugin")
	}
	t.Parallel()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	r, err := ValidateBuiltIn(t.Context(), root, "localfile", tools(t))
	if err != nil || len(r.Wrong) > 0 {
		t.Errorf("%v\n%s", err, told(r))
	}
}

func TestEveryBuiltInSchemaIsAsItMustBe(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	names, err := BuiltIns(root)
	if err != nil {
		t.Fatal(err)
	}
	set := builtIn(t)
	if len(names) != len(set) {
		t.Errorf("the folders are %v, the list has %v", names, set.Names())
	}
	for _, name := range names {
		_, mistakes := checkSchema(t.Context(), name, set[name].Schema, set[name].Shared)
		for _, err := range mistakes {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestANewBuiltInPluginThatIsNotListedSaysSo(t *testing.T) {
	root := checkout(t)
	t2 := tools(t)
	t2.LookPath = func(string) (string, error) { return "", exec.ErrNotFound }
	r, err := ValidateBuiltIn(t.Context(), root, "greeting", t2)
	if err != nil {
		t.Fatal(err)
	}
	if said := told(r); !strings.Contains(said, "this dtm does not have it") || !strings.Contains(said, "no #Options") || !strings.Contains(said, "go is not on PATH") {
		t.Error(said)
	}
}
