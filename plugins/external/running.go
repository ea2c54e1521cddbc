package external

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/devstream-io/dtm/plugins"
)

// installed is a plugin with the process that it has at the moment.
type installed struct {
	Installed
	host *Host

	mu sync.Mutex
	// current is the last process that was started, or is about to be; nil before the first.
	current *starting
	starts  int
	closed  bool
}

// starting is a process that becomes one or an error. Whoever needs it waits for it.
type starting struct {
	cancel context.CancelCauseFunc
	// done is closed when process or err is set.
	done    chan struct{}
	process *process
	err     error
}

// over tells that it has become an error, or that its process has ended.
func (s *starting) over() bool {
	select {
	case <-s.done:
		return s.err != nil || s.process.ended()
	default:
		return false
	}
}

// running is the process, started if there is none. That ctx is done ends the wait, not the start: others may wait for it.
func (i *installed) running(ctx context.Context) (*process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := i.start(ctx)
	if err != nil {
		return nil, err
	}
	select {
	case <-s.done:
		return s.process, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (i *installed) start(ctx context.Context) (*starting, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.closed:
		return nil, errClosed
	case i.current != nil && !i.current.over():
		return i.current, nil
	case i.starts > restarts && i.current.err != nil:
		return nil, i.current.err
	case i.starts > restarts:
		return nil, plugins.Hinted(
			fmt.Errorf("its process has ended %d times in this run and is not started again; the last time, %w", i.starts, i.current.process.end()),
			bugHint,
		)
	}
	i.starts++
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	s := &starting{cancel: cancel, done: make(chan struct{})}
	i.current = s
	go func() {
		defer close(s.done)
		defer cancel(nil)
		s.process, s.err = i.newProcess(ctx)
	}()
	return s, nil
}

// close ends the process and lets none begin.
func (i *installed) close(ctx context.Context) {
	i.mu.Lock()
	i.closed = true
	s := i.current
	i.mu.Unlock()
	if s == nil {
		return
	}
	s.cancel(errClosed)
	<-s.done
	if s.process != nil {
		s.process.close(ctx)
	}
}

// errClosed is what verbs fail with after Close.
var errClosed = errors.New("dtm is ending and needs no plugin any more")
