package schema_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/schema"
)

func text(line int, s string) schema.Value {
	return schema.Value{Kind: schema.String, Text: s, Pos: schema.Pos{File: "t.yaml", Line: line, Column: 9}}
}

func field(line int, name string, v schema.Value) schema.Field {
	return schema.Field{Name: name, Pos: schema.Pos{File: "t.yaml", Line: line, Column: 1}, Value: v}
}

func mapOf(fields ...schema.Field) schema.Value {
	return schema.Value{Kind: schema.Map, Fields: fields}
}

func TestWriteCUEMakesReferencesOfVariablesAndOutputsAndKeepsComments(t *testing.T) {
	l := allPlugins(t)
	src := &schema.Source{
		Files: []string{"t.yaml"}, State: schema.StateConfig{Backend: "local", StateFile: "devstream.state", Retention: schema.DefaultRetention},
		Tools: []schema.SourceTool{
			{
				Pos: schema.Pos{File: "t.yaml", Line: 10, Column: 3}, Plugin: schema.Text{Text: "localfile"}, Instance: schema.Text{Text: "a"},
				Options: mapOf(field(12, "filename", text(12, "engine.txt")), field(13, "content", text(13, "engine"))),
			},
			{
				Pos: schema.Pos{File: "t.yaml", Line: 20, Column: 3}, Plugin: schema.Text{Text: "localfile"}, Instance: schema.Text{Text: "b"},
				DependsOn: []schema.Text{{Text: "localfile.a"}},
				Options: mapOf(
					field(21, "filename", text(21, "b.txt")),
					field(22, "content", text(22, "ada\n${{localfile.a.outputs.path}} \"it\" $${{ x }} ${{ env.HOME }}\n")),
					field(23, "mode", text(23, "0600")),
				),
			},
		},
	}
	at := func(line int) schema.Pos { return schema.Pos{File: "t.yaml", Line: line, Column: 9} }
	written := &schema.Written{
		Variables: []schema.Field{
			field(4, "repo", mapOf(field(5, "name", text(5, "engine")))), field(6, "owner", text(6, "ada")),
			field(7, "mode", schema.Value{Kind: schema.Int, Text: "600", Pos: at(7)}),
		},
		Templates: map[schema.Pos][]schema.Filled{
			at(12): {{Variable: "repo.name"}, {Text: ".txt"}},
			at(13): {{Variable: "repo.name"}},
			at(22): {{Variable: "owner"}, {Text: "\n${{localfile.a.outputs.path}} \"it\" $${{ x }} ${{ env.HOME }}\n"}},
			// The variable is not what stands there: something else has been filled in.
			at(23): {{Variable: "mode"}},
		},
		State: at(2),
		Comments: []schema.Comment{
			{Pos: at(1), Top: true, Text: "the core"},
			{Pos: schema.Pos{File: "t.yaml", Line: 6, Column: 1}, Text: "who we are"},
			{Pos: schema.Pos{File: "t.yaml", Line: 7, Column: 1}, Value: at(7), Side: schema.Behind, Text: "as in chmod"},
			{Pos: schema.Pos{File: "t.yaml", Line: 8, Column: 1}, Top: true, Text: "the tools"},
			{Pos: schema.Pos{File: "t.yaml", Line: 10, Column: 3}, Text: "the first"},
			{Pos: at(13), Text: "its name"}, {Pos: at(13), Side: schema.Below, Text: "no more"},
			{Pos: at(22), Side: schema.Behind, Text: "several lines"},
			{Pos: at(30), Top: true, Side: schema.Below, Text: "the end"},
		},
	}
	got, err := l.WriteCUE(src, written)
	if err != nil {
		t.Fatal(err)
	}
	const want = `package toolchain

import "devstream.io/dtm/schema"

schema.#Toolchain

// the core
state: options: stateFile: "devstream.state"

_repo: name: "engine"
// who we are
_owner: "ada"
_mode:  600 // as in chmod

// the tools
// the first
tools: localfile: a: options: {
	filename: "\(_repo.name).txt"
	// its name
	content: _repo.name
	// no more
}

tools: localfile: b: {
	dependsOn: ["localfile.a"]
	options: {
		filename: "b.txt"
		// several lines
		content: """
			\(_owner)
			\(tools.localfile.a.outputs.path) "it" $${{ x }} ${{ env.HOME }}

			"""
		mode:    "0600"
	}
}

// the end
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	same(t, l, src, got)
}

// same checks that CUE which was written of a source wants what the source wants, and that it is formatted.
func same(t *testing.T, l *schema.Loader, src *schema.Source, cue []byte) {
	t.Helper()
	want, err := l.Check(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	tidy, err := schema.FormatCUE("toolchain.cue", cue)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(cue), string(tidy)); diff != "" {
		t.Errorf("not as cue fmt leaves it (-written +formatted)\n%s", diff)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "toolchain.cue"), cue, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := l.Load(t.Context(), dir, nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, cue)
	}
	if unlike, err := schema.Unlike(want, got); err != nil || len(unlike) > 0 {
		t.Errorf("%v are not the same (%v) in\n%s", unlike, err, cue)
	}
	want.State.ConfigMap = nil
	if diff := cmp.Diff(want.State, got.State); diff != "" {
		t.Errorf("the state is another one (-want +got)\n%s", diff)
	}
}

func TestWriteCUEOfEverySampleWantsTheSame(t *testing.T) {
	l := allPlugins(t)
	for _, name := range l.Plugins() {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			names := []string{name}
			if name == "trello-github-integ" {
				names = append(names, "trello") // it refers to the board
			}
			if err := l.SampleYAML(&b, names); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			src, err := compat.Read(t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			cue, err := l.WriteCUE(src, nil)
			if err != nil {
				t.Fatal(err)
			}
			same(t, l, src, cue)
		})
	}
}

// Of the reference's files, those that are valid.
func TestWriteCUEOfTheCorpusWantsTheSame(t *testing.T) {
	corpus, err := filepath.Abs("../../shared/reference/configs")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(corpus); err != nil {
		if os.Getenv("DTM_TEST_PARTS") == "require" {
			t.Fatalf("DTM_TEST_PARTS=require, and the reference configurations are not there: %v", err)
		}
		t.Skipf("the reference configurations are not there: %v", err)
	}
	l := allPlugins(t)
	count := 0
	err = filepath.WalkDir(corpus, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		src, err := compat.Read(t.Context(), path)
		if err != nil {
			return nil
		}
		if _, err := l.Check(t.Context(), src); err != nil {
			return nil
		}
		count++
		rel, err := filepath.Rel(corpus, path)
		if err != nil {
			return err
		}
		t.Run(rel, func(t *testing.T) {
			for _, plain := range []bool{false, true} {
				written, err := compat.Written(src)
				if err != nil {
					t.Fatal(err)
				}
				if plain {
					written = nil
				}
				cue, err := l.WriteCUE(src, written)
				if err != nil {
					t.Fatal(err)
				}
				same(t, l, src, cue)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const atLeast = 20
	if count < atLeast {
		t.Errorf("only %d files of the corpus are valid, want at least %d", count, atLeast)
	}
	t.Logf("%d files", count)
}

func TestUnlikeNamesWhatIsWantedInAnotherWay(t *testing.T) {
	config := func(options ...string) *schema.Config {
		c := &schema.Config{}
		for i, o := range options {
			c.Tools = append(c.Tools, schema.Tool{ID: schema.MakeID("localfile", fmt.Sprint(i)), Options: []byte(o)})
		}
		return c
	}
	for _, c := range []struct {
		name string
		a, b *schema.Config
		want []schema.ID
	}{
		{"the same", config(`{"a":"x"}`), config(`{"a":"x"}`), nil},
		{"blanks in a reference", config(`{"a":["${{localfile.b.outputs.c}}"]}`), config(`{"a":["${{ localfile.b.outputs.c }}"]}`), nil},
		{"another value", config(`{"a":1}`), config(`{"a":2}`), []schema.ID{"localfile.0"}},
		{"one more", config(`{}`), config(`{}`, `{}`), []schema.ID{"localfile.1"}},
		{"one less", config(`{}`, `{}`), config(`{}`), []schema.ID{"localfile.1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := schema.Unlike(c.a, c.b)
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
		})
	}
	if _, err := schema.Unlike(config(`{`), config(`{}`)); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v for what is no JSON", err)
	}
}

func TestWithoutDefaultsMeansTheSame(t *testing.T) {
	l := allPlugins(t)
	full, err := l.Complete("localfile", []byte(`{"filename":"a.txt","mode":"0644","createDirs":true}`))
	if err != nil {
		t.Fatal(err)
	}
	tool := func(plugin string, options []byte) []schema.Tool {
		return []schema.Tool{{ID: schema.MakeID(plugin, "a"), Options: options}}
	}
	short, err := l.WithoutDefaults(tool("localfile", full))
	if want := `{"filename":"a.txt","createDirs":true}`; err != nil || string(short[0]) != want {
		t.Errorf("got %s, %v, want %s", short, err, want)
	}
	if _, err := l.WithoutDefaults(tool("nothing", full)); err == nil {
		t.Error("an unknown plugin is no error")
	}
}
