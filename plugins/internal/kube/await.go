package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/devstream-io/dtm/plugins"
)

// How often Await looks. It begins often, for what is there at once, and ends at a pace that no cluster notices.
const (
	firstLook = 100 * time.Millisecond
	lastLook  = 2 * time.Second
)

// Await looks at an object again and again until seen says that it is as it should be, or returns an error, or ctx is
// done. seen is given nil while there is no such object. A cluster that does not answer for a while is waited for and
// reported. After the end of ctx the error wraps ctx's.
//
// It asks instead of watching: that needs no right but to get the object, and a server that was away and comes back is
// nothing special.
func (c *Cluster) Await(ctx context.Context, ref Ref, seen func(Object) (done bool, err error)) error {
	var trouble error
	for wait := firstLook; ; wait = min(wait*3/2, lastLook) {
		object, err := c.Get(ctx, ref)
		_, passing := plugins.RetryAfter(err)
		if Late(err) {
			<-ctx.Done()
		}
		switch {
		case ctx.Err() != nil:
			return ended(ctx, ref, trouble)
		case passing:
			trouble = err
			plugins.Report(ctx, "waiting for the cluster: "+err.Error())
		case err != nil && !errors.Is(err, plugins.ErrNotFound):
			return err
		default:
			trouble = nil
			if done, err := seen(object); done || err != nil {
				return err
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ended(ctx, ref, trouble)
		}
	}
}

// ended is the error of a wait that was ended by its ctx. The trouble is told and not wrapped: it is not what ended it.
func ended(ctx context.Context, ref Ref, trouble error) error {
	if trouble != nil {
		return fmt.Errorf("%s: %w (%v)", ref, ctx.Err(), trouble)
	}
	return fmt.Errorf("%s: %w", ref, ctx.Err())
}
