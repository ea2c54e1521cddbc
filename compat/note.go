package compat

import "github.com/devstream-io/dtm/schema"

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

// isWritten tells whether the user has written a field, and not an app that became tools: that has no place for a key.
func isWritten(f schema.Field) bool { return f.Pos != f.Value.Pos }
