package compat

import (
	"cmp"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/schema"
)

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
		isCore, isTools := s.isCore(), s.key("tools") != nil
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
			// DevStream 0.9 had it in the core.
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
	case suggest(key.Value, "tools") != "" && !tools:
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
