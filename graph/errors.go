package graph

import (
	"fmt"
	"strings"
)

// A DuplicateError says that two or more nodes have the same ID. It is
// reported once for each such ID.
type DuplicateError struct {
	ID string
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("tool %s is defined more than once", e.ID)
}

// A MissingError says that Node needs a node that was not given. It is
// reported once for each pair.
type MissingError struct {
	Node  string
	Needs string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("tool %s depends on %s, which does not exist", e.Node, e.Needs)
}

// A CycleError says that nodes wait for one another. Each ID in Path needs the
// one after it; the last is the first again. Nodes that reach each other are
// reported once, by the shortest cycle through the smallest ID among them. A
// node that needs itself is a cycle of its own: its Path is that ID, twice.
type CycleError struct {
	Path []string
}

func (e *CycleError) Error() string {
	if len(e.Path) == 2 {
		return fmt.Sprintf("tool %s depends on itself", e.Path[0])
	}
	return "dependency cycle: " + strings.Join(e.Path, " -> ")
}
