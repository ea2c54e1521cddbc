package main

import (
	"context"
	"fmt"
	"time"

	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/store"
)

// askedFlags are what DevStream 0.3 to 0.6 had on every command, for those that ask nothing.
type askedFlags struct {
	Yes bool `short:"y" hidden:"" help:"Accepted and not needed: nothing is asked."`
}

// unusedFlags are what DevStream 0.3 to 0.6 had on every command, for those that read no configuration.
type unusedFlags struct {
	File      string `name:"config-file" short:"f" hidden:"" help:"Accepted and not needed: no configuration is read."`
	VarFile   string `hidden:"" help:"Accepted and not needed: no configuration is read."`
	PluginDir string `short:"d" hidden:"" help:"Accepted and not needed: plugins are built in."`
	askedFlags
}

// planFlags say what a plan is about and what it reads.
type planFlags struct {
	Target      []string `sep:"none" placeholder:"PATTERN" help:"Only these tools: an ID or a glob, as in 'localfile.*'; '+ID' adds what it depends on, 'ID+' what depends on it. May be repeated."`
	Exclude     []string `sep:"none" placeholder:"PATTERN" help:"Leave these tools out. May be repeated."`
	Refresh     bool     `default:"true" negatable:"" help:"Read what exists (default); --refresh=false takes the state's word for it."`
	RefreshOnly bool     `help:"Change the state alone: what exists is recorded as it is."`
}

func (f *planFlags) options(o engine.PlanOptions) engine.PlanOptions {
	o.Selection = engine.Selection{Target: f.Target, Exclude: f.Exclude}
	o.Refresh = engine.RefreshAll
	switch {
	case f.RefreshOnly:
		o.Refresh = engine.RefreshOnly
	case !f.Refresh:
		o.Refresh = engine.RefreshNone
	}
	return o
}

// Validate is called by kong.
func (f *planFlags) Validate() error {
	if f.RefreshOnly && !f.Refresh {
		return fmt.Errorf("--refresh-only has to read, so --refresh=false contradicts it")
	}
	return nil
}

// lockFlags say how to meet a lock.
type lockFlags struct {
	LockTimeout time.Duration `placeholder:"DURATION" help:"How long to wait for somebody else who is applying, as in 30s (default: not at all)."`
}

// awaitLock returns when nobody holds the lock, or *store.LockedError when somebody still does at that time.
func (a *app) awaitLock(ctx context.Context, st store.Store, until time.Time) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		lock, err := st.Lock(ctx)
		if err != nil || lock == nil {
			return err
		}
		left := time.Until(until)
		if left <= 0 {
			return &store.LockedError{Store: st.String(), ID: lock.ID, Holder: lock.Holder}
		}
		if wait == 50*time.Millisecond {
			a.screen.Info("Waiting for %s@%s (pid %d, `%s`) ...", lock.Holder.User, lock.Holder.Host, lock.Holder.PID, lock.Holder.Command)
		}
		timer := time.NewTimer(min(wait, left))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("interrupted while waiting for the lock: %w", ctx.Err())
		}
	}
}
