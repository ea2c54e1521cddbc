package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/devstream-io/dtm/plugins"
)

// Outcome is what [Init] did about a plugin.
type Outcome string

// What Init may have done.
const (
	Unchanged Outcome = "unchanged"
	// Fetched tells that the plugin was not installed before, or not as dtm.lock says.
	Fetched Outcome = "installed"
	// Upgraded tells that it is another one than before.
	Upgraded Outcome = "upgraded"
	// Local tells that it is a folder, which is used as it is.
	Local Outcome = "local"
)

// Result is what [Init] did.
type Result struct {
	// Plugins are those of the wishes, in their order.
	Plugins []Done
	// Extra are those that dtm.lock has and no wish names. They stay there, as the state may have tools of theirs; if
	// Forgotten, they are not there any more.
	Extra     []string
	Forgotten bool
	// LockWritten tells that dtm.lock is another one than before.
	LockWritten bool
}

// Done is what [Init] did about a plugin.
type Done struct {
	Name, Version string
	// From is the version before, if it is upgraded.
	From    string
	Outcome Outcome
	// Env are the variables of the user's environment that it gets now and did not get before.
	Env []string
	// Notes are what the user should know, a sentence without a full stop each.
	Notes []string
}

// Changed tells whether Init did anything.
func (r Result) Changed() bool {
	return r.LockWritten || slices.ContainsFunc(r.Plugins, func(d Done) bool { return d.Outcome == Fetched || d.Outcome == Upgraded })
}

// Init sees to it that every plugin that is wished for is installed, verified and in dtm.lock. If all of them are already,
// it touches neither the network nor any file. What dtm.lock says is not changed unless Options.Upgrade is set: a wish that
// is no longer for that is a [*DifferError]. If it fails, nothing of what was installed before has changed. It may run in
// several processes at the same time: one waits for the other.
func Init(ctx context.Context, o Options, wishes []Wish) (Result, error) {
	o = o.with()
	if err := o.check(wishes); err != nil {
		return Result{}, err
	}
	lock, err := ReadLock(o.Dir)
	if err != nil {
		return Result{}, err
	}
	if len(wishes) == 0 && len(lock.Plugins) == 0 {
		return Result{}, nil
	}
	if result, ok := o.settled(ctx, lock, wishes); ok || ctx.Err() != nil {
		return result, context.Cause(ctx)
	}
	unlock, err := o.alone(ctx)
	if err != nil {
		return Result{}, err
	}
	defer unlock()
	// Whoever was here before may have done it all.
	if lock, err = ReadLock(o.Dir); err != nil {
		return Result{}, err
	}
	if result, ok := o.settled(ctx, lock, wishes); ok {
		return result, nil
	}
	return o.install(ctx, lock, wishes)
}

// check looks at the wishes alone.
func (o Options) check(wishes []Wish) error {
	var errs []error
	for i, w := range wishes {
		err := validName(w.Name)
		switch {
		case err != nil:
		case o.BuiltIn(w.Name):
			err = builtIn(w.Name)
		case slices.ContainsFunc(wishes[:i], func(other Wish) bool { return other.Name == w.Name }):
			err = errors.New("it is there twice")
		default:
			if _, err = parseSource(w.Source); err == nil {
				_, err = fits(w.Version, "0.0.0")
			}
			if err == nil {
				_, err = o.keyOf(w)
			}
		}
		if err != nil {
			errs = append(errs, of(w.Name, err))
		}
	}
	return errors.Join(errs...)
}

func builtIn(name string) error {
	return plugins.Hinted(fmt.Errorf("%s is built in", name), "give the plugin another name, in its plugin.json as well")
}

// of says which plugin an error is about.
func of(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("plugin %s: %w", name, err)
}

// settled tells whether there is nothing to do, and what to say of it.
func (o Options) settled(ctx context.Context, lock Lock, wishes []Wish) (Result, bool) {
	if o.Upgrade {
		return Result{}, false
	}
	result := Result{Plugins: make([]Done, len(wishes)), Extra: lock.extra(wishes)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, w := range wishes {
		group.Go(func() error {
			e, known := lock.Plugins[w.Name]
			if !known || e.Constraint != w.Version || o.differs(w, e) != nil {
				return errUnsettled
			}
			found, err := o.found(ctx, w.Name, e)
			if err != nil || e.Local && (found.Version != e.Version || !slices.Equal(found.Env, e.Env)) {
				return errUnsettled
			}
			result.Plugins[i] = Done{Name: w.Name, Version: e.Version, Outcome: Unchanged}
			if e.Local {
				result.Plugins[i].Outcome = Local
			}
			return nil
		})
	}
	return result, group.Wait() == nil
}

var errUnsettled = errors.New("there is something to do")

// extra are the plugins that no wish names, sorted.
func (l Lock) extra(wishes []Wish) []string {
	var names []string
	for name := range l.Plugins {
		if !slices.ContainsFunc(wishes, func(w Wish) bool { return w.Name == name }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
