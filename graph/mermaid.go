package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Mermaid writes the graph as a Mermaid flowchart. Nodes are named n0, n1 and
// so on in the order of input, since IDs may hold what Mermaid gives a meaning;
// an arrow leads from what is needed to what needs it. The same graph always
// gives the same bytes.
func (g *Graph) Mermaid(w io.Writer, d Drawing) error {
	var out bytes.Buffer
	if d.Title != "" {
		// The title lives in YAML, which reads JSON strings.
		title, err := json.Marshal(printable(d.Title))
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "---\ntitle: %s\n---\n", title)
	}
	direction := "LR"
	if d.TopDown {
		direction = "TB"
	}
	fmt.Fprintf(&out, "flowchart %s\n", direction)

	var colors []string // in the order of their classes
	class := map[string]int{}
	for i, id := range g.Nodes() {
		color, err := d.color(id)
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "  n%d(\"%s\")", i, mermaidText(d.label(id)))
		if color != "" {
			if _, known := class[color]; !known {
				class[color] = len(colors)
				colors = append(colors, color)
			}
			fmt.Fprintf(&out, ":::c%d", class[color])
		}
		out.WriteByte('\n')
	}
	for to, needs := range g.store.needs {
		for _, from := range needs {
			fmt.Fprintf(&out, "  n%d --> n%d\n", from, to)
		}
	}
	for c, color := range colors {
		fmt.Fprintf(&out, "  classDef c%d fill:%s,stroke:#57606a,color:#000\n", c, color)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// mermaidText returns the lines of a label as they may stand between quotes.
// What is not plain becomes an entity. Besides quotes and tags, Mermaid gives a
// meaning to # (an entity), a first ` (Markdown), \n (a line break) and %%{ (a
// directive, even here) and $$ (a formula).
func mermaidText(lines []string) string {
	escape := strings.NewReplacer(
		`"`, "#quot;", "#", "#35;", "&", "#amp;", "<", "#lt;", ">", "#gt;",
		"`", "#96;", `\`, "#92;", "%", "#37;", "$", "#36;",
	)
	escaped := make([]string, len(lines))
	for i, line := range lines {
		escaped[i] = escape.Replace(printable(line))
	}
	return strings.Join(escaped, "<br/>")
}
