package graph

import (
	"cmp"
	"slices"
)

// cycles returns one CycleError for each set of nodes that reach each other.
// order is what sorted returned: what is in it lies on no cycle, so the search
// is confined to the rest.
func (s *indexed) cycles(order []int32) []*CycleError {
	if len(order) == len(s.nodes) {
		return nil
	}
	var found []*CycleError
	component, members := s.components(order)
	for c, nodes := range members {
		if len(nodes) > 1 {
			found = append(found, s.shortest(nodes, component, int32(c)))
		}
	}
	return found
}

// components finds the strongly connected components among the nodes that are
// not in order: Tarjan's algorithm, with a stack of its own, so that a cycle
// through every node needs no deep recursion. It returns the component of each
// node, -1 for those in order, and the members of each component.
func (s *indexed) components(order []int32) (component []int32, members [][]int32) {
	const unseen = -1
	n := len(s.nodes)
	component = make([]int32, n)
	seen := make([]int32, n) // the turn at which the node was first met
	low := make([]int32, n)  // the earliest turn that can be reached from it
	open := make([]bool, n)  // met, and its component is not complete yet
	for i := range seen {
		component[i], seen[i] = unseen, unseen
	}
	for _, i := range order {
		seen[i] = 0
	}

	type frame struct{ node, next int32 }
	var frames []frame
	var stack []int32
	turn := int32(1)
	meet := func(i int32) {
		seen[i], low[i], open[i] = turn, turn, true
		turn++
		stack = append(stack, i)
		frames = append(frames, frame{node: i})
	}
	for start := range n {
		if seen[start] != unseen {
			continue
		}
		meet(int32(start))
		for len(frames) > 0 {
			top := &frames[len(frames)-1]
			i := top.node
			if int(top.next) < len(s.needs[i]) {
				need := s.needs[i][top.next]
				top.next++
				if seen[need] == unseen {
					meet(need)
				} else if open[need] {
					low[i] = min(low[i], seen[need])
				}
				continue
			}
			frames = frames[:len(frames)-1]
			if len(frames) > 0 {
				above := frames[len(frames)-1].node
				low[above] = min(low[above], low[i])
			}
			if low[i] != seen[i] {
				continue
			}
			from := len(stack) - 1
			for stack[from] != i {
				from--
			}
			for _, member := range stack[from:] {
				component[member], open[member] = int32(len(members)), false
			}
			members = append(members, slices.Clone(stack[from:]))
			stack = stack[:from]
		}
	}
	return component, members
}

// shortest returns the shortest cycle through the smallest ID of nodes, which
// are all members of component c; there are at least two.
func (s *indexed) shortest(nodes, component []int32, c int32) *CycleError {
	start := slices.MinFunc(nodes, func(a, b int32) int { return cmp.Compare(s.nodes[a].ID, s.nodes[b].ID) })
	cameFrom := map[int32]int32{start: start}
	line := []int32{start}
	for {
		i := line[0]
		line = line[1:]
		for _, need := range s.needs[i] {
			if need == start {
				path := []int32{start}
				for ; i != start; i = cameFrom[i] {
					path = append(path, i)
				}
				path = append(path, start)
				slices.Reverse(path)
				return &CycleError{Path: s.names(path)}
			}
			if _, met := cameFrom[need]; !met && component[need] == c {
				cameFrom[need] = i
				line = append(line, need)
			}
		}
	}
}
