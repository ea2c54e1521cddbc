package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/lockedfile"
	"golang.org/x/sync/errgroup"

	"github.com/devstream-io/dtm/plugins"
)

func (o Options) home() string    { return filepath.Join(o.Dir, ".devstream", "plugins") }
func (o Options) staging() string { return filepath.Join(o.home(), ".new") }

// place is where a plugin is installed. platform is the name it has in dtm.lock.
func (o Options) place(name, version, platform string) string {
	return filepath.Join(o.home(), name, version, flat(platform))
}

// alone waits until no other process installs plugins here.
func (o Options) alone(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(o.home(), 0o755); err != nil {
		return nil, onDisk(err)
	}
	// What is installed is for this machine; dtm.lock is what is committed.
	ignore := filepath.Join(o.home(), ".gitignore")
	if there, err := exists(ignore); err != nil {
		return nil, onDisk(err)
	} else if !there {
		if err := os.WriteFile(ignore, []byte("*\n"), 0o644); err != nil {
			return nil, onDisk(err)
		}
	}
	type held struct {
		unlock func()
		err    error
	}
	got := make(chan held)
	go func() {
		unlock, err := lockedfile.MutexAt(filepath.Join(o.home(), ".lock")).Lock()
		select {
		case got <- held{unlock, err}:
		case <-ctx.Done():
			if err == nil {
				unlock()
			}
		}
	}()
	select {
	case h := <-got:
		return h.unlock, onDisk(h.err)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// install does what is to be done. All that can fail for many reasons comes before anything is changed.
func (o Options) install(ctx context.Context, lock Lock, wishes []Wish) (_ Result, err error) {
	fresh := lock.clone()
	result := Result{Extra: lock.extra(wishes)}
	if o.Upgrade {
		result.Forgotten = len(result.Extra) > 0
		for _, name := range result.Extra {
			delete(fresh.Plugins, name)
		}
	}
	bundled, err := o.bundled()
	if err != nil {
		return Result{}, err
	}
	// What a killed process left is of no use to anybody.
	if err := os.RemoveAll(o.staging()); err != nil {
		return Result{}, onDisk(err)
	}
	defer func() {
		if failed := os.RemoveAll(o.staging()); err == nil {
			err = failed
		}
	}()

	tasks := make([]*task, len(wishes))
	errs := make([]error, len(wishes))
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, w := range wishes {
		old, known := lock.Plugins[w.Name]
		tasks[i] = &task{o: o, wish: w, old: old, known: known}
		if bundled != nil {
			e, ok := bundled.Plugins[w.Name]
			tasks[i].bundled, tasks[i].inBundle = e, ok
		}
		group.Go(func() error {
			errs[i] = of(w.Name, tasks[i].prepare(ctx))
			return nil
		})
	}
	_ = group.Wait() // they say it in errs, so that one does not hide the others
	if cause := context.Cause(ctx); cause != nil {
		return Result{}, cause
	}
	if err := errors.Join(errs...); err != nil {
		return Result{}, err
	}

	for i, t := range tasks {
		if t.staged != "" {
			if err := o.step("install " + t.wish.Name); err != nil {
				return Result{}, err
			}
			target := o.place(t.wish.Name, t.entry.Version, t.platform)
			if err := replace(t.staged, target, filepath.Join(o.staging(), fmt.Sprintf("old-%d", i))); err != nil {
				return Result{}, of(t.wish.Name, onDisk(err))
			}
		}
		fresh.Plugins[t.wish.Name] = t.entry
		result.Plugins = append(result.Plugins, t.done)
	}
	if err := o.step("lock"); err != nil {
		return Result{}, err
	}
	result.LockWritten, err = fresh.write(o.Dir)
	if err != nil {
		return Result{}, onDisk(err)
	}
	return result, nil
}

// bundled is the dtm.lock of the bundle, nil where there is none to use.
func (o Options) bundled() (*Lock, error) {
	if o.Bundle == "" {
		return nil, nil
	}
	lock, err := ReadLock(o.Bundle)
	if err == nil && lock.Plugins == nil {
		err = fmt.Errorf("%s: %w", filepath.Join(o.Bundle, LockName), fs.ErrNotExist)
	}
	if err != nil {
		return nil, plugins.Hinted(fmt.Errorf("the bundle: %w", err), "`dtm bundle create` makes one")
	}
	return &lock, nil
}
