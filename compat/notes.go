package compat

import (
	"fmt"

	"github.com/devstream-io/dtm/schema"
)

// notes is what is gathered along the way.
type notes struct {
	errs mistakes
	// told are the remarks that are no mistakes.
	told []schema.Note
	// raw has the numbers and booleans that the user spelt in another way than JSON, as in 0x1f and 1_000.
	raw map[schema.Pos]string
	// missing are the values that nobody knows after a mistake, so that no second one is made of them.
	missing map[schema.Pos]bool
	// harmless is how many of errs cannot be the cause of others.
	harmless int
	// size is that of the documents, growth that of what is in the values and not in them.
	size, growth int
	tooLarge     bool
	// lenient tells that the form is one whose reader in DevStream let more mistakes pass: all before 0.10.
	lenient bool
	// toolsAt is where the key `tools` stands, the first of several, or the core where there is none.
	toolsAt schema.Pos
	// old tells that the list is of the form before 0.5.
	old bool
}

// count counts what is in the values but not in the text. It is not ok when that is too much, which is a mistake once.
func (n *notes) count(pos schema.Pos, path string, by int) bool {
	n.growth += by
	limit := n.mayGrow()
	if n.growth <= limit {
		return true
	}
	if !n.tooLarge {
		n.tooLarge = true
		n.errs.Add(pos, path, fmt.Sprintf("aliases, variables and templates make this document more than %d MiB longer", limit>>20),
			"write out what is needed, or split the configuration")
	}
	return false
}

// mayGrow is by how much what was read so far may be longer than it is written.
func (n *notes) mayGrow() int { return min(maxGrowth, freeGrowth+growthFactor*n.size) }

func (n *notes) noteRaw(pos schema.Pos, raw string) {
	if n.raw == nil {
		n.raw = map[schema.Pos]string{}
	}
	n.raw[pos] = raw
}

func (n *notes) noteMissing(pos schema.Pos) {
	if n.missing == nil {
		n.missing = map[schema.Pos]bool{}
	}
	n.missing[pos] = true
}

// note tells what is no mistake: an option of DevStream that was documented and does nothing here, while nothing is lost.
// One thing at one place is told once, however often a template or an alias brings it, and so many are told that somebody
// may read them.
func (n *notes) note(pos schema.Pos, path, msg string) {
	const many = 1000
	if len(n.told) >= many {
		return
	}
	for _, t := range n.told {
		if t.Pos == pos && t.Msg == msg {
			return
		}
	}
	n.told = append(n.told, schema.Note{Pos: pos, Path: path, Msg: msg})
}

// idle tells of an option that does nothing here, unless nothing was written.
func (n *notes) idle(f schema.Field, path, msg string) {
	if !isEmpty(f.Value) {
		n.note(f.Pos, join(path, f.Name), msg)
	}
}

// idleIn is idle for a field of a map, if it is there.
func (n *notes) idleIn(v schema.Value, path, name, msg string) {
	for _, f := range v.Fields {
		if f.Name == name {
			n.idle(f, path, msg)
		}
	}
}
