package compat

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/schema"
)

const (
	// maxDepth is how deep lists and maps may stand in one another, aliases counted.
	maxDepth = 100
	// Aliases, variables and templates may make the documents longer by freeGrowth bytes, and by growthFactor times their
	// size, but never by more than maxGrowth. That keeps what is read below a hundred times its size in memory.
	maxGrowth    = 32 << 20
	freeGrowth   = 4 << 20
	growthFactor = 32
	// valueSize is what a value without its text counts towards that, and fieldSize one that is copied by `<<`.
	valueSize = 48
	fieldSize = 128
)

// converter turns the tree of one document into values. What an alias names is converted once and shared, so that the
// values of a small text are small too; how much there would be without sharing is counted, for those who write it out.
type converter struct {
	*notes
	file     string
	line     int
	template *template
	// vars is nil where `[[ ]]` has no meaning.
	vars *variables
	// anchors are the values that aliases may name. A nil entry is one whose conversion has not ended.
	anchors map[*yaml.Node]*anchored
	// kept are nodes with anchors outside of the tree at hand, which aliases may name too.
	kept map[*yaml.Node]bool
	path []step
	// keep leaves the tree as it is, for one that is converted several times.
	keep bool
	// size is that of all values so far.
	size int
}

// anchored is a value that has an anchor, its size, and how deep it is inside.
type anchored struct {
	value        schema.Value
	size, height int
}

// step is a part of a path: a name, or an index where there is no name.
type step struct {
	name  string
	index int
}

// root converts a document.
func (c *converter) root(n *yaml.Node) schema.Value {
	v, _ := c.value(n)
	return v
}

func (c *converter) pos(n *yaml.Node) schema.Pos {
	return schema.Pos{File: c.file, Line: c.line - 1 + n.Line, Column: n.Column}
}

func (c *converter) mistake(n *yaml.Node, msg, hint string) {
	c.errs.Add(c.pos(n), c.where(), msg, hint)
}

// where is the path of the value at hand.
func (c *converter) where() string {
	var b strings.Builder
	for _, s := range c.path {
		switch {
		case s.name == "":
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case b.Len() > 0:
			b.WriteString("." + s.name)
		default:
			b.WriteString(s.name)
		}
	}
	return b.String()
}

// grow counts text that is in the values but not in the document.
func (c *converter) grow(n *yaml.Node, by int) bool {
	if c.growth+by <= c.mayGrow() {
		c.growth += by
		return true
	}
	return c.count(c.pos(n), c.where(), by)
}

// value converts a node and tells how many lists and maps stand in one another in it.
func (c *converter) value(n *yaml.Node) (v schema.Value, height int) {
	if c.tooLarge {
		return schema.Value{Pos: c.pos(n)}, 0
	}
	if n.Kind == yaml.AliasNode {
		return c.alias(n)
	}
	before := c.size
	if n.Anchor != "" {
		if c.anchors == nil {
			c.anchors = map[*yaml.Node]*anchored{}
		}
		c.anchors[n] = nil
	}
	v = schema.Value{Pos: c.pos(n)}
	c.size += valueSize
	switch {
	case n.Kind == yaml.ScalarNode:
		v = c.scalar(n)
		c.size += len(v.Text)
	case len(c.path) >= maxDepth:
		c.mistake(n, fmt.Sprintf("lists and maps stand more than %d deep in one another", maxDepth), "")
	case n.Kind == yaml.SequenceNode && c.isSpaced(n):
		name := n.Content[0].Content[0].Value
		c.mistake(n, "a list in a list, as in the sample that DevStream printed: it did not fill in `"+name+"`", "write `[[ "+name+" ]]`")
		c.noteMissing(v.Pos)
	case n.Kind == yaml.SequenceNode:
		c.checkTag(n, "!!seq")
		v.Kind = schema.List
		v.Items, height = c.items(n)
	case n.Kind == yaml.MappingNode:
		c.checkTag(n, "!!map")
		v.Kind = schema.Map
		v.Fields, height = c.fields(n)
	}
	// Nobody comes back to these nodes: aliases find what was made of them.
	if !c.keep {
		n.Content = nil
	}
	if n.Anchor != "" {
		c.anchors[n] = &anchored{value: v, size: c.size - before, height: height}
	}
	return v, height
}

func (c *converter) alias(n *yaml.Node) (schema.Value, int) {
	a, ok := c.anchors[n.Alias]
	if !ok && c.kept[n.Alias] {
		c.value(n.Alias)
		a, ok = c.anchors[n.Alias]
	}
	switch {
	case !ok:
		c.mistake(n, fmt.Sprintf("`*%s` names something that stands in another section", n.Value), "repeat it here, or make it a variable")
	case a == nil:
		c.mistake(n, fmt.Sprintf("`*%s` stands inside of what it names", n.Value), "")
	case len(c.path)+a.height > maxDepth:
		c.mistake(n, fmt.Sprintf("lists and maps stand more than %d deep in one another", maxDepth), "")
	case c.grow(n, a.size):
		c.size += a.size
		v := a.value
		v.Pos = c.pos(n)
		if raw, ok := c.raw[a.value.Pos]; ok {
			c.noteRaw(v.Pos, raw)
		}
		return v, a.height
	}
	return schema.Value{Pos: c.pos(n)}, 0
}

func (c *converter) items(n *yaml.Node) (items []schema.Value, height int) {
	items = make([]schema.Value, len(n.Content))
	c.path = append(c.path, step{})
	for i, item := range n.Content {
		c.path[len(c.path)-1].index = i
		v, h := c.value(item)
		items[i], height = v, max(height, h)
		if !c.keep {
			n.Content[i] = nil
		}
	}
	c.path = c.path[:len(c.path)-1]
	return items, height + 1
}

// isSpaced tells whether a list is `[ [ name ] ]` with the name of a variable.
func (c *converter) isSpaced(n *yaml.Node) bool {
	if c.vars == nil || c.vars.none != nil || len(n.Content) != 1 || len(n.Content[0].Content) != 1 {
		return false
	}
	inner := n.Content[0]
	word := inner.Content[0]
	return inner.Kind == yaml.SequenceNode && n.Style&inner.Style&yaml.FlowStyle != 0 && word.Kind == yaml.ScalarNode &&
		word.Style == 0 && isVariableName(word.Value) && !c.vars.get(word.Value).unknown
}

func kindName(k schema.Kind) string {
	switch k {
	case schema.Bool:
		return "boolean"
	case schema.Int, schema.Float:
		return "number"
	case schema.String:
		return "string"
	case schema.List:
		return "list"
	case schema.Map:
		return "map"
	}
	return "null"
}
