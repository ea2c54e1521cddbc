package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/devstream-io/dtm/plugins"
)

// Bundle is what [CreateBundle] put into a folder.
type Bundle struct {
	// Archives is how many there are, Bytes what they have together.
	Archives int
	Bytes    int64
	// Local are the plugins that are not in it, as they are folders of this machine, sorted.
	Local []string
}

// CreateBundle writes dtm.lock and the archives that it names into dir, which need not exist, for the platforms, or for
// all in dtm.lock if there are none. Archives come from the cache or from their sources, and are checked. What a bundle
// has already is not fetched again; dtm.lock is written last, so that a folder without one is no bundle.
func CreateBundle(ctx context.Context, o Options, dir string, platforms []string) (Bundle, error) {
	o = o.with()
	lock, err := ReadLock(o.Dir)
	if err != nil {
		return Bundle{}, err
	}
	if len(lock.Plugins) == 0 {
		return Bundle{}, plugins.Hinted(fmt.Errorf("%s has no plugins to bundle", filepath.Join(o.Dir, LockName)), initHint)
	}
	if same(dir, o.Dir) {
		return Bundle{}, plugins.Hinted(errors.New("the bundle cannot be the folder of the configuration"), "name another folder")
	}
	if _, err := ReadLock(dir); err != nil {
		return Bundle{}, fmt.Errorf("the bundle that is there: %w", err)
	}
	made := Bundle{}
	tasks := map[string]*task{} // by digest, so that no archive is fetched twice
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(lock.Plugins)) {
		e := lock.Plugins[name]
		if e.Local {
			made.Local = append(made.Local, name)
			continue
		}
		for _, platform := range wanted(e, platforms) {
			as, p, ok := e.on(platform)
			if !ok {
				errs = append(errs, of(name, plugins.Hinted(wrongPlatform(e, platform), "`dtm init` on such a machine adds it to dtm.lock, if its author has it")))
				continue
			}
			src, err := parseSource(e.Source)
			if err != nil {
				return Bundle{}, err
			}
			t := &task{o: o, wish: Wish{Name: name, Source: e.Source}, src: src, entry: e, label: name}
			t.o.Platform = platform
			if as != anyPlatform {
				t.label += " " + platform
			}
			tasks[p.Archive] = t
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Bundle{}, err
	}
	shelf := Options{Bundle: dir}.bundle()
	if err := os.MkdirAll(string(shelf), 0o755); err != nil {
		return Bundle{}, onDisk(err)
	}
	digests := slices.Sorted(maps.Keys(tasks))
	sizes := make([]int64, len(digests))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, digest := range digests {
		group.Go(func() (err error) {
			sizes[i], err = tasks[digest].copyTo(ctx, shelf, digest)
			return of(tasks[digest].wish.Name, err)
		})
	}
	if err := group.Wait(); err != nil {
		return Bundle{}, err
	}
	for _, size := range sizes {
		made.Archives++
		made.Bytes += size
	}
	if _, err := lock.write(dir); err != nil {
		return Bundle{}, onDisk(err)
	}
	return made, nil
}

// wanted are the platforms to bundle of an entry.
func wanted(e Entry, platforms []string) []string {
	if len(platforms) == 0 {
		return slices.Sorted(maps.Keys(e.Platforms))
	}
	return platforms
}

func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// copyTo puts an archive into a bundle, unless it is there, and returns its size.
func (t *task) copyTo(ctx context.Context, s shelf, digest string) (int64, error) {
	if f, size, err := s.open(ctx, digest); err == nil {
		return size, f.Close()
	}
	f, size, err := t.archive(ctx, Platform{Archive: digest})
	if err != nil {
		return 0, err
	}
	defer f.Close()
	quiet := t.o
	quiet.Progress = func(Progress) {}
	_, err = quiet.take(ctx, s, t.label, digest, func(take func(io.Reader, int64) error) error {
		return take(io.NewSectionReader(f, 0, size), size)
	})
	return size, err
}
