package graph

import (
	"cmp"
	"slices"
)

// A Cause says why a node was not visited. At least one field is set.
type Cause struct {
	// Failed holds the IDs of all nodes whose visit failed and which this one
	// needs, directly or not; sorted. Nodes skipped in between are not in it.
	// It may be shared with other causes and must not be changed.
	Failed []string
	// Stopped is true if the node, or one that it needs, was not begun
	// because nothing new was to be begun any more.
	Stopped bool
}

// union returns the cause of a node that is skipped for all the given causes;
// there is at least one. It halves the list, so that a node that needs n failed
// ones costs O(n log n).
func union(causes []Cause) Cause {
	if len(causes) == 1 {
		return causes[0]
	}
	half := len(causes) / 2
	a, b := union(causes[:half]), union(causes[half:])
	return Cause{Failed: merge(a.Failed, b.Failed), Stopped: a.Stopped || b.Stopped}
}

// merge returns the sorted union of two sorted lists without repeats. If they
// are equal it is one of them: below a few failures nearly all causes are the
// same, and share one list.
func merge(a, b []string) []string {
	if len(b) == 0 || slices.Equal(a, b) {
		return a
	}
	if len(a) == 0 {
		return b
	}
	both := make([]string, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		order := cmp.Compare(a[0], b[0])
		if order <= 0 {
			both = append(both, a[0])
			a = a[1:]
		} else {
			both = append(both, b[0])
		}
		if order >= 0 {
			b = b[1:]
		}
	}
	return append(append(both, a...), b...)
}
