package schema

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

func BenchmarkCheck10000Tools(b *testing.B) {
	l := testLoader(b)
	var tools []SourceTool
	for i := range 10_000 {
		tools = append(tools, tool("localfile", fmt.Sprintf("t%d", i), fields("filename", fmt.Sprint("f", i)), "localfile.t0"))
	}
	src := lines(tools[1:]...)
	src.Tools = append(src.Tools, tool("localfile", "t0", fields("filename", "f")))
	for b.Loop() {
		if _, err := l.Check(context.Background(), src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad10000Tools(b *testing.B) {
	l := testLoader(b)
	var text strings.Builder
	text.WriteString("package toolchain\n\nimport \"devstream.io/dtm/schema\"\n\nschema.#Toolchain\n\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "tools: localfile: t%d: options: filename: \"f%[1]d\"\n", i)
	}
	b.Chdir(b.TempDir())
	write(b, "a.cue", text.String())
	for b.Loop() {
		if _, err := l.Load(context.Background(), ".", nil); err != nil {
			b.Fatal(err)
		}
	}
}
