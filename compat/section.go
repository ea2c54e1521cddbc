package compat

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/schema"
)

// section is a document that has been parsed: a mapping.
type section struct {
	document
	root     *yaml.Node
	template template
}

// section parses a document with stand-ins for its variables. It is nil after a mistake.
func (r *reader) section(d document) *section {
	r.size += len(d.text)
	s := &section{document: d, template: scanTemplate(d)}
	root, mistake := parse(d, s.template.text)
	switch {
	case mistake != nil:
		r.errs.put(mistake)
		return nil
	case root == nil || root.Kind != yaml.MappingNode:
		r.errs.Add(d.start(), "", "must be a mapping of `key: value`", "tools are a list below `tools:`")
		return nil
	}
	s.root = root
	return s
}

// convert turns a section into values and drops its tree. Without variables, which is nil, a `[[ name ]]` is a mistake in
// all but texts of several lines.
func (r *reader) convert(s *section, vars *variables) schema.Value {
	if s == nil {
		return schema.Value{}
	}
	if vars == nil && s.template.env {
		vars = &variables{absent: putNothing}
	}
	if vars == nil && len(s.template.marks) > 0 {
		vars = &variables{none: &withoutVariables{
			quoted: "there are no variables, and DevStream left it as text",
			plain:  "there are no variables, and DevStream took it for a list in a list",
			hint:   "define it: in a section of its own, in the varFile, or with --var-file",
		}}
	}
	c := converter{notes: &r.notes, file: s.file, line: s.line, template: &s.template, vars: vars}
	v := c.root(s.root)
	s.root = nil
	return v
}

// plain turns a section into values as if `[[ ]]` were nothing but YAML, a list in a list.
func (r *reader) plain(s *section) schema.Value {
	root, mistake := parse(s.document, s.text)
	if mistake != nil {
		mistake.Hint = "variables are not filled in here, so `[[ ]]` is a list in a list: put quotes around it"
		r.errs.put(mistake)
		return schema.Value{}
	}
	s.root, s.template = root, template{}
	return r.convert(s, nil)
}

// keys are the keys at the section's top. It may be asked only before convert.
func (s *section) keys() []*yaml.Node {
	keys := make([]*yaml.Node, 0, len(s.root.Content)/2)
	for i := 0; i < len(s.root.Content); i += 2 {
		keys = append(keys, s.root.Content[i])
	}
	return keys
}

// key is a key at the section's top, or nil.
func (s *section) key(name string) *yaml.Node {
	for _, key := range s.keys() {
		if key.Value == name {
			return key
		}
	}
	return nil
}

// below is the value of a key at the section's top, or nil.
func (s *section) below(name string) *yaml.Node {
	for i := 0; i < len(s.root.Content); i += 2 {
		if s.root.Content[i].Value == name {
			return s.root.Content[i+1]
		}
	}
	return nil
}

// isCore tells whether the section has core settings, which say that it is of a form before 0.10.
func (s *section) isCore() bool { return s.hasEarlierKey() || s.hasSources() }

// hasEarlierKey tells whether the section has a key of the core before 0.10.
func (s *section) hasEarlierKey() bool {
	return slices.ContainsFunc(earlierKeys(), func(key string) bool { return s.key(key) != nil })
}

// earlierKeys are those of the core that a file of 0.10 to 0.12 has not.
func earlierKeys() []string { return []string{"state", "varFile", "toolFile"} }

// hasSources tells whether the section says where plugins come from. DevStream knew no such key: a variable may have the
// same name.
func (s *section) hasSources() bool {
	sources := s.below("plugins")
	return sources != nil && slices.ContainsFunc(sources.Content, func(entry *yaml.Node) bool {
		return entry.Kind == yaml.MappingNode && (&section{root: entry}).key("source") != nil
	})
}

func (s *section) at(n *yaml.Node) schema.Pos {
	return schema.Pos{File: s.file, Line: s.line - 1 + n.Line, Column: n.Column}
}
