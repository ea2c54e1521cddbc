package schema

import (
	"testing"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/parser"
)

// What is found by looking once at each field is what searching the files for the path finds.
func TestAToolIsWrittenWhereASearchFindsIt(t *testing.T) {
	texts := []string{`
tools: localfile: a: options: filename: "a"
tools: localfile: {
	a: dependsOn: ["localfile.b", "localfile.c"]
	"b": options: {filename: "b"} & {content: "x"}
}
tools: {thing: a: {options: {list: [{item: "x"}, {item: "y"}]}}}
tools: (localfile): d: options: filename: "d"
for x in ["e", "f"] {tools: localfile: (x): options: filename: x}
tools: localfile: {for x in ["g"] {"\(x)": options: content: x}}
tools: localfile: c: #c
`, `
{tools: localfile: a: options: mode: "0600"}
tools: ({localfile: h: {}} & {localfile: h: options: filename: "h"})
#c: options: filename: "c"
`}
	p := &located{given: "dir", inst: &build.Instance{}}
	for i, text := range texts {
		f, err := parser.ParseFile([]string{"a.cue", "b.cue"}[i], text)
		if err != nil {
			t.Fatal(err)
		}
		p.inst.Files = append(p.inst.Files, f)
	}
	search := func(path []string) (best ast.Node) {
		depth := -1
		for _, f := range p.inst.Files {
			if node, d := findPath(f.Decls, path); node != nil && d > depth {
				best, depth = node, d
			}
		}
		return best
	}
	for _, plugin := range []string{"localfile", "thing", "other"} {
		for _, instance := range []string{"a", "b", "c", "d", "e", "g", "h"} {
			for _, below := range [][]string{
				nil, {"dependsOn"}, {"dependsOn", "1"}, {"dependsOn", "7"}, {"options"}, {"options", "filename"},
				{"options", "content"}, {"options", "mode"}, {"options", "list", "1", "item"}, {"options", "nowhere"},
			} {
				path := append([]string{"tools", plugin, instance}, below...)
				if got, want := p.place(path), p.position(search(path)); got != want {
					t.Errorf("%v is at %v, a search finds %v", path, got, want)
				}
			}
		}
	}
}
