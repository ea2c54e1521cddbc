package graph

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func coloured() Drawing {
	return Drawing{
		Title: "two tools",
		Label: func(id string) []string { return []string{id, "+ create"} },
		Color: func(id string) string {
			if id == "b.y" {
				return "#dafbe1"
			}
			return ""
		},
	}
}

func drawn(t *testing.T, write func(io.Writer, Drawing) error, d Drawing) string {
	t.Helper()
	var out strings.Builder
	if err := write(&out, d); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestDOTIsSortedAndSaysHowItLooks(t *testing.T) {
	want := `strict digraph {
	bgcolor="white";
	fontname="Helvetica,Arial,sans-serif";
	fontsize="16";
	label="two tools";
	labelloc="t";
	nodesep="0.3";
	pad="0.3";
	rankdir="LR";
	ranksep="0.6";
` + dotDefaults + `	"a.x" [ label="a.x\n+ create",  weight=0 ];
	"b.y" [ fillcolor="#dafbe1", label="b.y\n+ create",  weight=0 ];
	"a.x" -> "b.y" [  weight=1 ];
}
`
	for _, in := range []string{"a.x;b.y:a.x", "b.y:a.x;a.x"} {
		g := mustNew(t, parse(in))
		if diff := cmp.Diff(want, drawn(t, g.DOT, coloured())); diff != "" {
			t.Error(diff)
		}
	}
}

func TestMermaidNamesNodesByNumber(t *testing.T) {
	g := mustNew(t, parse("b.y:a.x;a.x"))
	want := `---
title: "two tools"
---
flowchart LR
  n0("b.y<br/>+ create"):::c0
  n1("a.x<br/>+ create")
  n1 --> n0
  classDef c0 fill:#dafbe1,stroke:#57606a,color:#000
`
	if diff := cmp.Diff(want, drawn(t, g.Mermaid, coloured())); diff != "" {
		t.Error(diff)
	}
}

func TestJSONHasNodesAndEdges(t *testing.T) {
	g := mustNew(t, parse("b.y:a.x;a.x"))
	want := `{
  "formatVersion": "1.0",
  "title": "two tools",
  "nodes": [
    {
      "id": "b.y",
      "label": "b.y\n+ create",
      "color": "#dafbe1"
    },
    {
      "id": "a.x",
      "label": "a.x\n+ create"
    }
  ],
  "edges": [
    {
      "from": "a.x",
      "to": "b.y"
    }
  ]
}
`
	if diff := cmp.Diff(want, drawn(t, g.JSON, coloured())); diff != "" {
		t.Error(diff)
	}
}

func TestAnEmptyGraphIsDrawnAsAnEmptyOne(t *testing.T) {
	g := mustNew(t, nil)
	var doc map[string]any
	if err := json.Unmarshal([]byte(drawn(t, g.JSON, Drawing{})), &doc); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"formatVersion": "1.0", "nodes": []any{}, "edges": []any{}}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Error(diff)
	}
	if got := drawn(t, g.Mermaid, Drawing{TopDown: true}); got != "flowchart TB\n" {
		t.Errorf("got %q", got)
	}
	dot(t, drawn(t, g.DOT, Drawing{}))
}

func TestAColourThatNeedsQuotingIsRefused(t *testing.T) {
	g := mustNew(t, parse("a"))
	for _, color := range []string{`red"`, "red;", "a#b", "red blue", "é", "1,2"} {
		d := Drawing{Color: func(string) string { return color }}
		for _, write := range []func(io.Writer, Drawing) error{g.DOT, g.Mermaid, g.JSON} {
			if err := write(io.Discard, d); err == nil || !strings.Contains(err.Error(), " of a is neither") {
				t.Errorf("%s: %v", color, err)
			}
		}
	}
}

func TestAWriteThatFailsIsReported(t *testing.T) {
	g := mustNew(t, parse("a"))
	for _, write := range []func(io.Writer, Drawing) error{g.DOT, g.Mermaid, g.JSON} {
		if err := write(broken{}, Drawing{}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("error %v", err)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// Each was made by the real Mermaid 12.3 into what is on the left.
func TestMermaidTextHoldsNothingThatMermaidReads(t *testing.T) {
	for plain, want := range map[string]string{
		`say "hi"`:       `say #quot;hi#quot;`,
		"`code`":         "#96;code#96;",
		"#123;":          "#35;123;",
		"<b>&amp;":       "#lt;b#gt;#amp;amp;",
		`a\nb`:           `a#92;nb`,
		"%%{init}%%":     "#37;#37;{init}#37;#37;",
		"$$x$$ ${{ y }}": "#36;#36;x#36;#36; #36;{{ y }}",
		"tab\there":      "tab here",
		"café 日本 \xff":   "café 日本 \uFFFD",
	} {
		if got := mermaidText([]string{plain}); got != want {
			t.Errorf("%q becomes %q, want %q", plain, got, want)
		}
	}
	if got := mermaidText([]string{"a", "b"}); got != "a<br/>b" {
		t.Errorf("two lines become %q", got)
	}
}

func TestGraphvizShowsEachLabelAsItIs(t *testing.T) {
	hostile := []string{
		`say "hi"`, `back\slash`, `ends in \`, `\N \G \l \n`, `" -> "`, `" [ `, "&amp; &#65; &", "<b>bold</b>",
		"line one\nline two", "dos\r\nline", "tab\there", "{a|b}", "café 日本 🚀", "// c", "# c", "node", "x; y", "a]b", "  ",
	}
	var nodes []Node
	var before []string
	for _, id := range hostile {
		nodes = append(nodes, Node{ID: id, Needs: before})
		before = []string{id}
	}
	g := mustNew(t, nodes)
	for _, topDown := range []bool{false, true} {
		title := `the "title" & \more` + "\nbelow"
		svg := dot(t, drawn(t, g.DOT, Drawing{Title: title, TopDown: topDown, Color: func(string) string { return "mistyrose" }}))

		var want []string
		for _, label := range append(hostile, title) {
			label = strings.ReplaceAll(label, "\r\n", "\n")
			want = append(want, strings.Split(strings.ReplaceAll(label, "\t", " "), "\n")...)
		}
		got := texts(t, svg)
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if n := bytes.Count(svg, []byte(`class="node"`)); n != g.Len() {
			t.Errorf("%d nodes are drawn, want %d", n, g.Len())
		}
		if n := bytes.Count(svg, []byte(`class="edge"`)); n != g.Edges() {
			t.Errorf("%d edges are drawn, want %d", n, g.Edges())
		}
		if !bytes.Contains(svg, []byte(`fill="mistyrose"`)) {
			t.Error("no colour is drawn")
		}
	}
}

// dot returns what the real Graphviz makes of source.
func dot(t *testing.T, source string) (svg []byte) {
	t.Helper()
	path, err := exec.LookPath("dot")
	if err != nil {
		if os.Getenv("DTM_TEST_PARTS") == "require" {
			t.Fatalf("Graphviz must be here, because DTM_TEST_PARTS=require: %v", err)
		}
		t.Skipf("this needs Graphviz: %v", err)
	}
	var complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, "-Tsvg")
	cmd.Stdin = strings.NewReader(source)
	cmd.Stderr = &complaints
	svg, err = cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("dot: %v\n%s\nreading\n%s", err, complaints.String(), source)
	}
	return svg
}

// texts returns the lines of text that svg shows.
func texts(t *testing.T, svg []byte) []string {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(svg))
	dec.Strict = false
	var out []string
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "text" {
			var text string
			if err := dec.DecodeElement(&text, &start); err != nil {
				t.Fatal(err)
			}
			out = append(out, strings.ReplaceAll(text, "\u00a0", " "))
		}
	}
}
