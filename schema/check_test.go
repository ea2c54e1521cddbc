package schema

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// lines makes a Source out of lines "plugin instance key=value ..."; every tool has its own line in "t.yaml".
func lines(tools ...SourceTool) *Source {
	for i := range tools {
		place(&tools[i], i+1)
	}
	return &Source{Dir: "/x", Files: []string{"t.yaml"}, Tools: tools, State: StateConfig{Backend: "local", StateFile: "s", Retention: DefaultRetention}}
}

func place(t *SourceTool, line int) {
	column := 0
	at := func() Pos { column++; return Pos{File: "t.yaml", Line: line, Column: column} }
	t.Pos, t.Plugin.Pos, t.Instance.Pos = at(), at(), at()
	for i := range t.DependsOn {
		t.DependsOn[i].Pos = at()
	}
	var walk func(v *Value)
	walk = func(v *Value) {
		v.Pos = at()
		for i := range v.Fields {
			v.Fields[i].Pos = at()
			walk(&v.Fields[i].Value)
		}
		for i := range v.Items {
			walk(&v.Items[i])
		}
	}
	walk(&t.Options)
	if t.Lifecycle.Kind != Null {
		walk(&t.Lifecycle)
	}
}

func tool(plugin, instance string, options Value, deps ...string) SourceTool {
	t := SourceTool{Plugin: Text{Text: plugin}, Instance: Text{Text: instance}, Options: options}
	for _, d := range deps {
		t.DependsOn = append(t.DependsOn, Text{Text: d})
	}
	return t
}

func fields(pairs ...any) Value {
	v := Value{Kind: Map}
	for i := 0; i < len(pairs); i += 2 {
		f := Field{Name: pairs[i].(string)}
		switch x := pairs[i+1].(type) {
		case string:
			f.Value = Value{Kind: String, Text: x}
		case int:
			f.Value = Value{Kind: Int, Text: fmt.Sprint(x)}
		case Value:
			f.Value = x
		}
		v.Fields = append(v.Fields, f)
	}
	return v
}

func TestCheckFillsDefaultsAndFindsReferences(t *testing.T) {
	got := show(testLoader(t).Check(context.Background(), lines(
		tool("localfile", "a", fields("filename", "a.txt"), "thing.one", " thing.one "),
		tool("thing", "one", fields("name", "x", "count", 3, "list", Value{Kind: List, Items: []Value{fields("item", "${{ env.HOME }}")}})),
		tool("localfile", "b", fields("filename", "${{ localfile.a.outputs.path }}.b", "content", "$${{ literal }}")),
	)))
	want := `localfile.a needs [thing.one] at t.yaml:1:1
  {"content":"","filename":"a.txt","mode":"0644"}
thing.one needs [] at t.yaml:2:1
  {"count":3,"labels":{},"list":[{"item":"${{ env.HOME }}"}],"name":"x","place":{"city":"here"}}
  options.list[0].item = ${{ env.HOME }}
localfile.b needs [localfile.a] at t.yaml:3:1
  {"content":"$${{ literal }}","filename":"${{ localfile.a.outputs.path }}.b","mode":"0644"}
  options.filename = ${{ localfile.a.outputs.path }}
state local s
files [t.yaml]
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCheckTellsAllMistakesAtOnce(t *testing.T) {
	got := show(testLoader(t).Check(context.Background(), lines(
		tool("localfil", "a", fields("filename", "a.txt")),
		tool("localfile", "A_b", fields("filename", "a.txt")),
		tool("localfile", "dup", fields("filename", "a.txt")),
		tool("localfile", "dup", fields("filename", "b.txt")),
		tool("localfile", "bad", fields("filname", "a.txt", "mode", 5)),
		tool("localfile", "none", Value{Kind: Null}),
		tool("thing", "one", fields("name", "x", "count", -1, "token", 3, "place", fields("cty", "y"))),
		tool("localfile", "list", Value{Kind: List}),
	)))
	want := strings.TrimPrefix(`
tools.localfil.a: there is no plugin "localfil" (did you mean `+"`localfile`"+`?): t.yaml:1:2
tools.localfile.A_b: "A_b" is not an instance name: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit (RFC 1123 subdomain): t.yaml:2:3
tools.localfile.dup: the tool is there twice, first at t.yaml:3:1 (give one of them another instance name): t.yaml:4:1
tools.localfile.bad.options.filename: field is required: expected string & !="": t.yaml:5:4
tools.localfile.bad.options.filname: field not allowed; expected one of filename, content, mode (did you mean `+"`filename`"+`?): t.yaml:5:5
tools.localfile.bad.options.mode: invalid value 5; expected *"0644" | =~"^0?[0-7]{3}$" (write it in quotes): t.yaml:5:7
tools.localfile.none.options.filename: field is required: expected string & !="": t.yaml:6:4
tools.thing.one.options.count: invalid value -1; expected *1 | int & >0: t.yaml:7:7
tools.thing.one.options.token: invalid value (secret): expected string: t.yaml:7:9
tools.thing.one.options.place.cty: field not allowed; expected one of city, street (did you mean `+"`city`"+`?): t.yaml:7:13
tools.localfile.list.options: conflicting values [] and {filename!:(string & !=""),content:(*""|string),mode:(*"0644"|=~"^0?[0-7]{3}$")} (mismatched types list and struct): t.yaml:8:4
`, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEqualConfigurationsHaveEqualDigests(t *testing.T) {
	l := testLoader(t)
	digest := func(content string) string {
		c, err := l.Check(context.Background(), lines(tool("localfile", "a", fields("filename", "a", "content", content))))
		if err != nil {
			t.Fatal(err)
		}
		return c.Digest
	}
	if first, again := digest("x"), digest("x"); first != again || first == digest("y") {
		t.Error("the digest does not follow the content")
	}
}

func TestTheDigestDoesNotKnowSecrets(t *testing.T) {
	l := testLoader(t)
	digest := func(secret string) string {
		item := fields("item", "i", "secret", secret)
		c, err := l.Check(context.Background(), lines(tool("thing", "a", fields("name", "a", "token", secret, "list", Value{Kind: List, Items: []Value{item}}))))
		if err != nil {
			t.Fatal(err)
		}
		return c.Digest
	}
	if digest("x") != digest("y") {
		t.Error("the digest follows a secret")
	}
}

func TestManyToolsAreCheckedInSeveralContexts(t *testing.T) {
	var tools []SourceTool
	for i := range 2*checkBatch + 1 {
		tools = append(tools, tool("localfile", fmt.Sprintf("t%d", i), fields("filename", fmt.Sprint("f", i))))
	}
	c, err := testLoader(t).Check(context.Background(), lines(tools...))
	if err != nil || len(c.Tools) != len(tools) {
		t.Fatal(len(c.Tools), err)
	}
}

func TestCompleteFillsDefaults(t *testing.T) {
	l := testLoader(t)
	got, err := l.Complete("localfile", []byte(`{"filename":"a"}`))
	if err != nil || string(got) != `{"content":"","filename":"a","mode":"0644"}` {
		t.Errorf("%s %v", got, err)
	}
	if _, err := l.Complete("localfile", []byte(`{"filename":3}`)); err == nil {
		t.Error("options that do not fit were taken")
	}
}

func TestDefinitionsTellWhatTheSchemaSays(t *testing.T) {
	d := testLoader(t).Definition("thing")
	if d.Doc != "Thing is for tests." {
		t.Errorf("doc %q", d.Doc)
	}
	for _, c := range []struct {
		path                      string
		required, secret, replace bool
		typ, doc                  string
	}{
		{path: "name", required: true, typ: `string & !=""`, doc: "The name."},
		{path: "token", secret: true, typ: "string", doc: "Who may."},
		{path: "place.city", replace: true, typ: `*"here" | string`},
		{path: "labels.any", typ: "string"},
		{path: "list.7.item", required: true, typ: "string"},
		{path: "list.7.secret", secret: true, typ: "string"},
	} {
		f := Find(d.Options, strings.Split(c.path, "."))
		if f == nil {
			t.Errorf("%s: not found", c.path)
			continue
		}
		if f.Required != c.required || f.Secret != c.secret || f.Replace != c.replace || f.Type != c.typ || f.Doc != c.doc {
			t.Errorf("%s: %+v", c.path, *f)
		}
	}
	if Find(d.Options, []string{"nope"}) != nil {
		t.Error("found what is not there")
	}
}

func TestSamplesAreValidAsTheyStand(t *testing.T) {
	l := testLoader(t)
	var b strings.Builder
	if err := l.SampleCUE(&b, l.Plugins()); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	write(t, "a.cue", b.String())
	if _, err := l.Load(context.Background(), ".", nil); err != nil {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestVendorWritesWhatIsMissingAndRemovesWhatIsOld(t *testing.T) {
	l := testLoader(t)
	dir := t.TempDir()
	write(t, dir+"/cue.mod/pkg/devstream.io/dtm/schema/old.cue", "package schema\n")
	n, err := l.Vendor(dir)
	if err != nil || n != len(l.Files())+1 {
		t.Fatal(n, err)
	}
	if exists(dir + "/cue.mod/pkg/devstream.io/dtm/schema/old.cue") {
		t.Error("the old file is still there")
	}
	if n, err := l.Vendor(dir); err != nil || n != 0 {
		t.Errorf("a second time %d files, %v", n, err)
	}
	if n, err := l.Vendor(dir + "/cue.mod"); err != nil || n != 0 {
		t.Errorf("below the module %d files, %v", n, err)
	}
}
