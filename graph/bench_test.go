package graph

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
)

// shape makes n nodes; those that need others stand before and after them in
// the input by chance, as in a file that people wrote.
type shape struct {
	name  string
	nodes func(n int) []Node
}

func shapes() []shape {
	return []shape{
		{"flat", func(n int) []Node {
			return generate(n, func(*rand.Rand, int) []int { return nil })
		}},
		{"chain", func(n int) []Node {
			return generate(n, func(_ *rand.Rand, i int) []int { return []int{i - 1} })
		}},
		{"layered", func(n int) []Node {
			const width = 100
			return generate(n, func(r *rand.Rand, i int) []int {
				above := (i/width - 1) * width
				return []int{above + r.IntN(width), above + r.IntN(width), above + r.IntN(width)}
			})
		}},
		{"random", func(n int) []Node {
			return generate(n, func(r *rand.Rand, i int) []int { return []int{r.IntN(i + 1), r.IntN(i + 1), r.IntN(i + 1)} })
		}},
		{"star", func(n int) []Node {
			return generate(n, func(*rand.Rand, int) []int { return []int{0} })
		}},
		{"funnel", func(n int) []Node {
			return generate(n, func(_ *rand.Rand, i int) []int {
				if i < n-1 {
					return nil
				}
				all := make([]int, n-1)
				for j := range all {
					all[j] = j
				}
				return all
			})
		}},
	}
}

// generate makes nodes whose needs are numbers below their own; others are
// left out. The same arguments give the same nodes.
func generate(n int, needs func(r *rand.Rand, i int) []int) []Node {
	r := rand.New(rand.NewPCG(1, 2))
	id := func(i int) string { return fmt.Sprintf("plugin-%02d.instance-%05d", i%20, i) }
	nodes := make([]Node, n)
	for i := range nodes {
		nodes[i].ID = id(i)
		for _, need := range needs(r, i) {
			if need >= 0 && need < i {
				nodes[i].Needs = append(nodes[i].Needs, id(need))
			}
		}
	}
	r.Shuffle(n, func(a, b int) { nodes[a], nodes[b] = nodes[b], nodes[a] })
	return nodes
}

func BenchmarkBuildAndOrder(b *testing.B) {
	for _, shape := range shapes() {
		nodes := shape.nodes(10_000)
		b.Run(shape.name, func(b *testing.B) {
			b.ReportAllocs()
			var edges int
			for b.Loop() {
				g, err := New(nodes)
				if err != nil {
					b.Fatal(err)
				}
				g.Order()
				edges = g.Edges()
			}
			b.ReportMetric(float64(edges), "edges")
		})
	}
}

func BenchmarkCycle(b *testing.B) {
	nodes := make([]Node, 10_000)
	for i := range nodes {
		nodes[i] = Node{ID: fmt.Sprint(i), Needs: []string{fmt.Sprint((i + 1) % len(nodes))}}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(nodes); err == nil {
			b.Fatal("no error")
		}
	}
}

func BenchmarkWalk(b *testing.B) {
	for _, shape := range shapes() {
		for _, parallel := range []int{1, 8} {
			const n = 100_000
			g, err := New(shape.nodes(n))
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%s/parallel=%d", shape.name, parallel), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					err := g.Walk(context.Background(), nil, Walk{
						Parallel: parallel,
						Visit:    func(context.Context, string) error { return nil },
					})
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/node")
			})
		}
	}
}
