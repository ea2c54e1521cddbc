package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/devstream-io/dtm/plugins"
)

// grace is how long a container has to end by itself when it is stopped.
const grace = 2 * time.Minute

// ErrEnded says that a container has ended by itself.
var ErrEnded = errors.New("it ended by itself")

// Job is how a container is put in place.
type Job struct {
	Want Spec
	// Mine looks at a container of that name that exists, and returns an error if it must not be touched.
	Mine func(*Container) error
	// Ready waits until the container that runs is ready. An error that wraps [ErrEnded] says that it does not run any more.
	Ready func(context.Context) error
}

// Put makes the container that is wanted, or makes the one that exists into it. It is made anew only where it differs in
// what cannot be changed as it stands. Then the image is pulled first; the old container keeps running until the new one
// has been made, waits under another name ([Spare]) until the new one is ready, and only then is removed. If the new one
// cannot be started, the old one is started again; so it is if the new one ends by itself, unless it is of another image:
// that may have changed the data in a way that the old one does not understand.
//
// Where it is interrupted, the next Put goes on. After the end of ctx nothing is put back.
func (e *Engine) Put(ctx context.Context, job Job) (*Container, error) {
	want := job.Want
	current, spare, err := e.settle(ctx, job)
	if err != nil {
		return nil, err
	}
	if current != nil && spare == nil && len(current.Differs(want)) > 0 {
		current, spare = nil, current
	}
	fresh := current == nil
	if fresh {
		if current, err = e.make(ctx, want, spare); err != nil {
			return nil, err
		}
	} else if current.Restart != want.Restart {
		if err := e.setRestart(ctx, current, want.Restart); err != nil {
			return nil, err
		}
	}
	if spare != nil {
		if err := e.retire(ctx, spare); err != nil {
			return nil, e.putBack(ctx, current, spare, want, err)
		}
	}
	if current.State != "running" {
		plugins.Report(ctx, "starting container "+want.Name)
		if err := e.start(ctx, current); err != nil {
			switch {
			case spare != nil:
				err = e.putBack(ctx, current, spare, want, err)
			case fresh && ctx.Err() == nil:
				err = joined(err, e.remove(ctx, current, true))
			}
			return nil, err
		}
	}
	if err := job.Ready(ctx); err != nil {
		if errors.Is(err, ErrEnded) && spare != nil && spare.Image == want.Image {
			err = e.putBack(ctx, current, spare, want, err)
		}
		return nil, err
	}
	if spare != nil {
		if err := e.remove(ctx, spare, false); err != nil {
			return nil, err
		}
	}
	made, err := e.Inspect(ctx, want.Name)
	if err == nil && made == nil {
		err = plugins.Retryable(fmt.Errorf("container %s was removed by somebody else", want.Name), 0)
	}
	return made, err
}

// Spare is the name under which a container waits while the one that is to follow it is put in its place.
func Spare(name string) string { return name + "-dtm-old" }

// settle finds the container and, if an earlier Put was interrupted, the one that it was to follow. It brings back the
// latter under its own name where the former has never run.
func (e *Engine) settle(ctx context.Context, job Job) (current, spare *Container, err error) {
	name := job.Want.Name
	for _, look := range []struct {
		name string
		into **Container
	}{{name, &current}, {Spare(name), &spare}} {
		c, err := e.Inspect(ctx, look.name)
		if err != nil {
			return nil, nil, err
		}
		if c != nil {
			if err := job.Mine(c); err != nil {
				return nil, nil, err
			}
		}
		*look.into = c
	}
	if spare == nil {
		return current, nil, nil
	}
	if current != nil {
		if len(current.Differs(job.Want)) == 0 {
			return current, spare, nil
		}
		if current.State != "created" {
			// Its data may be of a newer version already: the old one must not run again.
			return current, nil, e.remove(ctx, spare, false)
		}
		if err := e.remove(ctx, current, true); err != nil {
			return nil, nil, err
		}
	}
	if err := e.rename(ctx, spare, name); err != nil {
		return nil, nil, err
	}
	current, err = e.Inspect(ctx, name)
	return current, nil, err
}

// make makes the container, in the place of spare if there is one, which keeps running under another name.
func (e *Engine) make(ctx context.Context, want Spec, spare *Container) (*Container, error) {
	if err := e.Pull(ctx, want.Image); err != nil {
		return nil, err
	}
	if spare == nil {
		return e.create(ctx, want)
	}
	// One that ends again and again is of no use meanwhile, and between two ends the engine cannot rename it.
	if spare.State == "restarting" || spare.Restarts > 0 {
		if err := e.retire(ctx, spare); err != nil {
			return nil, err
		}
	}
	if err := e.rename(ctx, spare, Spare(want.Name)); err != nil {
		return nil, err
	}
	made, err := e.create(ctx, want)
	if err != nil {
		err = e.putBack(ctx, nil, spare, want, err)
	}
	return made, err
}

// retire stops a container for good: without its policy the engine would start it again with the machine.
func (e *Engine) retire(ctx context.Context, c *Container) error {
	if c.Restart != "no" {
		if err := e.setRestart(ctx, c, "no"); err != nil {
			return err
		}
	}
	if slices.Contains([]string{"created", "exited", "dead"}, c.State) {
		return nil
	}
	plugins.Report(ctx, "stopping the container that is to be replaced")
	return e.stop(ctx, c)
}

// putBack takes the new container away, if there is one, and sees to it that the old one runs again. It returns why it did,
// and what went wrong with it.
func (e *Engine) putBack(ctx context.Context, current, spare *Container, want Spec, why error) error {
	if ctx.Err() != nil {
		return why
	}
	plugins.Report(ctx, "putting the former container back")
	steps := []func() error{
		func() error {
			if current == nil {
				return nil
			}
			return e.remove(ctx, current, true)
		},
		func() error { return e.rename(ctx, spare, want.Name) },
		func() error { return e.setRestart(ctx, spare, spare.Restart) },
		func() error { return e.start(ctx, &Container{ID: spare.ID}) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return joined(why, err)
		}
	}
	return why
}

// joined is err, with what went wrong when it was cleared up after.
func joined(err, after error) error {
	if after == nil {
		return err
	}
	return fmt.Errorf("%w; and then: %w", err, after)
}

// Rename gives a container another name. The new name must be free. One that is between two of its lives is stopped for that:
// the engine could not rename it.
func (e *Engine) Rename(ctx context.Context, c *Container, name string) error {
	if c.State == "restarting" {
		if err := e.retire(ctx, c); err != nil {
			return err
		}
	}
	return e.rename(ctx, c, name)
}

// Remove stops a container, removes it and waits until it is gone. That it is gone already is no error. Folders, named
// volumes and the image stay, and so do the volumes without a name of a container that dtm has not made.
func (e *Engine) Remove(ctx context.Context, c *Container) error {
	if c.Running() || c.State == "paused" {
		plugins.Report(ctx, "stopping container "+c.Name)
		if err := e.stop(ctx, c); err != nil {
			return err
		}
	}
	return e.remove(ctx, c, c.Owner != "")
}
