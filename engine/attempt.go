package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// longestBackoff is how far the wait between two attempts grows, unless the plugin asks for more.
const longestBackoff = time.Minute

// attempts is how a verb is called: under the tool's lifecycle.
type attempts struct {
	schema.Lifecycle
	// stop, when closed, ends the waiting. May be nil.
	stop <-chan struct{}
	// told hears of each wait. May be nil.
	told func(attempt int, err error, in time.Duration)
}

// do calls verb, each time with a context that ends after the timeout, until it succeeds, fails for good, or was tried
// often enough. The error is the last one.
func (a attempts) do(ctx context.Context, verb func(ctx context.Context) error) error {
	waits := a.waits()
	for attempt := 1; ; attempt++ {
		err := a.once(ctx, verb)
		after, may := plugins.RetryAfter(err)
		if err == nil || !may || attempt > a.Retries || ctx.Err() != nil {
			return err
		}
		wait := max(after, waits.NextBackOff())
		if a.told != nil {
			a.told(attempt+1, err, wait)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-a.stop:
			timer.Stop()
			return err
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		if a.stopped() {
			return err // it came with the end of the wait
		}
	}
}

func (a attempts) stopped() bool {
	select {
	case <-a.stop:
		return true
	default:
		return false
	}
}

// waits are the times between attempts, where the plugin does not ask for more. A first one that is longer than the longest stays.
func (a attempts) waits() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier = a.Backoff, max(longestBackoff, a.Backoff), 2
	return b
}

func (a attempts) once(ctx context.Context, verb func(ctx context.Context) error) error {
	if a.Timeout <= 0 {
		return verb(ctx)
	}
	late := &TimeoutError{After: a.Timeout}
	ctx, cancel := context.WithTimeoutCause(ctx, a.Timeout, late)
	defer cancel()
	err := verb(ctx)
	if err != nil && errors.Is(context.Cause(ctx), late) {
		// What the verb's requests end with is often the cause itself: an error that wraps itself has no end.
		if !errors.Is(err, late) {
			late.err = err
		}
		return late
	}
	return err
}

// TimeoutError says that a verb has taken longer than its lifecycle allows.
type TimeoutError struct {
	After time.Duration

	err error
}

func (e *TimeoutError) Error() string {
	if e.err == nil || errors.Is(e.err, context.DeadlineExceeded) {
		return fmt.Sprintf("timed out after %s", e.After)
	}
	return fmt.Sprintf("timed out after %s: %v", e.After, e.err)
}

// Unwrap is what the verb said.
func (e *TimeoutError) Unwrap() error { return e.err }

// Hint says what the user can do about it.
func (e *TimeoutError) Hint() string { return "the tool's lifecycle.timeout says how long it may take" }

// lifecycleOf is how a recorded tool is to be treated.
func lifecycleOf(t *store.Tool) schema.Lifecycle {
	switch {
	case t == nil:
	case t.Lifecycle != nil:
		return *t.Lifecycle
	case !t.Exists && t.Doubt != nil && t.Doubt.Lifecycle != nil:
		return *t.Doubt.Lifecycle
	}
	return schema.DefaultLifecycle()
}

// recordedLifecycle is l as it is recorded: nothing where it says nothing.
func recordedLifecycle(l schema.Lifecycle) *schema.Lifecycle {
	if l.Equal(schema.DefaultLifecycle()) {
		return nil
	}
	return &l
}

// lifecycle is how the tool of a change is to be treated.
func (c *Change) lifecycle() schema.Lifecycle {
	if c.Want != nil {
		return c.Want.Lifecycle
	}
	return lifecycleOf(c.Have)
}

// verb calls a verb for a change.
func (r *run) verb(ctx context.Context, c *Change, action Action, call func(ctx context.Context) error) error {
	a := attempts{Lifecycle: c.lifecycle(), stop: r.stop, told: func(attempt int, err error, in time.Duration) {
		err = r.engine.secrets.redact(err)
		r.engine.emit(Retrying{ID: c.ID, Action: action, Attempt: attempt, Err: err, In: in, Time: r.engine.Now()})
	}}
	return a.do(ctx, func(ctx context.Context) error {
		ctx, end := r.engine.listen(ctx, c.ID, action)
		defer end()
		return call(ctx)
	})
}
