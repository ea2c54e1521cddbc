package compat

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/schema"
)

// nested reads variables whose values have variables in them: each when it is first needed.
type nested struct {
	*reader
	out   *variables
	known map[string]*nestedVariable
	// anchored are the variables in whose values aliases find what they name.
	anchored map[*yaml.Node]string
	// open are those whose values are being looked at, the outermost first.
	open []string
}

// nestedVariable is one key below `vars`.
type nestedVariable struct {
	*converter
	key, value *yaml.Node
	done       bool
}

// laterVariables reads the sections `vars` of 0.10 to 0.12, in which one variable may use others, before or behind it.
func (r *reader) laterVariables(pieces []piece) *variables {
	n := nested{reader: r, out: &variables{}, known: map[string]*nestedVariable{}, anchored: map[*yaml.Node]string{}}
	var names []string
	for _, p := range pieces {
		c := p.converter(r, n.out)
		if p.value.Kind != yaml.MappingNode {
			if p.value.Tag != "!!null" {
				r.errs.Add(p.at(p.value), "vars", "must be a map", "write `name: value` for each variable")
			}
			continue
		}
		content, bad := mergedContent(p.value)
		if bad != nil {
			c.mistake(bad, "`<<` takes a map or a list of maps", "")
		}
		// What is merged is converted for each of the two places.
		c.keep = len(content) != len(p.value.Content)
		for i := 0; i < len(content); i += 2 {
			key := content[i]
			if first := n.known[key.Value]; first != nil {
				c.mistake(key, fmt.Sprintf("variable `%s` is written twice, first at %s", key.Value, first.pos(first.key)), "")
				continue
			}
			n.known[key.Value] = &nestedVariable{converter: c, key: key, value: content[i+1]}
			n.anchors(content[i+1], key.Value)
			names = append(names, key.Value)
			n.out.declared = append(n.out.declared, schema.Field{Name: key.Value})
		}
	}
	for _, name := range names {
		n.read(name)
	}
	n.out.raw, n.out.known = r.raw, nil
	return n.out
}

// anchors notes what aliases may name in the value of a variable.
func (n *nested) anchors(node *yaml.Node, name string) {
	if _, known := n.anchored[node]; node.Anchor != "" && !known {
		n.anchored[node] = name
	}
	for _, child := range node.Content {
		n.anchors(child, name)
	}
}

// read converts a variable, after those that it uses.
func (n *nested) read(name string) {
	v := n.known[name]
	if v == nil || v.done {
		return
	}
	v.done = true
	n.open = append(n.open, name)
	ok := n.uses(v, v.value)
	n.open = n.open[:len(n.open)-1]
	f := schema.Field{Name: name, Pos: v.pos(v.key), Value: schema.Value{Pos: v.pos(v.value)}}
	if ok {
		n.out.raw = n.raw
		v.path = append(v.path[:1], step{name: name})
		f.Value, _ = v.converter.value(v.value)
	} else {
		n.out.lost = append(n.out.lost, name)
	}
	n.out.fields = append(n.out.fields, f)
}

// uses reads the variables that a value uses. It is not ok if that leads back to one that is being read.
func (n *nested) uses(v *nestedVariable, node *yaml.Node) bool {
	ok := true
	for _, child := range node.Content {
		ok = n.uses(v, child) && ok
	}
	if node.Kind == yaml.AliasNode {
		if name, found := n.anchored[node.Alias]; found && name != v.key.Value {
			return n.use(v, v.pos(node), name)
		}
		return true
	}
	if node.Kind != yaml.ScalarNode || len(v.template.marks) == 0 {
		return ok
	}
	for _, m, rest := v.template.next(node.Value); m != nil; _, m, rest = v.template.next(rest) {
		name, _, _ := strings.Cut(m.name, ".")
		ok = n.use(v, m.pos, name) && ok
	}
	return ok
}

// use reads a variable that another one uses. It is not ok if that leads back to one that is being read.
func (n *nested) use(v *nestedVariable, pos schema.Pos, name string) bool {
	path := "vars." + v.key.Value
	if at := slices.Index(n.open, name); at >= 0 {
		n.errs.Add(pos, path, "the variable needs itself: "+strings.Join(append(slices.Clone(n.open[at:]), name), " -> "), "")
		return false
	}
	if len(n.open) > maxDepth {
		n.errs.Add(pos, path, fmt.Sprintf("more than %d variables need one another", maxDepth), "")
		return false
	}
	n.read(name)
	return true
}
