package graph

// Order returns all IDs, each after everything it needs. Whenever several
// nodes could come next, the first of them in the input does; so a list that
// is in order already stays as it is.
func (g *Graph) Order() []string {
	return g.store.names(g.order)
}

// sorted returns the positions of all nodes in the order that Order promises.
// Nodes on a cycle, and those that wait for one, are left out.
func (s *indexed) sorted() []int32 {
	pending := s.pending()
	order := make([]int32, 0, len(s.nodes))
	var free queue
	for i, n := range pending {
		if n == 0 {
			free.push(int32(i))
		}
	}
	for len(free) > 0 {
		i := free.pop()
		order = append(order, i)
		for _, d := range s.dependents[i] {
			if pending[d]--; pending[d] == 0 {
				free.push(d)
			}
		}
	}
	return order
}

// pending returns, for each node, how many others it needs.
func (s *indexed) pending() []int32 {
	pending := make([]int32, len(s.nodes))
	for i, needs := range s.needs {
		pending[i] = int32(len(needs))
	}
	return pending
}

// A queue hands out its smallest number first. It is a binary heap, and not
// container/heap, because that one boxes each number in an interface.
type queue []int32

func (q *queue) push(n int32) {
	h := append(*q, n)
	i := len(h) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent] <= n {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = n
	*q = h
}

// pop must not be called on an empty queue.
func (q *queue) pop() int32 {
	h := *q
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	*q = h
	if len(h) == 0 {
		return top
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1] < h[child] {
			child++
		}
		if last <= h[child] {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = last
	return top
}
