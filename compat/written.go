package compat

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/schema"
)

// Written reads the files of a source again and says what its values do not: which variables there are, where they were
// put in, and the comments. The source is one that [Read] has returned without a mistake. A file that has been changed
// since may be an error, or the places do not fit; the values of the source hold then.
func Written(src *schema.Source) (*schema.Written, error) {
	w := writtenReader{written: &schema.Written{Templates: map[schema.Pos][]schema.Filled{}}}
	for _, file := range src.Files {
		data, err := readFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		data, mistake := checkText(file, data)
		if mistake != nil {
			return nil, mistake
		}
		for _, d := range splitDocuments(file, data) {
			if err := w.document(d); err != nil {
				return nil, err
			}
		}
	}
	return w.written, nil
}

// writtenReader walks through the trees of the YAML library.
type writtenReader struct {
	reader
	written *schema.Written
}

func (w *writtenReader) document(d document) error {
	s := w.section(d)
	if s == nil {
		return w.errs.Err()
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(s.template.text, &doc); err != nil {
		return fmt.Errorf("%s: %w", d.file, err)
	}
	w.node(s, &doc)
	switch vars := s.key("vars"); {
	case s.key("tools") == nil && s.key("state") == nil && s.key("varFile") == nil && s.key("toolFile") == nil &&
		s.key("config") == nil && s.key("apps") == nil && vars == nil && !s.hasSources():
		w.written.Variables = append(w.written.Variables, w.convert(s, nil).Fields...)
	case vars != nil:
		for _, f := range w.convert(s, nil).Fields {
			if f.Name == "vars" {
				w.written.Variables = append(w.written.Variables, f.Value.Fields...)
			}
		}
	}
	return w.errs.Err()
}

// node notes the comments at a node, and the variables in it.
func (w *writtenReader) node(s *section, n *yaml.Node) {
	w.comment(s, n, n.HeadComment)
	w.comment(s, n, n.LineComment)
	if n.Kind == yaml.ScalarNode {
		w.scalar(s, n)
	}
	if n.Kind != yaml.AliasNode { // what an alias names is walked where it stands
		for _, child := range n.Content {
			w.node(s, child)
		}
	}
	w.comment(s, n, n.FootComment)
}

func (w *writtenReader) comment(s *section, n *yaml.Node, text string) {
	if text == "" {
		return
	}
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(line), "#"), " ")
		var b strings.Builder
		before, m, after := s.template.next(line)
		for ; m != nil; before, m, after = s.template.next(after) {
			b.WriteString(before + "[[ " + m.name + " ]]")
		}
		lines = append(lines, b.String()+before)
	}
	w.written.Comments = append(w.written.Comments, schema.Comment{Pos: s.at(n), Text: strings.Join(lines, "\n")})
}

func (w *writtenReader) scalar(s *section, n *yaml.Node) {
	if len(s.template.marks) == 0 {
		return
	}
	var parts []schema.Filled
	before, m, after := s.template.next(n.Value)
	if m == nil {
		return
	}
	for ; m != nil; before, m, after = s.template.next(after) {
		if before != "" {
			parts = append(parts, schema.Filled{Text: before})
		}
		parts = append(parts, schema.Filled{Variable: m.name})
	}
	if before != "" {
		parts = append(parts, schema.Filled{Text: before})
	}
	w.written.Templates[s.at(n)] = parts
}
