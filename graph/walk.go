package graph

import (
	"context"
	"errors"
)

// ErrStopped is wrapped by the error of a walk that left nodes out because it
// was told to begin nothing new: stop was closed, the context was done, or
// FailFast met a failure.
var ErrStopped = errors.New("stopped")

// A Walk says how to visit the nodes of a graph.
type Walk struct {
	// Parallel is how many visits may run at once. Less than 1 counts as 1.
	Parallel int

	// Weight is the expected cost of a visit, in any unit; nil counts each as
	// 1. Among the nodes that are ready, the one that begins the longest
	// remaining path goes first; of equal ones, the first in the input. It is
	// called once for each node, in the order of input, before the first
	// visit. A weight that is negative or not a number counts as 0.
	Weight func(id string) float64

	// FailFast begins nothing new after the first failure.
	FailFast bool

	// Visit does the work of one node. It is called at most once for each,
	// after the visits of everything the node needs have returned nil. Calls
	// for other nodes run at the same time. ctx is the context of the walk.
	Visit func(ctx context.Context, id string) error

	// Skipped is called once for each node that is not visited, after
	// everything that the node needs was visited or skipped itself. Calls
	// never overlap, but visits go on meanwhile. May be nil.
	Skipped func(id string, cause Cause)
}

// Walk visits every node, each as soon as the last node it needs is done. When
// a visit fails, what needs the node, directly or not, is skipped; nothing else
// is. A visit sees all that the visits of what its node needs have done.
//
// When stop is closed, or ctx is done, nothing new begins, and Walk returns
// once the visits that run have returned. stop may be nil.
//
// The error joins those of the visits, unchanged, in the order of input. If
// nodes were left out because the walk was stopped, an error follows that wraps
// ErrStopped and, if ctx is done, its cause.
//
// With Parallel 1 one call follows the other, in an order that depends on
// nothing but the graph, the weights and the failures. A panic in Visit ends the
// program; a visit that ends its goroutine, as testing.T.FailNow does, stops the
// walk with an error.
func (g *Graph) Walk(ctx context.Context, stop <-chan struct{}, w Walk) error {
	r := newRun(ctx, stop, g, w)
	r.mu.Lock()
	r.spawn()
	r.mu.Unlock()
	_ = r.workers.Wait() // work returns no error; those of visits are in failures
	r.abandon()
	return r.err()
}
