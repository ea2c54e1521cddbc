package graph

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	library "github.com/dominikbraun/graph"
	"github.com/google/go-cmp/cmp"
)

// randomDAG makes n nodes in random order, with up to most needs each.
func randomDAG(r *rand.Rand, n, most int) []Node {
	nodes := make([]Node, n)
	for i := range nodes {
		nodes[i].ID = fmt.Sprintf("t%02d", i)
		for range r.IntN(most + 1) {
			if i > 0 {
				nodes[i].Needs = append(nodes[i].Needs, nodes[r.IntN(i)].ID)
			}
		}
	}
	r.Shuffle(n, func(a, b int) { nodes[a], nodes[b] = nodes[b], nodes[a] })
	return nodes
}

// firstFree is Order, told slowly: again and again the first node of the input
// all of whose needs are out.
func firstFree(nodes []Node) []string {
	var order []string
	for len(order) < len(nodes) {
		at := slices.IndexFunc(nodes, func(n Node) bool {
			return !slices.Contains(order, n.ID) &&
				!slices.ContainsFunc(n.Needs, func(need string) bool { return !slices.Contains(order, need) })
		})
		order = append(order, nodes[at].ID)
	}
	return order
}

func TestOrderTakesTheFirstFreeNode(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		nodes := randomDAG(r, 1+r.IntN(30), 3)
		got := mustNew(t, nodes).Order()
		if diff := cmp.Diff(firstFree(nodes), got); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

func TestTheLibrarySeesTheSameGraph(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		nodes := randomDAG(r, 1+r.IntN(30), 4)
		g := mustNew(t, nodes)

		want := library.New(func(n Node) string { return n.ID }, library.Directed())
		for _, n := range nodes {
			if err := want.AddVertex(n); err != nil {
				t.Fatal(err)
			}
		}
		for _, n := range nodes {
			for _, need := range n.Needs {
				if err := want.AddEdge(need, n.ID); err != nil && !errors.Is(err, library.ErrEdgeAlreadyExists) {
					t.Fatal(err)
				}
			}
		}
		if diff := cmp.Diff(reach(t, want), reach(t, g.model)); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
		order, err := library.TopologicalSort(g.model)
		if err != nil {
			t.Fatal(err)
		}
		valid(t, nodes, order)
	}
}

// reach tells what leads where, and the library's own counts.
func reach(t *testing.T, g library.Graph[string, Node]) map[string][]string {
	t.Helper()
	adjacency, err := g.AdjacencyMap()
	if err != nil {
		t.Fatal(err)
	}
	order, err := g.Order()
	if err != nil {
		t.Fatal(err)
	}
	size, err := g.Size()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{"counts": {fmt.Sprint(order), fmt.Sprint(size)}}
	for from, edges := range adjacency {
		out[from] = []string{}
		for to := range edges {
			if _, err := g.Edge(from, to); err != nil {
				t.Fatal(err)
			}
			if _, err := g.Edge(to, from); !errors.Is(err, library.ErrEdgeNotFound) {
				t.Fatalf("edge %s to %s: %v", to, from, err)
			}
			out[from] = append(out[from], to)
		}
		slices.Sort(out[from])
	}
	return out
}

func TestTheStoreOnlyGrows(t *testing.T) {
	g := mustNew(t, parse("b:a;a"))
	for name, err := range map[string]error{
		"RemoveVertex": g.model.RemoveVertex("b"),
		"RemoveEdge":   g.model.RemoveEdge("a", "b"),
		"UpdateEdge":   g.model.UpdateEdge("a", "b"),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The oracle is the distance between each pair of nodes.
func TestEachCycleIsNamedOnceByItsShortestPath(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		n := 2 + r.IntN(12)
		nodes := make([]Node, n)
		for i := range nodes {
			nodes[i].ID = fmt.Sprintf("t%02d", i)
			for range r.IntN(3) {
				nodes[i].Needs = append(nodes[i].Needs, fmt.Sprintf("t%02d", r.IntN(n)))
			}
		}
		const far = 1000
		var distance [14][14]int
		edge := func(i, j int) bool { return slices.Contains(nodes[i].Needs, nodes[j].ID) }
		want := map[string]int{} // the first ID and the length of each cycle
		for i := range n {
			for j := range n {
				distance[i][j] = far
				if i != j && edge(i, j) {
					distance[i][j] = 1
				}
			}
			if edge(i, i) {
				want[nodes[i].ID+" itself"] = 1
			}
		}
		for k := range n {
			for i := range n {
				for j := range n {
					distance[i][j] = min(distance[i][j], distance[i][k]+distance[k][j])
				}
			}
		}
		for i := range n {
			smaller := false
			for j := range i {
				smaller = smaller || distance[i][j] < far && distance[j][i] < far
			}
			if distance[i][i] < far && !smaller {
				want[nodes[i].ID] = distance[i][i]
			}
		}

		got := map[string]int{}
		r.Shuffle(n, func(a, b int) { nodes[a], nodes[b] = nodes[b], nodes[a] })
		_, err := New(nodes)
		if err != nil {
			for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
				path := err.(*CycleError).Path
				name := path[0]
				if len(path) == 2 {
					name += " itself"
				}
				got[name] = len(path) - 1
				for at, id := range path[1:] {
					i := slices.IndexFunc(nodes, func(n Node) bool { return n.ID == path[at] })
					if !slices.Contains(nodes[i].Needs, id) {
						t.Errorf("seed %d: %v: %s does not need %s", seed, err, path[at], id)
					}
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %v\n%s", seed, nodes, diff)
		}
	}
}

func TestACycleThroughAHundredThousandNodesIsFound(t *testing.T) {
	nodes := make([]Node, 100_000)
	for i := range nodes {
		nodes[i] = Node{ID: fmt.Sprint(i), Needs: []string{fmt.Sprint((i + 1) % len(nodes))}}
	}
	_, err := New(nodes)
	var cycle *CycleError
	if !errors.As(err, &cycle) || len(cycle.Path) != len(nodes)+1 {
		t.Error("not found")
	}
}
