package graph

// Critical returns the path that takes longest, from a node that needs nothing
// to one that nothing needs, in the order of execution, and the sum of its
// weights. No parallelism can finish the whole graph sooner. Of equal paths,
// the one whose nodes come first in the input is taken. An empty graph has no
// path and the length 0.
//
// weight is called once for each node, in the order of input; nil counts each
// node as 1. A weight that is negative or not a number counts as 0.
func (g *Graph) Critical(weight func(id string) float64) (path []string, length float64) {
	remaining := g.remaining(weight)
	longest := func(among []int32) (at int32) {
		at = -1
		for _, i := range among {
			if at < 0 || remaining[i] > remaining[at] {
				at = i
			}
		}
		return at
	}
	var roots []int32
	for i, needs := range g.store.needs {
		if len(needs) == 0 {
			roots = append(roots, int32(i))
		}
	}
	for at := longest(roots); at >= 0; at = longest(g.store.dependents[at]) {
		if path == nil {
			length = remaining[at]
		}
		path = append(path, g.store.nodes[at].ID)
	}
	return path, length
}

// remaining returns, for each node, the length of the longest path that begins
// with it, its own weight included.
func (g *Graph) remaining(weight func(id string) float64) []float64 {
	remaining := make([]float64, len(g.store.nodes))
	for i := range remaining {
		if weight == nil {
			remaining[i] = 1
		} else if w := weight(g.store.nodes[i].ID); w > 0 { // false for NaN too
			remaining[i] = w
		}
	}
	for at := len(g.order) - 1; at >= 0; at-- {
		i := g.order[at]
		var longest float64
		for _, d := range g.store.dependents[i] {
			longest = max(longest, remaining[d])
		}
		remaining[i] += longest
	}
	return remaining
}
