package graph

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// A Drawing says how a graph is to look. The zero Drawing shows each node as
// its ID, without colours, from left to right.
type Drawing struct {
	// Title stands above the drawing; empty for none.
	Title string
	// Label returns the lines of text inside a node; nil, or no lines, shows
	// the ID.
	Label func(id string) []string
	// Color returns what a node is filled with: "#rrggbb", or a name that is
	// known to both X11 and CSS; nil or "" for none. The text stays black, so
	// light ones read best.
	Color func(id string) string
	// TopDown draws from top to bottom, which suits a graph that is wider
	// than long.
	TopDown bool
}

// FormatVersion is the version of what JSON writes. Fields may be added within
// a major version.
const FormatVersion = "1.0"

// JSON writes the graph as one object: formatVersion, title, nodes (id, label
// with its lines joined by "\n", color), and edges (from, to). Nodes stand in
// the order of input; an edge leads from what is needed to what needs it, and
// edges are sorted by the position of to, then as its needs were written. Empty
// titles and colours are left out. The same graph always gives the same bytes.
func (g *Graph) JSON(w io.Writer, d Drawing) error {
	type node struct {
		ID    string `json:"id"`
		Label string `json:"label"`
		Color string `json:"color,omitempty"`
	}
	type edge struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	doc := struct {
		FormatVersion string `json:"formatVersion"`
		Title         string `json:"title,omitempty"`
		Nodes         []node `json:"nodes"`
		Edges         []edge `json:"edges"`
	}{FormatVersion, d.Title, make([]node, 0, g.Len()), make([]edge, 0, g.Edges())}

	for _, id := range g.Nodes() {
		color, err := d.color(id)
		if err != nil {
			return err
		}
		doc.Nodes = append(doc.Nodes, node{id, strings.Join(d.label(id), "\n"), color})
	}
	edges, err := g.model.Edges()
	if err != nil {
		return err
	}
	for _, e := range edges {
		doc.Edges = append(doc.Edges, edge{From: e.Source, To: e.Target})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}

// label returns at least one line, none of which holds a line break.
func (d Drawing) label(id string) []string {
	var lines []string
	if d.Label != nil {
		lines = d.Label(id)
	}
	if len(lines) == 0 {
		lines = []string{id}
	}
	text := strings.ReplaceAll(strings.Join(lines, "\n"), "\r\n", "\n")
	return strings.Split(text, "\n")
}

// color returns a colour that needs no quoting in any of the languages.
func (d Drawing) color(id string) (string, error) {
	if d.Color == nil {
		return "", nil
	}
	color := d.Color(id)
	for i, c := range color {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '#' && i == 0 {
			continue
		}
		return "", fmt.Errorf("colour %q of %s is neither #rrggbb nor a name", color, id)
	}
	return color, nil
}

// printable returns s as valid UTF-8 with a space for each control character.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
