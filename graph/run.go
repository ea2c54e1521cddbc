package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// errLost stands for the error of a visit that ended its goroutine, as
// testing.T.FailNow does, and so neither returned nor panicked.
var errLost = errors.New("visit did not return")

// A run is a Walk under way. There is no scheduler: a worker that finished a
// node settles what waited for it, starts more workers if more nodes are ready
// than workers are free, and takes the next node itself. A worker that finds
// none ends, so nobody ever waits, and nothing can be woken too late.
type run struct {
	Walk
	*Graph
	ctx     context.Context
	stop    <-chan struct{}
	turn    []int32 // the rank of each node: who goes first if both are ready
	ranked  []int32 // the node of each rank
	workers errgroup.Group

	mu       sync.Mutex        // guards what follows
	ready    queue             // ranks
	pending  []int32           // for each node, how many of its needs are not settled
	settled  []bool            // visited or skipped
	blames   map[int32][]Cause // for a node not settled, the causes of settled ones it needs
	failures []failure
	skips    []outcome // not told yet
	telling  bool      // a worker is calling Skipped
	active   int       // workers that live
	seeking  int       // those of them that will take a node next
	halted   bool      // FailFast met a failure
	left     int       // nodes not begun because the walk stopped
}

type failure struct {
	node int32
	err  error
}

// An outcome is what a settled node means for those that need it: with the zero
// Cause nothing, or else that they are skipped because of it.
type outcome struct {
	node  int32
	cause Cause
}

func newRun(ctx context.Context, stop <-chan struct{}, g *Graph, w Walk) *run {
	n := g.Len()
	r := &run{Walk: w, Graph: g, ctx: ctx, stop: stop, blames: map[int32][]Cause{}}
	r.Parallel = max(1, min(w.Parallel, n))
	r.workers.SetLimit(r.Parallel)

	r.ranked = make([]int32, n)
	for i := range r.ranked {
		r.ranked[i] = int32(i)
	}
	remaining := g.remaining(w.Weight)
	slices.SortFunc(r.ranked, func(a, b int32) int {
		return cmp.Or(cmp.Compare(remaining[b], remaining[a]), cmp.Compare(a, b))
	})
	r.turn = make([]int32, n)
	for rank, i := range r.ranked {
		r.turn[i] = int32(rank)
	}

	r.settled = make([]bool, n)
	r.pending = g.store.pending()
	for i, n := range r.pending {
		if n == 0 {
			r.ready.push(r.turn[i])
		}
	}
	return r
}

// spawn starts workers until each ready node has one coming for it. The caller
// holds mu.
func (r *run) spawn() {
	for r.seeking < len(r.ready) && r.active < r.Parallel {
		r.active++
		r.seeking++
		r.workers.Go(r.work)
	}
}

// work visits one node after the other, until none is ready.
func (r *run) work() error {
	at := int32(-1)
	defer func() {
		if at < 0 {
			return
		}
		// The visit panicked, or ended its goroutine. In both cases nothing
		// else should begin; in the latter the walk ends with an error.
		r.mu.Lock()
		r.halted = true
		r.mu.Unlock()
		r.finish(at, errLost)
	}()
	for {
		i, ok := r.take()
		if !ok {
			return nil
		}
		at = i
		err := r.Visit(r.ctx, r.store.nodes[i].ID)
		at = -1
		if r.finish(i, err) {
			r.tell()
		}
	}
}

// take returns the node to visit next. If there is none now, the worker has to
// end.
func (r *run) take() (node int32, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.active > 1 {
		// Visits that end at the same moment should all be settled before the
		// best of what is then ready is chosen. Without this, about 20 of 200
		// random walks of equal visits took longer than they had to.
		r.mu.Unlock()
		runtime.Gosched()
		r.mu.Lock()
	}
	r.seeking--
	if len(r.ready) == 0 || r.stopped() {
		r.active--
		return 0, false
	}
	return r.ranked[r.ready.pop()], true
}

// stopped tells whether nothing new may begin. The caller holds mu.
func (r *run) stopped() bool {
	select {
	case <-r.stop:
		return true
	default:
		return r.halted || r.ctx.Err() != nil
	}
}

// finish records the outcome of a visit. If it returns true, the caller has to
// call tell.
func (r *run) finish(i int32, err error) (tell bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := outcome{node: i}
	if err != nil {
		r.failures = append(r.failures, failure{i, err})
		r.halted = r.halted || r.FailFast
		o.cause.Failed = []string{r.store.nodes[i].ID}
	}
	r.settle(o)
	tell = len(r.skips) > 0 && !r.telling
	if tell {
		r.telling = true
	} else {
		r.seeking++
	}
	r.spawn()
	return tell
}

// settle makes ready what waited for the node of o alone, or skips it, and so
// on with what waited for the skipped. The caller holds mu.
func (r *run) settle(o outcome) {
	for line := []outcome{o}; len(line) > 0; line = line[1:] {
		o := line[0]
		r.settled[o.node] = true
		bad := len(o.cause.Failed) > 0
		for _, d := range r.store.dependents[o.node] {
			if bad {
				r.blames[d] = append(r.blames[d], o.cause)
			}
			if r.pending[d]--; r.pending[d] > 0 {
				continue
			}
			if _, blamed := r.blames[d]; blamed {
				line = append(line, r.skip(d))
			} else {
				r.ready.push(r.turn[d])
			}
		}
	}
}

// skip notes that Skipped is to be called for node i. The caller holds mu.
func (r *run) skip(i int32) outcome {
	o := outcome{i, union(r.blames[i])}
	delete(r.blames, i)
	if r.Skipped != nil {
		r.skips = append(r.skips, o)
	}
	return o
}

// tell calls Skipped for what is to be told, without mu, so that a slow screen
// holds up one worker and not all.
func (r *run) tell() {
	r.mu.Lock()
	for len(r.skips) > 0 {
		s := r.skips[0]
		r.skips = r.skips[1:]
		r.mu.Unlock()
		r.Skipped(r.store.nodes[s.node].ID, s.cause)
		r.mu.Lock()
	}
	r.telling = false
	r.seeking++
	r.mu.Unlock()
}

// abandon skips what was not begun, when all workers have ended.
func (r *run) abandon() {
	r.mu.Lock()
	for _, i := range r.order {
		if r.settled[i] {
			continue
		}
		r.left++
		r.blames[i] = append(r.blames[i], Cause{Stopped: true})
		o := r.skip(i)
		for _, d := range r.store.dependents[i] {
			r.blames[d] = append(r.blames[d], o.cause)
		}
	}
	r.mu.Unlock()
	r.tell()
}

func (r *run) err() error {
	slices.SortFunc(r.failures, func(a, b failure) int { return cmp.Compare(a.node, b.node) })
	var errs []error
	for _, f := range r.failures {
		errs = append(errs, f.err)
	}
	if r.left > 0 {
		stopped := fmt.Errorf("%w: %d of %d not begun", ErrStopped, r.left, r.Len())
		if cause := context.Cause(r.ctx); cause != nil {
			stopped = fmt.Errorf("%w: %w", stopped, cause)
		}
		errs = append(errs, stopped)
	}
	return errors.Join(errs...)
}
