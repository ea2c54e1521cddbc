package promise

import (
	"context"
	"fmt"
)

// lifeChecks are about a tool's life when nothing goes wrong.
func lifeChecks() []Promise {
	return []Promise{
		{Name: "read before create finds nothing", run: inOne(func(ctx context.Context, s Subject) error {
			if err := s.missing(ctx, s.Want, nil); err != nil {
				return err
			}
			return s.empty("after a read")
		})},
		{Name: "read after create returns the same", run: inOne(func(ctx context.Context, s Subject) error {
			_, err := s.created(ctx)
			return err
		})},
		{Name: "a resource survives JSON", run: inOne(func(ctx context.Context, s Subject) error {
			r, err := s.created(ctx)
			if err != nil {
				return err
			}
			return survivesJSON(r)
		})},
		{Name: "create twice adopts", run: inOne(func(ctx context.Context, s Subject) error {
			first, err := s.created(ctx)
			if err != nil {
				return err
			}
			second, err := s.created(ctx)
			if err != nil {
				return fmt.Errorf("the second time: %w", err)
			}
			if err := same("what the first create returned", first, "what the second returned", second); err != nil {
				return err
			}
			return s.deleted(ctx, s.Want, second)
		})},
		{Name: "create adopts what other options left", run: inOne(func(ctx context.Context, s Subject) error {
			if _, err := s.Kind.Create(ctx, s.Changed); err != nil {
				return fmt.Errorf("create: %w", err)
			}
			r, err := s.created(ctx)
			if err != nil {
				return err
			}
			return s.deleted(ctx, s.Want, r)
		})},
		{Name: "update reaches the new wish", run: inOne(func(ctx context.Context, s Subject) error {
			r, err := s.created(ctx)
			if err != nil {
				return err
			}
			changed, err := s.updated(ctx, s.Changed, s.Want, r)
			if err != nil {
				return err
			}
			if same("", r, "", changed) == nil {
				return fmt.Errorf("the update to Changed left the resource as it was: %s", r)
			}
			if err := s.exists(ctx, s.Changed, true); err != nil {
				return err
			}
			return s.deleted(ctx, s.Changed, changed)
		})},
		{Name: "read of what nobody remembers finds it", run: inOne(func(ctx context.Context, s Subject) error {
			r, err := s.created(ctx)
			if err != nil {
				return err
			}
			found, err := s.Kind.Read(ctx, s.Want, nil)
			if err != nil {
				return fmt.Errorf("read without a last resource, as adopt does: %w", err)
			}
			return same("what create returned", r, "what a read without a last resource returned", found)
		})},
		{Name: "update of what was only begun reaches the new wish", run: inOne(func(ctx context.Context, s Subject) error {
			if _, err := s.created(ctx); err != nil {
				return err
			}
			// The process died before the resource was recorded, and then the wish changed.
			changed, err := s.updated(ctx, s.Changed, s.Want, nil)
			if err != nil {
				return err
			}
			return s.deleted(ctx, s.Changed, changed)
		})},
		{Name: "update of what was not even begun makes it", run: inOne(func(ctx context.Context, s Subject) error {
			changed, err := s.updated(ctx, s.Changed, s.Want, nil)
			if err != nil {
				return err
			}
			if err := s.exists(ctx, s.Changed, true); err != nil {
				return err
			}
			return s.deleted(ctx, s.Changed, changed)
		})},
		{Name: "update to the same changes nothing", run: inOne(func(ctx context.Context, s Subject) error {
			r, err := s.created(ctx)
			if err != nil {
				return err
			}
			again, err := s.updated(ctx, s.Want, s.Want, r)
			if err != nil {
				return err
			}
			return same("what create returned", r, "what the update to the same returned", again)
		})},
		{Name: "an update that was not recorded can be repeated", run: inOne(func(ctx context.Context, s Subject) error {
			r, err := s.created(ctx)
			if err != nil {
				return err
			}
			return s.repeated(ctx, s.Changed, r)
		})},
		{Name: "rename leaves nothing of the old", lacks: renames(), run: inOne(func(ctx context.Context, s Subject) error {
			r, err := s.created(ctx)
			if err != nil {
				return err
			}
			moved, err := s.updated(ctx, s.Renamed, s.Want, r)
			if err != nil {
				return err
			}
			if err := s.exists(ctx, s.Renamed, true); err != nil {
				return err
			}
			if err := s.exists(ctx, s.Want, false); err != nil {
				return err
			}
			return s.deleted(ctx, s.Renamed, moved)
		})},
		{Name: "a rename that was not recorded can be repeated", lacks: renames(), run: inOne(func(ctx context.Context, s Subject) error {
			r, err := s.created(ctx)
			if err != nil {
				return err
			}
			if err := s.repeated(ctx, s.Renamed, r); err != nil {
				return err
			}
			return s.exists(ctx, s.Want, false)
		})},
		{Name: "delete removes", run: inOne(func(ctx context.Context, s Subject) error {
			r, err := s.created(ctx)
			if err != nil {
				return err
			}
			return s.deleted(ctx, s.Want, r)
		})},
		{Name: "delete twice is no error", run: inOne(func(ctx context.Context, s Subject) error {
			r, err := s.created(ctx)
			if err != nil {
				return err
			}
			if err := s.deleted(ctx, s.Want, r); err != nil {
				return err
			}
			if err := s.deleted(ctx, s.Want, r); err != nil {
				return fmt.Errorf("the second time: %w", err)
			}
			return nil
		})},
		{Name: "create after delete begins anew", run: inOne(func(ctx context.Context, s Subject) error {
			r, err := s.created(ctx)
			if err != nil {
				return err
			}
			if err := s.deleted(ctx, s.Want, r); err != nil {
				return err
			}
			_, err = s.created(ctx)
			return err
		})},
		{Name: "delete needs no recorded resource", run: inOne(func(ctx context.Context, s Subject) error {
			if _, err := s.created(ctx); err != nil {
				return err
			}
			return s.deleted(ctx, s.Want, nil)
		})},
		{Name: "delete of what never was is no error", run: inOne(func(ctx context.Context, s Subject) error {
			return s.deleted(ctx, s.Want, nil)
		})},
		{
			Name:  "a DevStream resource means what read returns",
			lacks: unless("there is no resource of DevStream's", func(s Subject) bool { return s.Old != nil }),
			run: inOne(func(ctx context.Context, s Subject) error {
				r, err := s.created(ctx)
				if err != nil {
					return err
				}
				meant, err := s.Kind.Succeed(ctx, s.Want, s.Old)
				if err != nil {
					return fmt.Errorf("succeed: %w", err)
				}
				return same("what create returned", r, "what the resource of DevStream means", meant)
			}),
		},
	}
}

// inOne is a check in a single world.
func inOne(run func(context.Context, Subject) error) func(context.Context, func() (Subject, error)) error {
	return func(ctx context.Context, fresh func() (Subject, error)) error {
		s, err := fresh()
		if err != nil {
			return err
		}
		return run(ctx, s)
	}
}
