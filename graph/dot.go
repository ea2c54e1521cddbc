package graph

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"strings"

	library "github.com/dominikbraun/graph"
	"github.com/dominikbraun/graph/draw"
)

// The look of all nodes and edges. The library has no words for these two
// statements, so DOT adds them.
const dotDefaults = `	node [ shape="box", style="rounded,filled", fillcolor="white", color="#57606a", fontname="Helvetica,Arial,sans-serif", fontsize="12", margin="0.18,0.09", height="0.4" ];
	edge [ color="#57606a", arrowsize="0.7" ];
`

// DOT writes the graph in the language of Graphviz. Nodes are named by their
// IDs; an arrow leads from what is needed to what needs it, which is the order
// of execution. Nodes come first, then edges, both sorted: two inputs that
// differ in nothing but order give the same bytes.
func (g *Graph) DOT(w io.Writer, d Drawing) error {
	drawn := library.New(library.StringHash, library.Directed())
	for _, id := range g.Nodes() {
		color, err := d.color(id)
		if err != nil {
			return err
		}
		// Each map is handed over whole: VertexAttributes keeps it.
		look := map[string]string{"label": dotText(d.label(id))}
		if color != "" {
			look["fillcolor"] = color
		}
		if err := drawn.AddVertex(dotName(id), library.VertexAttributes(look)); err != nil {
			return err
		}
	}
	edges, err := g.model.Edges()
	if err != nil {
		return err
	}
	for _, e := range edges {
		// Without a weight of 1 the library writes 0, and dot then lets
		// straight chains wander.
		if err := drawn.AddEdge(dotName(e.Source), dotName(e.Target), library.EdgeWeight(1)); err != nil {
			return err
		}
	}

	var out bytes.Buffer
	direction := "LR"
	if d.TopDown {
		direction = "TB"
	}
	err = draw.DOT(drawn, &out,
		draw.GraphAttribute("rankdir", direction),
		draw.GraphAttribute("label", dotText(strings.Split(d.Title, "\n"))),
		draw.GraphAttribute("labelloc", "t"),
		draw.GraphAttribute("fontname", "Helvetica,Arial,sans-serif"),
		draw.GraphAttribute("fontsize", "16"),
		draw.GraphAttribute("nodesep", "0.3"),
		draw.GraphAttribute("ranksep", "0.6"),
		draw.GraphAttribute("pad", "0.3"),
		draw.GraphAttribute("bgcolor", "white"),
	)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, arranged(out.String()))
	return err
}

// arranged returns what the library drew without its empty lines, with the
// defaults, and with its statements sorted, because they come in the order of a
// map. Each is one line, as no name or text holds a line break; and only an
// edge holds this arrow, as quotes within names and texts are escaped.
func arranged(dot string) string {
	var head, nodes, edges []string
	for line := range strings.Lines(dot) {
		switch {
		case strings.TrimSpace(line) == "" || line == "}\n":
		case !strings.HasPrefix(line, "\t\""):
			head = append(head, line)
		case strings.Contains(line, `" -> "`):
			edges = append(edges, line)
		default:
			nodes = append(nodes, line)
		}
	}
	slices.Sort(nodes)
	slices.Sort(edges)
	return strings.Join(slices.Concat(head, []string{dotDefaults}, nodes, edges, []string{"}\n"}), "")
}

// dotName returns id as it may stand between quotes, where the library puts it
// as it is. Different IDs have different names.
func dotName(id string) string {
	quoted := strconv.Quote(id)
	return quoted[1 : len(quoted)-1]
}

// dotText returns the lines of a label as they may stand between quotes. An
// ampersand would begin an entity: Graphviz reads those in plain labels too.
func dotText(lines []string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `&`, `&amp;`)
	escaped := make([]string, len(lines))
	for i, line := range lines {
		escaped[i] = escape.Replace(printable(line))
	}
	return strings.Join(escaped, `\n`)
}
