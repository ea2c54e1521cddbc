package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/devstream-io/dtm/store"
)

type stateLockCmd struct {
	stateFlags
	Output string `short:"o" enum:"text,json" default:"text" placeholder:"FORMAT" help:"text or json."`
}

// Run shows who is applying.
func (c *stateLockCmd) Run(ctx context.Context, a *app) error {
	p, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	lock, err := p.store.Lock(ctx)
	if err != nil {
		return err
	}
	return a.print(func(w io.Writer) error {
		if c.Output == "json" {
			return writeJSON(w, struct {
				Lock *store.Lock `json:"lock"`
			}{lock})
		}
		if lock == nil {
			a.screen.Info("Nobody is applying: %s is free.", relative(p.store.String()))
			return nil
		}
		heartbeat := "the process is alive"
		if !lock.Heartbeat.IsZero() {
			heartbeat = when(lock.Heartbeat, p.engine.Now())
		}
		h := lock.Holder
		_, err := fmt.Fprintf(w, "id         %s\nwho        %s@%s (pid %d)\ncommand    %s\nsince      %s\nheartbeat  %s\n",
			lock.ID, h.User, h.Host, h.PID, h.Command, when(h.Since, p.engine.Now()), heartbeat)
		if err == nil && !lock.Expires.IsZero() {
			_, err = fmt.Fprintf(w, "expires    %s without another\n", lock.Expires.Local().Format(time.RFC3339))
		}
		return err
	})
}

// when is a time, and how long ago it was.
func when(t, now time.Time) string {
	return fmt.Sprintf("%s (%s ago)", t.Local().Format(time.RFC3339), now.Sub(t).Round(time.Second))
}

type stateUnlockCmd struct {
	stateFlags
	ID string `required:"" placeholder:"ID" help:"The lock, as \"dtm state lock\" shows it."`
}

// Run takes the lock away.
func (c *stateUnlockCmd) Run(ctx context.Context, a *app) error {
	p, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	if err := p.store.Unlock(ctx, c.ID); err != nil {
		if errors.Is(err, store.ErrNotLocked) {
			return hinted{err, "`dtm state lock` shows who holds it"}
		}
		return err
	}
	a.screen.Success("The lock is free. What the run had begun and not recorded is in doubt; the next plan looks at it.")
	return nil
}
