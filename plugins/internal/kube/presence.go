package kube

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// crowd is how many may be in a namespace at once: everybody.
const crowd = 1 << 30

// presence says who of this process is at work in which namespace, so that nobody removes one in which another is just
// making something. It is about tools of one run; what other programs do the cluster alone can tell.
type presence struct {
	mu    sync.Mutex
	doors map[string]*semaphore.Weighted
}

func (p *presence) door(namespace string) *semaphore.Weighted {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.doors == nil {
		p.doors = map[string]*semaphore.Weighted{}
	}
	if p.doors[namespace] == nil {
		p.doors[namespace] = semaphore.NewWeighted(crowd)
	}
	return p.doors[namespace]
}

// Enter says that something is about to be done in a namespace, and waits while somebody is removing it. The caller calls
// leave when it has done it.
func (c *Cluster) Enter(ctx context.Context, namespace string) (leave func(), err error) {
	door := c.present.door(namespace)
	if err := door.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() { door.Release(1) }), nil
}

// EnterAlone is for removing a namespace: alone is false, and there is nothing to leave, while anybody else is in it.
func (c *Cluster) EnterAlone(namespace string) (leave func(), alone bool) {
	door := c.present.door(namespace)
	if !door.TryAcquire(crowd) {
		return nil, false
	}
	return func() { door.Release(crowd) }, true
}
