package schema

import (
	"context"
	"strings"
	"testing"
)

// What a program did about mistakes is told of configurations that were written for it, and of no others.
func TestMistakesSayWhatWasDoneAboutThemFormerly(t *testing.T) {
	source := func() *Source {
		return lines(
			tool("localfile", "a", fields("filename", "a", "content", "${{ thing.none.outputs.x }}"), "thing.none"),
			tool("localfile", "A_b", fields("filename", "a")),
		)
	}
	others := lines(
		tool("localfile", "a", fields("filename", "a", "content", "${{ thing.none.outputs.x }} ${{ x }}"), "thing.none"),
		tool("thing", "b", fields("name", "b", "list", Value{Kind: List, Items: []Value{fields("item", "${{ localfile.a.outputs.none }}")}})),
		tool("thing", "c", fields("name", "c", "labels", fields("l", "${{ localfile.a.outputs.path.deep }}"))),
	)
	for _, src := range []*Source{source(), others} {
		if got := show(testLoader(t).Check(context.Background(), src)); strings.Contains(got, "formerly") {
			t.Errorf("got %s", got)
		}
		src.LetPass = map[Mistake]string{
			NoSuchTool: "formerly ignored", Dangling: "formerly skipped", NoReference: "formerly text", BadInstance: "formerly not looked at",
		}
	}
	want := `tools.localfile.A_b: "A_b" is not an instance name: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit (RFC 1123 subdomain): formerly not looked at: t.yaml:2:3
`
	src := source()
	src.LetPass = others.LetPass
	if got := show(testLoader(t).Check(context.Background(), src)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = strings.TrimPrefix(`
tools.localfile.a.dependsOn[0]: there is no tool "thing.none": formerly ignored: t.yaml:1:4
tools.localfile.a.options.content: `+"`${{ x }}` is not a reference: it has no `.outputs.`; write `${{ plugin.instance.outputs.key }}` or `${{ env.NAME }}`, and `$${{` for a literal `${{`"+`: formerly text: t.yaml:1:8
tools.thing.b.options.list[0].item: ${{ localfile.a.outputs.none }}: plugin localfile has no output "none", only filename, path, sha256: formerly text: t.yaml:2:10
tools.thing.c.options.labels.l: ${{ localfile.a.outputs.path.deep }}: plugin localfile has no output "path.deep", only filename, path, sha256: formerly text (did you mean `+"`path`"+`?): t.yaml:3:9
`, "\n")
	if got := show(testLoader(t).Check(context.Background(), others)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Where a value comes from is told of a mistake in it, not of one in its name; of a reference only if it came whole.
func TestMistakesSayWhereAValueComesFrom(t *testing.T) {
	whole := &Origin{Variable: "v", Pos: Pos{File: "v.yaml", Line: 7, Column: 3}, Whole: true}
	part := &Origin{Variable: "w", Pos: Pos{File: "v.yaml", Line: 8, Column: 3}}
	from := func(kind Kind, text string, o *Origin) Value { return Value{Kind: kind, Text: text, From: o} }
	src := lines(
		tool("thing", "a", fields("name", from(String, "", whole), "count", from(Int, "-1", whole), "plce", from(String, "x", whole), "token", from(Int, "5", part))),
		tool("localfile", "b", fields("filename", "f")),
	)
	src.Tools[1].Instance.Text, src.Tools[1].Instance.From = "B", whole
	got := show(testLoader(t).Check(context.Background(), src))
	for _, want := range []string{
		"tools.thing.a.options.count: invalid value; expected *1 | int & >0 (variable `v` is set at v.yaml:7:3)",
		"tools.thing.a.options.plce: field not allowed; expected one of name, count, token, place, labels, list (did you mean `place`?): ",
		"tools.thing.a.options.token: invalid value (secret): expected string (variable `w` is set at v.yaml:8:3)",
		"(RFC 1123 subdomain) (variable `v` is set at v.yaml:7:3): ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	src = lines(
		tool("localfile", "b", fields("filename", from(String, "${{ localfile.c.outputs.path }}", whole), "content", from(String, "x ${{ localfile.c.outputs.path }}", part)), "thing.x"),
	)
	src.Tools[0].DependsOn[0].From = whole
	got = show(testLoader(t).Check(context.Background(), src))
	for _, want := range []string{
		"dependsOn[0]: there is no tool \"thing.x\" (variable `v` is set at v.yaml:7:3): t.yaml:1:4",
		"filename: ${{ localfile.c.outputs.path }} refers to a tool that is not in the configuration (did you mean `localfile.b`?; variable `v` is set at v.yaml:7:3): t.yaml:1:6",
		"content: ${{ localfile.c.outputs.path }} refers to a tool that is not in the configuration (did you mean `localfile.b`?): t.yaml:1:8",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}
