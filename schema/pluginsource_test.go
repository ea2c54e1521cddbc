package schema

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// userFolder is a folder with a toolchain below its usual head.
func userFolder(t *testing.T, head, body string) string {
	t.Helper()
	dir := t.TempDir()
	text := "package toolchain\n\n" + head + "import \"devstream.io/dtm/schema\"\n\nschema.#Toolchain\n\n" + body
	if err := os.WriteFile(filepath.Join(dir, "a.cue"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSourcesAreReadWhateverElseIsWrong(t *testing.T) {
	const sources = `
let base = "https://example.org/"
plugins: {
	shout: {source: base + "shout.tar.gz", key: "shout.pub"}
	greeting: {source: "./greeting", version: "^1.2"}
}
`
	want := []PluginSource{
		{Name: "greeting", Source: "./greeting", Version: "^1.2"},
		{Name: "shout", Source: "https://example.org/shout.tar.gz", Key: "shout.pub"},
	}
	for name, k := range map[string]struct{ head, body string }{
		"no tools":             {"", ""},
		"tools of strangers":   {"", `tools: greeting: default: {options: {a: b: 1}, dependsOn: ["shout.x"]}`},
		"outputs of strangers": {"", "tools: greeting: default: options: {}\ntools: thing: a: options: name: tools.greeting.default.outputs.name"},
		"mistakes in tools":    {"", `tools: thing: a: options: {nme: 3}`},
		"a stranger's package": {"import _g \"devstream.io/dtm/plugins/greeting\"\n", `tools: greeting: default: options: _g.#Options & {name: "x"}`},
		"a package with a name of its own": {"import _g \"devstream.io/dtm/plugins/my-greeting:greeting\"\n",
			`tools: "my-greeting": default: options: _g.#Options & {name: "x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := testLoader(t).LoadSources(t.Context(), userFolder(t, k.head, sources+k.body), nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if got[i].Pos.Line == 0 {
					t.Errorf("%s has no place", got[i].Name)
				}
				got[i].Pos = Pos{}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMistakesInSourcesAreFoundBeforeAnythingIsFetched(t *testing.T) {
	dir := userFolder(t, "", "plugins: greeting: {sorce: \"./greeting\"}\ntools: greeting: a: options: {}\n")
	_, err := testLoader(t).LoadSources(t.Context(), dir, nil)
	if err == nil {
		t.Fatal("no error")
	}
	file := filepath.Join(dir, "a.cue")
	want := "plugins.greeting.source: field is required: expected string & !=\"\": " + file + ":7:10\n" +
		"plugins.greeting.sorce: field not allowed; expected one of source, version, key (did you mean `source`?): " + file + ":7:21"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestSourcesOfYAMLAreCheckedAlike(t *testing.T) {
	text := func(s string) Value { return Value{Kind: String, Text: s, Pos: Pos{File: "c.yaml", Line: 3}} }
	source := func(name string, fields ...Field) Field {
		return Field{Name: name, Pos: Pos{File: "c.yaml", Line: 2}, Value: Value{Kind: Map, Fields: fields, Pos: Pos{File: "c.yaml", Line: 2}}}
	}
	src := &Source{Plugins: Value{Kind: Map, Fields: []Field{source("greeting", Field{Name: "source", Value: text("./greeting")})}}}
	got, err := testLoader(t).CheckSources(src)
	if err != nil || len(got) != 1 || got[0].Source != "./greeting" || got[0].Pos.Line != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	src.Plugins.Fields = append(src.Plugins.Fields, source("shout", Field{Name: "surce", Pos: Pos{File: "c.yaml", Line: 4}, Value: text("./x")}))
	if _, err = testLoader(t).CheckSources(src); err == nil {
		t.Fatal("no error")
	}
	config, cerr := testLoader(t).Check(t.Context(), src)
	if cerr == nil || cerr.Error() != err.Error() {
		t.Errorf("%v: %v, but CheckSources: %v", config, cerr, err)
	}
}
