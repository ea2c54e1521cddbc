package promise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// soon is far longer than any verb needs to notice that its ctx is done, on the slowest machine.
const soon = 10 * time.Second

// accidentChecks are about other hands, cancelled contexts and tools side by side.
func accidentChecks() []Promise {
	drifts := unless("nobody can change it behind the plugin's back", func(s Subject) bool { return s.Drift != nil })
	return []Promise{
		{Name: "drift is seen and repaired", lacks: drifts, run: inOne(func(ctx context.Context, s Subject) error {
			r, err := s.created(ctx)
			if err != nil {
				return err
			}
			if err := s.Drift(); err != nil {
				return fmt.Errorf("drift: %w", err)
			}
			drifted, err := s.Kind.Read(ctx, s.Want, r)
			if err != nil {
				return fmt.Errorf("read after drift: %w", err)
			}
			if same("", r, "", drifted) == nil {
				return fmt.Errorf("read does not see the drift, it still returns %s", r)
			}
			repaired, err := s.updated(ctx, s.Want, s.Want, r)
			if err != nil {
				return err
			}
			if same("", drifted, "", repaired) == nil {
				return fmt.Errorf("update does not repair the drift, read still returns %s", drifted)
			}
			return s.deleted(ctx, s.Want, repaired)
		})},
		{Name: "delete removes what has drifted", lacks: drifts, run: inOne(func(ctx context.Context, s Subject) error {
			r, err := s.created(ctx)
			if err != nil {
				return err
			}
			if err := s.Drift(); err != nil {
				return fmt.Errorf("drift: %w", err)
			}
			return s.deleted(ctx, s.Want, r)
		})},
		{Name: "update makes what was removed by hand", run: removedByHand(func(s Subject) json.RawMessage { return s.Want })},
		{Name: "update to a new wish makes what was removed by hand", run: removedByHand(func(s Subject) json.RawMessage { return s.Changed })},
		{
			Name:  "rename makes what was removed by hand",
			lacks: renames(),
			run:   removedByHand(func(s Subject) json.RawMessage { return s.Renamed }),
		},
		{Name: "delete of what was removed by hand is no error", run: inOne(func(ctx context.Context, s Subject) error {
			r, err := s.created(ctx)
			if err != nil {
				return err
			}
			if err := s.removed(ctx, r); err != nil {
				return err
			}
			return s.deleted(ctx, s.Want, r)
		})},
		{Name: "a cancelled verb ends soon and changes nothing", run: inOne(cancelled)},
		{
			Name:  "different tools may be managed at the same time",
			lacks: unless("there are no wishes for other tools", func(s Subject) bool { return len(s.Others) > 0 }),
			run:   inOne(atTheSameTime),
		},
	}
}

func removedByHand(wish func(Subject) json.RawMessage) func(context.Context, func() (Subject, error)) error {
	return inOne(func(ctx context.Context, s Subject) error {
		r, err := s.created(ctx)
		if err != nil {
			return err
		}
		if err := s.removed(ctx, r); err != nil {
			return err
		}
		if err := s.missing(ctx, s.Want, r); err != nil {
			return err
		}
		r, err = s.updated(ctx, wish(s), s.Want, r)
		if err != nil {
			return err
		}
		if err := s.exists(ctx, wish(s), true); err != nil {
			return err
		}
		return s.deleted(ctx, wish(s), r)
	})
}

func cancelled(ctx context.Context, s Subject) error {
	done, cancel := context.WithCancel(ctx)
	cancel()
	err := endsCancelled("create", func() error { _, err := s.Kind.Create(done, s.Want); return err })
	if err != nil {
		return err
	}
	if err := s.exists(ctx, s.Want, false); err != nil {
		return fmt.Errorf("after a cancelled create: %w", err)
	}
	if err := s.empty("after a cancelled create"); err != nil {
		return err
	}

	r, err := s.created(ctx)
	if err != nil {
		return err
	}
	verbs := map[string]func() error{
		"read":   func() error { _, err := s.Kind.Read(done, s.Want, r); return err },
		"update": func() error { _, err := s.Kind.Update(done, s.Changed, s.Want, r); return err },
		"delete": func() error { return s.Kind.Delete(done, s.Want, r) },
	}
	for _, verb := range []string{"read", "update", "delete"} {
		if err := endsCancelled(verb, verbs[verb]); err != nil {
			return err
		}
		if err := s.readsBack(ctx, "create", s.Want, r); err != nil {
			return fmt.Errorf("after a cancelled %s: %w", verb, err)
		}
	}
	return nil
}

func endsCancelled(verb string, call func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- call() }()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%s with a cancelled ctx returned %v, want an error that wraps context.Canceled", verb, err)
		}
		return nil
	case <-time.After(soon):
		return fmt.Errorf("%s has not returned %v after its ctx was done", verb, soon)
	}
}

func atTheSameTime(ctx context.Context, s Subject) error {
	var (
		group sync.WaitGroup
		errs  = make([]error, len(s.Others))
		made  = make([]json.RawMessage, len(s.Others))
	)
	for i, want := range s.Others {
		group.Go(func() {
			errs[i] = func() error {
				r, err := s.Kind.Create(ctx, want)
				if err != nil {
					return fmt.Errorf("create: %w", err)
				}
				if err := s.readsBack(ctx, "create", want, r); err != nil {
					return err
				}
				made[i], err = s.updated(ctx, want, want, r)
				return err
			}()
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i, want := range s.Others {
		group.Go(func() { errs[i] = s.Kind.Delete(ctx, want, made[i]) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return s.empty("after every delete")
}
