package s3

import (
	"context"
	"time"
)

// Tuning is what only tests change; zero fields are as in the program.
type Tuning struct {
	Lease       time.Duration
	Attempts    int
	FoldEntries int
	// ClosingEntries is FoldEntries if zero.
	ClosingEntries int
	Timeout        time.Duration
	Now            func() time.Time
}

// NewTuned is New with a tuning. It waits next to nothing between attempts.
func NewTuned(ctx context.Context, opts Options, t Tuning) (*Store, error) {
	d := defaults()
	d.backoff = time.Millisecond
	if t.Lease != 0 {
		d.lease = t.Lease
	}
	if t.Attempts != 0 {
		d.attempts = t.Attempts
	}
	if t.FoldEntries != 0 {
		d.foldEntries, d.closingEntries = t.FoldEntries, t.FoldEntries
	}
	if t.ClosingEntries != 0 {
		d.closingEntries = t.ClosingEntries
	}
	if t.Timeout != 0 {
		d.timeout = t.Timeout
	}
	if t.Now != nil {
		d.now = t.Now
	}
	return newStore(ctx, opts, d)
}
