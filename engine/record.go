package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/devstream-io/dtm/graph"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// skip notes a change that is not begun.
func (r *run) skip(node string, cause graph.Cause) {
	c := r.changes[schema.ID(node)]
	if c == nil || c.Action == NoOp {
		return
	}
	causes := make([]schema.ID, len(cause.Failed))
	why := "the run was stopped"
	for i, id := range cause.Failed {
		causes[i] = schema.ID(strings.TrimSuffix(id, deleteHalf))
	}
	if slices.Contains(causes, c.ID) {
		return // its own first half has failed, and said so
	}
	if len(causes) > 0 {
		why = "waits for " + strings.Join(texts(causes), ", ")
	}
	now := r.engine.Now()
	r.count(func(n *store.Counts) { n.Skipped++ })
	r.mu.Lock()
	r.skipped = append(r.skipped, store.Entry{Kind: store.Skipped, Tool: c.ID, Action: c.Action.String(), Error: why, Time: now, Run: r.id})
	r.mu.Unlock()
	r.engine.emit(Skipped{ID: c.ID, Action: c.Action, Causes: causes, Time: now})
}

// finish records the end of the run and makes the error of it.
func (r *run) finish(ctx context.Context, opt ApplyOptions, began time.Time, walkErr error) (Summary, error) {
	failed := &ApplyError{Failed: r.inOrder(), Skipped: r.counts.Skipped, Record: r.recordErr}
	failed.Interrupted = errors.Is(walkErr, graph.ErrStopped) && r.recordErr == nil && (len(failed.Failed) == 0 || !opt.FailFast)
	s := Summary{Run: r.id, Counts: r.counts, Result: store.Succeeded, Duration: r.since(began)}
	switch {
	case failed.Interrupted || walkErr != nil && ctx.Err() != nil:
		s.Result = store.Interrupted
	case walkErr != nil || len(r.plan.Errors) > 0:
		s.Result = store.FailedRun
	}
	entries := append(r.skipped, store.Entry{Kind: store.Finished, Result: s.Result, Duration: s.Duration})
	if err := r.record(ctx, entries...); err != nil && failed.Record == nil {
		failed.Record = err
	}
	r.engine.emit(RunFinished{Summary: s, Time: r.engine.Now()})
	if len(failed.Failed) > 0 || failed.Record != nil || failed.Interrupted || failed.Skipped > 0 {
		return s, failed
	}
	return s, nil
}

// inOrder are the failures in the order of the plan.
func (r *run) inOrder() []ToolError {
	place := make(map[schema.ID]int, len(r.plan.Changes))
	for i := range r.plan.Changes {
		place[r.plan.Changes[i].ID] = i
	}
	slices.SortFunc(r.failed, func(a, b ToolError) int { return place[a.ID] - place[b.ID] })
	return append(slices.Clone(r.plan.Errors), r.failed...)
}

// record makes entries durable. After a failure nothing more is begun.
func (r *run) record(ctx context.Context, entries ...store.Entry) error {
	for i := range entries {
		entries[i].Run = r.id
		if entries[i].Time.IsZero() {
			entries[i].Time = r.engine.Now()
		}
	}
	// What has happened is recorded even when the run was cancelled.
	err := r.session.Record(context.WithoutCancel(ctx), entries...)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%w: %w", errRecord, err)
	r.mu.Lock()
	if r.recordErr == nil {
		r.recordErr = err
	}
	r.mu.Unlock()
	if r.halt != nil {
		r.halt()
	}
	return err
}

func (r *run) count(change func(*store.Counts)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.counts)
}

func (r *run) since(began time.Time) time.Duration { return r.engine.Now().Sub(began) }
