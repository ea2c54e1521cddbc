package compat

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/schema"
)

// manyKeys is the size of a map from which an index of its keys is worth its memory.
const manyKeys = 16

// fields converts what is in a map: its own keys in the order written, and then what it merges with `<<`.
func (c *converter) fields(n *yaml.Node) (fields []schema.Field, height int) {
	fields = make([]schema.Field, 0, len(n.Content)/2)
	var index map[string]int
	if len(n.Content)/2 > manyKeys {
		index = make(map[string]int, len(n.Content)/2)
	}
	find := func(name string) int {
		if index == nil {
			return slices.IndexFunc(fields, func(f schema.Field) bool { return f.Name == name })
		}
		if i, ok := index[name]; ok {
			return i
		}
		return -1
	}
	add := func(f schema.Field) {
		if index != nil {
			index[f.Name] = len(fields)
		}
		fields = append(fields, f)
	}
	var merge *yaml.Node
	var mergePos schema.Pos
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.Tag == "!!merge" {
			if merge != nil {
				c.mistake(key, fmt.Sprintf("`<<` is written twice, first at %s", mergePos), "write `<<: [*a, *b]`")
			}
			merge, mergePos = value, c.pos(key)
			continue
		}
		name, ok := c.key(key)
		c.size += len(name)
		c.path = append(c.path, step{name: name})
		v, h := c.value(value)
		if first := find(name); !ok {
			// The mistake has been noted.
		} else if first >= 0 {
			c.mistake(key, fmt.Sprintf("key `%s` is written twice, first at %s", c.original(key), fields[first].Pos), "")
		} else {
			add(schema.Field{Name: name, Pos: c.pos(key), Value: v})
		}
		height = max(height, h)
		c.path = c.path[:len(c.path)-1]
		if !c.keep {
			n.Content[i+1] = nil
		}
	}
	if merge != nil {
		c.path = append(c.path, step{name: "<<"})
		more := c.merged(merge, &height)
		if index == nil && len(fields)+len(more) > manyKeys {
			index = make(map[string]int, len(fields)+len(more))
			for i, f := range fields {
				index[f.Name] = i
			}
		}
		for _, f := range more {
			if find(f.Name) < 0 {
				add(f)
			}
		}
		c.path = c.path[:len(c.path)-1]
	}
	return fields, height + 1
}

// merged gives the fields of a `<<`, those that win first.
func (c *converter) merged(n *yaml.Node, height *int) []schema.Field {
	v, h := c.value(n)
	*height = max(*height, h-1)
	maps := []schema.Value{v}
	if v.Kind == schema.List {
		maps = v.Items
	}
	var fields []schema.Field
	for _, m := range maps {
		if m.Kind != schema.Map {
			if !c.tooLarge {
				c.mistake(n, "`<<` takes a map or a list of maps, not a "+kindName(m.Kind), "")
			}
			return nil
		}
		if !c.grow(n, fieldSize*len(m.Fields)) {
			return nil
		}
		fields = append(fields, m.Fields...)
	}
	return fields
}

// mergedContent is the content of a map as if what `<<` merges stood in it, behind its own keys. What is merged and is no map
// is bad, nil for nothing.
func mergedContent(n *yaml.Node) (content []*yaml.Node, bad *yaml.Node) {
	own := map[string]bool{}
	seen := map[*yaml.Node]bool{}
	var add func(n *yaml.Node, top bool)
	add = func(n *yaml.Node, top bool) {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		switch {
		case seen[n]:
			return
		case n.Kind == yaml.SequenceNode && !top:
			for _, item := range n.Content {
				add(item, false)
			}
			return
		case n.Kind != yaml.MappingNode:
			bad = n
			return
		}
		seen[n] = true
		var merge []*yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			switch {
			case key.Tag == "!!merge":
				merge = append(merge, n.Content[i+1])
			case top || !own[key.Value]:
				own[key.Value] = true
				content = append(content, key, n.Content[i+1])
			}
		}
		for _, m := range merge {
			add(m, false)
		}
	}
	add(n, true)
	return content, bad
}

// key is the text of a key. Numbers and booleans are what was written.
func (c *converter) key(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode {
		c.mistake(n, "a key must be a single word, not a list or a map", "")
		return "", false
	}
	if n.Anchor != "" {
		c.value(n)
	}
	if n.Tag == "!!null" {
		c.mistake(n, "a key is missing in front of `:`", "")
		return "", false
	}
	name, _, _, ok := c.fill(n)
	if ok && name != n.Value && strings.Contains(name, "${{") {
		c.mistake(n, "`"+c.original(n)+"` is filled in when the tool is applied, and keys must be known before", "write the key itself, or a variable that has it")
		ok = false
	}
	return name, ok
}
