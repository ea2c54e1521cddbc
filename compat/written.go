package compat

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/schema"
)

// Written reads the files of a source again and says what its values do not: which variables there are, where they were
// put in, what blocks are called, and the comments. The source is one that [Read] or [ReadWith] has returned without a
// mistake. A file that has been changed since may be an error, or the places do not fit; the values of the source hold then.
func Written(src *schema.Source) (*schema.Written, error) {
	w := writtenReader{written: &schema.Written{
		Templates: map[schema.Pos][]schema.Filled{}, Names: map[schema.Pos]string{}, Places: map[schema.Pos]bool{},
	}}
	var all []*section
	for i, file := range src.Files {
		data, err := readFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		data, mistake := checkText(file, data)
		if mistake != nil {
			return nil, mistake
		}
		for _, d := range splitDocuments(file, data) {
			s := w.section(d)
			if s == nil {
				return nil, w.errs.Err()
			}
			all = append(all, s)
			if err := w.document(s); err != nil {
				return nil, err
			}
			if i == 0 {
				w.main = len(all)
			}
		}
	}
	w.variablesOf(all)
	return w.written, w.errs.Err()
}

// writtenReader walks through the trees of the YAML library.
type writtenReader struct {
	reader
	written *schema.Written
	// main is how many of the documents are in the main file.
	main int
}

// variablesOf finds the variables in the documents, which are converted for that.
func (w *writtenReader) variablesOf(all []*section) {
	if isLater(all) {
		var vars []piece
		for _, s := range all {
			for i := 0; i < len(s.root.Content); i += 2 {
				p := piece{section: s, key: s.root.Content[i], value: s.root.Content[i+1]}
				switch p.key.Value {
				case "vars":
					vars = append(vars, p)
				case "pipelineTemplates":
					w.templateNames(p)
				}
			}
		}
		w.written.Variables = w.laterVariables(vars).fields
		return
	}
	for i, s := range all {
		tools := s.below("tools")
		isTools := tools != nil && tools.Kind != yaml.ScalarNode
		if i < w.main && (s.isCore() || tools != nil) || i >= w.main && isTools {
			continue
		}
		w.written.Variables = append(w.written.Variables, w.convert(s, nil).Fields...)
	}
}

// templateNames notes what the options of pipeline templates are called.
func (w *writtenReader) templateNames(p piece) {
	for _, item := range p.value.Content {
		t := section{root: item}
		if item.Kind != yaml.MappingNode || t.below("name") == nil || t.below("options") == nil {
			continue
		}
		w.written.Names[p.at(t.below("options"))] = t.below("name").Value
	}
}

// document walks through a document with its comments, which the tree of a section does not have all of.
func (w *writtenReader) document(s *section) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(s.template.text, &doc); err != nil {
		return fmt.Errorf("%s: %w", s.file, err)
	}
	w.comment(s, &doc, atNode{pos: s.at(&doc), top: true})
	for _, root := range doc.Content {
		w.node(s, root, atNode{pos: s.at(root), top: true})
	}
	return nil
}

// atNode is where the comments of a node belong: to the field or the item that it is of. At the top of a document they may
// be about all that comes.
type atNode struct {
	pos, value schema.Pos
	top        bool
}

// node notes the comments at a node, its name, and the variables in it.
func (w *writtenReader) node(s *section, n *yaml.Node, at atNode) {
	if n.Kind == yaml.ScalarNode {
		at.value = s.at(n)
		w.written.Places[at.value] = true
		w.scalar(s, n)
	}
	if n.Anchor != "" {
		w.written.Names[s.at(n)] = n.Anchor
	}
	w.comment(s, n, at)
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			at := atNode{pos: s.at(key), top: at.top}
			if value.Kind == yaml.ScalarNode {
				at.value = s.at(value)
			}
			w.scalar(s, key)
			w.comment(s, key, at)
			if at.top && (key.Value == "state" || key.Value == "config") {
				w.written.State = at.pos
			}
			at.top = at.top && value.Kind == yaml.ScalarNode
			w.node(s, value, at)
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			w.node(s, item, atNode{pos: s.at(item)})
		}
	}
}

// comment notes what stands above, behind and below a node.
func (w *writtenReader) comment(s *section, n *yaml.Node, at atNode) {
	for _, c := range []struct {
		side schema.Side
		text string
	}{{schema.Above, n.HeadComment}, {schema.Behind, n.LineComment}, {schema.Below, n.FootComment}} {
		// Behind the name of a map or a list a comment is about all that is in it.
		if c.text == "" {
			continue
		}
		if c.side == schema.Behind && n.Kind == yaml.ScalarNode && at.value != s.at(n) {
			c.side = schema.Above
		}
		// A blank line parts comments, and the library keeps it.
		lines := strings.Split(c.text, "\n")
		for i, line := range lines {
			line = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(line), "#"), " ")
			lines[i] = s.template.original(strings.TrimRight(line, " \t"))
		}
		text := strings.Trim(strings.Join(lines, "\n"), "\n")
		w.written.Comments = append(w.written.Comments, schema.Comment{Pos: at.pos, Value: at.value, Top: at.top, Apart: n.Kind == yaml.DocumentNode && c.side == schema.Above, Side: c.side, Text: text})
	}
}

// scalar notes the variables in a scalar.
func (w *writtenReader) scalar(s *section, n *yaml.Node) {
	if len(s.template.marks) == 0 || n.Kind != yaml.ScalarNode {
		return
	}
	var parts []schema.Filled
	text := func(t string) {
		if last := len(parts) - 1; last >= 0 && parts[last].Variable == "" {
			parts[last].Text += t
		} else if t != "" {
			parts = append(parts, schema.Filled{Text: t})
		}
	}
	before, m, after := s.template.next(n.Value)
	for ; m != nil; before, m, after = s.template.next(after) {
		text(before)
		if m.env != "" {
			text(schema.Reference{Env: m.env}.String())
			continue
		}
		parts = append(parts, schema.Filled{Variable: m.name})
	}
	text(before)
	if slices.ContainsFunc(parts, func(p schema.Filled) bool { return p.Variable != "" }) {
		w.written.Templates[s.at(n)] = parts
	}
}
