package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/devstream-io/dtm/graph"
)

// graph measures building a graph, looking for cycles, and ordering, in this process.
func (b *bench) graph(ctx context.Context) error {
	n := b.most()
	nodes := nodes(random.needs(n))
	edges := 0
	for i := range nodes {
		edges += len(nodes[i].Needs)
	}
	var took []time.Duration
	for range 4 * b.rounds {
		if err := ctx.Err(); err != nil {
			return err
		}
		began := time.Now()
		g, err := graph.New(nodes) // fails on a cycle
		if err != nil {
			return err
		}
		order := g.Order()
		took = append(took, time.Since(began))
		if len(order) != n {
			return fmt.Errorf("%d of %d nodes in the order", len(order), n)
		}
	}
	b.table.under(fmt.Sprintf("graph of %d nodes and %d edges: build, cycle check, order", n, edges), span(slices.Min(took)), span(50*time.Millisecond))
	return nil
}
