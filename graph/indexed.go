package graph

import (
	"errors"
	"slices"

	library "github.com/dominikbraun/graph"
)

// indexed is the store under the library's graph. A node is its position in
// the input; edges are two slices of positions for each node. It only grows,
// and keeps no attributes: those belong to a drawing, which has its own graph.
//
// Additions must not run at the same time as anything else. When they are
// over, everything may.
type indexed struct {
	nodes      []Node
	position   map[string]int32
	needs      [][]int32 // in the order they were written
	dependents [][]int32 // in the order of input
	edges      int
}

var _ library.Store[string, Node] = (*indexed)(nil)

func newIndexed(n int) *indexed {
	return &indexed{
		nodes:      make([]Node, 0, n),
		position:   make(map[string]int32, n),
		needs:      make([][]int32, 0, n),
		dependents: make([][]int32, 0, n),
	}
}

func (s *indexed) AddVertex(id string, node Node, _ library.VertexProperties) error {
	if _, ok := s.position[id]; ok {
		return library.ErrVertexAlreadyExists
	}
	s.position[id] = int32(len(s.nodes))
	s.nodes = append(s.nodes, node)
	s.needs = append(s.needs, make([]int32, 0, len(node.Needs)))
	s.dependents = append(s.dependents, nil)
	return nil
}

func (s *indexed) Vertex(id string) (Node, library.VertexProperties, error) {
	i, ok := s.position[id]
	if !ok {
		return Node{}, library.VertexProperties{}, library.ErrVertexNotFound
	}
	return s.nodes[i], library.VertexProperties{}, nil
}

func (s *indexed) ListVertices() ([]string, error) {
	return s.ids(), nil
}

func (s *indexed) VertexCount() (int, error) {
	return len(s.nodes), nil
}

func (s *indexed) AddEdge(from, to string, _ library.Edge[string]) error {
	source, target, err := s.ends(from, to)
	if err != nil {
		return err
	}
	if s.joined(source, target) {
		return library.ErrEdgeAlreadyExists
	}
	s.needs[target] = append(s.needs[target], source)
	s.dependents[source] = append(s.dependents[source], target)
	s.edges++
	return nil
}

func (s *indexed) Edge(from, to string) (library.Edge[string], error) {
	source, target, err := s.ends(from, to)
	if err != nil || !s.joined(source, target) {
		return library.Edge[string]{}, library.ErrEdgeNotFound
	}
	return library.Edge[string]{Source: from, Target: to}, nil
}

func (s *indexed) ListEdges() ([]library.Edge[string], error) {
	edges := make([]library.Edge[string], 0, s.edges)
	for target, sources := range s.needs {
		for _, source := range sources {
			edges = append(edges, library.Edge[string]{Source: s.nodes[source].ID, Target: s.nodes[target].ID})
		}
	}
	return edges, nil
}

func (s *indexed) RemoveVertex(string) error { return errors.ErrUnsupported }

func (s *indexed) RemoveEdge(string, string) error { return errors.ErrUnsupported }

func (s *indexed) UpdateEdge(string, string, library.Edge[string]) error {
	return errors.ErrUnsupported
}

// ends returns the positions of both IDs, or the library's ErrVertexNotFound.
func (s *indexed) ends(from, to string) (source, target int32, err error) {
	source, ok := s.position[from]
	if !ok {
		return 0, 0, library.ErrVertexNotFound
	}
	target, ok = s.position[to]
	if !ok {
		return 0, 0, library.ErrVertexNotFound
	}
	return source, target, nil
}

// joined looks through the shorter of the two lists. So a star costs nothing,
// in either direction, and the sum over m edges is O(m·√m) at worst, without
// a map of edges.
func (s *indexed) joined(source, target int32) bool {
	if len(s.needs[target]) <= len(s.dependents[source]) {
		return slices.Contains(s.needs[target], source)
	}
	return slices.Contains(s.dependents[source], target)
}

// ids returns the IDs of all nodes, in the order of input.
func (s *indexed) ids() []string {
	ids := make([]string, len(s.nodes))
	for i := range s.nodes {
		ids[i] = s.nodes[i].ID
	}
	return ids
}

// names returns the IDs of the nodes at the given positions, in that order.
func (s *indexed) names(positions []int32) []string {
	ids := make([]string, len(positions))
	for at, i := range positions {
		ids[at] = s.nodes[i].ID
	}
	return ids
}
