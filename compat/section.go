package compat

import (
	"cmp"
	"fmt"

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

// hasSources tells whether the section says where plugins come from. DevStream knew no such key: a variable may have the
// same name.
func (s *section) hasSources() bool {
	for i := 0; i < len(s.root.Content); i += 2 {
		if s.root.Content[i].Value != "plugins" {
			continue
		}
		for _, entry := range s.root.Content[i+1].Content {
			for j := 0; entry.Kind == yaml.MappingNode && j < len(entry.Content); j += 2 {
				if entry.Content[j].Value == "source" {
					return true
				}
			}
		}
	}
	return false
}

func (s *section) at(n *yaml.Node) schema.Pos {
	return schema.Pos{File: s.file, Line: s.line - 1 + n.Line, Column: n.Column}
}

// sections are the parts of a main file, each nil if there is none. Core and tools may be the same one.
type sections struct {
	core, vars, tools *section
	// toolsAt is where the key `tools` stands.
	toolsAt schema.Pos
	// broken tells that a section could not be parsed, so that nobody knows which one is missing.
	broken bool
	// later are the documents of a file of 0.10 to 0.12, which has none of the others.
	later []*section
}

// sections parses a main file and tells its sections apart by their keys.
func (r *reader) sections(file string, data []byte) sections {
	empty := func() {
		r.errs.Add(schema.Pos{File: file}, "", "is empty", "write `tools:` and below it a list of tools")
	}
	if len(data) == 0 {
		empty()
		return sections{}
	}
	data, mistake := checkText(file, data)
	if mistake != nil {
		r.errs.put(mistake)
		return sections{}
	}
	docs := splitDocuments(file, data)
	if len(docs) == 0 {
		empty()
	}
	var parts sections
	all, broken := r.parseAll(docs)
	if isLater(all) {
		return sections{later: all, broken: broken}
	}
	parts.broken = broken
	keep := func(to **section, s *section, what string) {
		if *to != nil {
			r.errs.Add(s.start(), "", fmt.Sprintf("a second section of %s; the first begins at %s", what, (*to).start()), "")
			return
		}
		*to = s
	}
	for _, s := range all {
		isCore := s.key("state") != nil || s.key("varFile") != nil || s.key("toolFile") != nil || s.hasSources()
		isTools := s.key("tools") != nil
		if isCore {
			keep(&parts.core, s, "core settings (state, varFile, toolFile, plugins)")
		}
		if isTools {
			if parts.tools == nil {
				parts.toolsAt = s.at(s.key("tools"))
			}
			keep(&parts.tools, s, "tools")
		}
		if isCore || isTools {
			r.checkKeys(s, isTools)
		} else {
			keep(&parts.vars, s, "variables")
		}
	}
	if parts.vars != nil && !parts.broken {
		r.checkVariablesSection(parts)
	}
	return parts
}

// maxSections is how many sections of one file are read. DevStream had three, and a folder may have been put together.
const maxSections = 1000

// parseAll parses documents, and tells whether one of them could not be.
func (r *reader) parseAll(docs []document) (all []*section, broken bool) {
	for i, d := range docs {
		if r.ctx.Err() != nil {
			return nil, true
		}
		if i == maxSections {
			r.errs.Add(d.start(), "", fmt.Sprintf("more than %d sections: no more are read", maxSections), "")
			return all, true
		}
		if s := r.section(d); s != nil {
			all = append(all, s)
			if key := s.key("tools"); key != nil && !r.toolsAt.IsValid() {
				r.toolsAt = s.at(key)
			}
		} else {
			broken = true
		}
	}
	return all, broken
}

// checkKeys adds a mistake for every key at the top that is not known.
func (r *reader) checkKeys(s *section, tools bool) {
	for _, key := range s.keys() {
		switch key.Value {
		case "tools", "state", "varFile", "toolFile", "plugins", "<<":
			continue
		case "pluginDir":
			if s.key("tools") == nil || s.key("state") != nil {
				r.note(s.at(key), key.Value, "plugins are built in: nothing is looked for there")
				continue
			}
		}
		r.unknownKey(s, key, tools)
	}
}

func (r *reader) unknownKey(s *section, key *yaml.Node, tools bool) {
	hint := cmp.Or(laterKey(key.Value), suggest(key.Value, coreKeys()...))
	if hint == "" && tools {
		hint = "variables stand in a section of their own: put a line `---` in between"
	}
	msg := "unknown key: DevStream ignored it"
	switch {
	case suggest(key.Value, "tools") != "":
		msg = "unknown key: DevStream saw no tools, and deleted all that it had made"
	case suggest(key.Value, "state") != "":
		// It refused a file without one.
		msg = "unknown key"
	}
	r.errs.Add(s.at(key), key.Value, msg, hint)
}

func coreKeys() []string { return []string{"tools", "state", "varFile", "toolFile", "plugins"} }

// laterKey says what to do about a key of a later form; it is empty for others.
func laterKey(key string) string {
	switch key {
	case "config", "apps", "vars", "pipelineTemplates":
		return "this is a key of DevStream 0.10 and later, which knows no state, varFile and toolFile at the top: use one form"
	case "pluginDir":
		return "plugins are built in, remove it"
	}
	return ""
}

// checkVariablesSection finds the section that is only taken for variables because its key is misspelt. That would be no
// tools at all, which DevStream took as a wish to delete them.
func (r *reader) checkVariablesSection(parts sections) {
	s := parts.vars
	if parts.core == nil && parts.tools == nil {
		before := len(r.errs)
		for _, key := range s.keys() {
			if suggest(key.Value, coreKeys()...) != "" || laterKey(key.Value) != "" {
				r.unknownKey(s, key, false)
			}
		}
		if len(r.errs) == before {
			r.errs.Add(s.start(), "", "there is no `tools`, `state`, `varFile` or `toolFile` in this file", "a file of variables is named by the varFile of another")
		}
		return
	}
	for i := 0; i < len(s.root.Content); i += 2 {
		key, value := s.root.Content[i], s.root.Content[i+1]
		isTools := parts.tools == nil && value.Kind == yaml.SequenceNode && suggest(key.Value, "tools") != ""
		isCore := parts.core == nil && value.Kind == yaml.MappingNode && suggest(key.Value, "state") != "" ||
			parts.core == nil && value.Kind == yaml.ScalarNode && suggest(key.Value, "varFile", "toolFile") != ""
		if isTools || isCore {
			r.unknownKey(s, key, false)
		}
	}
}
