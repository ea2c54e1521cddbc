package graph

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAHundredThousandNodesNeedNoMoreGoroutinesThanParallel(t *testing.T) {
	const parallel = 8
	for _, shape := range shapes()[:3] {
		t.Run(shape.name, func(t *testing.T) {
			g := mustNew(t, shape.nodes(100_000))
			before := runtime.NumGoroutine()
			var visits, most atomic.Int64
			err := g.Walk(t.Context(), nil, Walk{Parallel: parallel, Visit: func(context.Context, string) error {
				if visits.Add(1)%100 != 0 { // counting is slow
					return nil
				}
				// A worker that has ended is counted until the runtime has cleaned up, so it is counted again: what stays counts.
				n := runtime.NumGoroutine()
				for range 1000 {
					if n <= before+2*parallel {
						break
					}
					runtime.Gosched()
					n = min(n, runtime.NumGoroutine())
				}
				for {
					if have := most.Load(); int64(n) <= have || most.CompareAndSwap(have, int64(n)) {
						return nil
					}
				}
			}})
			if err != nil {
				t.Error(err)
			}
			if visits.Load() != int64(g.Len()) {
				t.Errorf("%d visits", visits.Load())
			}
			if extra := int(most.Load()) - before; extra > 2*parallel {
				t.Errorf("%d goroutines more than before", extra)
			}
		})
	}
}

func TestAVisitThatEndsItsGoroutineEndsTheWalk(t *testing.T) {
	for _, parallel := range []int{1, 4} {
		g := mustNew(t, parse("a;b:a;c:a;d:b,c"))
		var skipped []string
		err := g.Walk(t.Context(), nil, Walk{
			Parallel: parallel,
			Visit: func(_ context.Context, id string) error {
				if id == "a" {
					runtime.Goexit()
				}
				return nil
			},
			Skipped: func(id string, _ Cause) { skipped = append(skipped, id) },
		})
		if !errors.Is(err, errLost) {
			t.Errorf("error %v", err)
		}
		if diff := cmp.Diff([]string{"b", "c", "d"}, skipped); diff != "" {
			t.Error(diff)
		}
	}
}

// The test runs itself as another process, because a panic ends it.
func TestAPanicInAVisitEndsTheProgramAndIsSeen(t *testing.T) {
	const panicking = "DTM_TEST_GRAPH_PANIC"
	if os.Getenv(panicking) != "" {
		g := mustNew(t, parse("a;b;c:a;d:b"))
		err := g.Walk(t.Context(), nil, Walk{Parallel: 2, Visit: func(_ context.Context, id string) error {
			if id == "b" {
				panic("the visit of b went wrong")
			}
			return nil
		}})
		t.Fatalf("still alive: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), panicking+"=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("it ended with %v", err)
	}
	if !strings.Contains(string(out), "panic: the visit of b went wrong") || !strings.Contains(string(out), "run_test.go") {
		t.Errorf("the panic and its place are not in\n%s", out)
	}
}

// blame tells for each node which failures reach it, where fails says which
// visits fail: nil for a node that is visited.
func blame(nodes []Node, fails map[string]bool) map[string][]string {
	blamed := map[string][]string{}
	for _, id := range firstFree(nodes) {
		at := slices.IndexFunc(nodes, func(n Node) bool { return n.ID == id })
		var reach []string
		for _, need := range nodes[at].Needs {
			if blamed[need] != nil {
				reach = append(reach, blamed[need]...)
			} else if fails[need] {
				reach = append(reach, need)
			}
		}
		slices.Sort(reach)
		blamed[id] = slices.Compact(reach)
	}
	return blamed
}

func TestRandomWalksVisitOnceInOrderWithinTheLimitAndSkipExactlyWhatFailed(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			nodes := randomDAG(r, 1+r.IntN(40), 3)
			fails, takes := map[string]bool{}, map[string]time.Duration{}
			for _, n := range nodes {
				fails[n.ID] = r.IntN(6) == 0
				takes[n.ID] = time.Duration(r.IntN(5)) * time.Second
			}
			parallel := 1 + r.IntN(6)
			g := mustNew(t, nodes)

			var mu sync.Mutex
			running, most := 0, 0
			done, skipped, failed := map[string]bool{}, map[string][]string{}, map[string]bool{}
			err := g.Walk(t.Context(), nil, Walk{
				Parallel: parallel,
				Weight:   func(id string) float64 { return takes[id].Seconds() },
				Visit: func(_ context.Context, id string) error {
					mu.Lock()
					if done[id] {
						t.Errorf("%s is visited twice", id)
					}
					for _, need := range g.Needs(id) {
						if !done[need] || fails[need] {
							t.Errorf("%s is visited before %s is done", id, need)
						}
					}
					running++
					most = max(most, running)
					mu.Unlock()
					time.Sleep(takes[id])
					mu.Lock()
					defer mu.Unlock()
					running--
					done[id] = true
					if fails[id] {
						failed[id] = true
						return errors.New(id)
					}
					return nil
				},
				Skipped: func(id string, c Cause) {
					if skipped[id] != nil || c.Stopped {
						t.Errorf("%s is skipped with %v after %v", id, c, skipped[id])
					}
					skipped[id] = c.Failed
				},
			})

			if most > parallel {
				t.Errorf("%d visits at once, want %d at most", most, parallel)
			}
			want := map[string][]string{}
			var errs []string
			blamed := blame(nodes, fails)
			for _, n := range nodes {
				switch {
				case blamed[n.ID] != nil:
					want[n.ID] = blamed[n.ID]
				case !done[n.ID]:
					t.Errorf("%s is not visited", n.ID)
				case failed[n.ID]:
					errs = append(errs, n.ID)
				}
			}
			if diff := cmp.Diff(want, skipped); diff != "" {
				t.Error(diff)
			}
			var got []string
			if err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if diff := cmp.Diff(errs, got); diff != "" {
				t.Error(diff)
			}
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
