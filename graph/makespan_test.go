package graph

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

const (
	tasks = 100
	tick  = 100 * time.Millisecond
)

// plant makes tasks nodes, each with up to three needs among the 20 before it.
func plant(t *testing.T, seed uint64) *Graph {
	r := rand.New(rand.NewPCG(seed, 4))
	nodes := make([]Node, tasks)
	for i := range nodes {
		nodes[i].ID = fmt.Sprintf("t%02d", i)
		for range r.IntN(4) {
			if i > 0 {
				nodes[i].Needs = append(nodes[i].Needs, nodes[i-1-r.IntN(min(i, 20))].ID)
			}
		}
	}
	return mustNew(t, nodes)
}

// makespan walks g, with visits that take what takes says, and returns how long
// that took.
func makespan(t *testing.T, g *Graph, parallel int, takes func(id string) time.Duration) (took time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := g.Walk(t.Context(), nil, Walk{
			Parallel: parallel,
			Weight:   func(id string) float64 { return takes(id).Seconds() },
			Visit:    func(_ context.Context, id string) error { time.Sleep(takes(id)); return nil },
		})
		if err != nil {
			t.Error(err)
		}
		took = time.Since(start)
	})
	return took
}

// ideal is what no schedule of equal visits can beat.
func ideal(g *Graph, parallel int) time.Duration {
	path, _ := g.Critical(nil)
	return tick * time.Duration(max(len(path), (tasks+parallel-1)/parallel))
}

func TestAWalkTakesLittleLongerThanItMust(t *testing.T) {
	for _, parallel := range []int{1, 2, 4, 100} {
		for seed := range uint64(20) {
			g := plant(t, seed)
			took := makespan(t, g, parallel, func(string) time.Duration { return tick })
			if must := ideal(g, parallel); took*100 > must*105 {
				t.Errorf("parallel %d, seed %d: took %v, must take %v", parallel, seed, took, must)
			}
		}
	}
}

// Where path and work weigh about the same, a worker that chooses too early
// costs a whole tick. The runtime promises nothing about goroutines that wake
// together, and under -race shuffles them, so a few walks may still lose one;
// without the yield in take about 20 do.
func TestVisitsThatEndTogetherAreSettledBeforeTheNextIsChosen(t *testing.T) {
	const parallel, walks, few = 8, 200, 8
	late := 0
	for seed := range uint64(walks) {
		g := plant(t, seed)
		if makespan(t, g, parallel, func(string) time.Duration { return tick })*100 > ideal(g, parallel)*105 {
			late++
		}
	}
	if late > few {
		t.Errorf("%d of %d walks took more than 1.05 of what they must", late, walks)
	}
}

// This is Graham's bound: it holds for each schedule in which no worker is idle
// while a node is ready, and for few others.
func TestNoWorkerIsIdleWhileANodeIsReady(t *testing.T) {
	for seed := range uint64(100) {
		g := plant(t, seed)
		r := rand.New(rand.NewPCG(seed, 5))
		takes := map[string]time.Duration{}
		var work time.Duration
		for _, id := range g.Nodes() {
			takes[id] = time.Duration(r.ExpFloat64() * float64(tick))
			work += takes[id]
		}
		_, path := g.Critical(func(id string) float64 { return takes[id].Seconds() })
		parallel := 1 + r.IntN(16)
		took := makespan(t, g, parallel, func(id string) time.Duration { return takes[id] })
		if most := path + (work.Seconds()-path)/float64(parallel); took.Seconds() > most+1e-6 {
			t.Errorf("seed %d, parallel %d: took %v, at most %v s", seed, parallel, took, most)
		}
	}
}
