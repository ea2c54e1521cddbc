package registry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/plugins"
)

// unpack unpacks the archive beside where it is to be, unless it is there, and fills in the entry.
func (t *task) unpack(ctx context.Context, p Platform) error {
	if p.Tree != "" && t.entry.Version != "" {
		if m, ok := t.inPlace(ctx, t.entry.Version, p.Tree); ok {
			t.finish(m, p)
			return nil
		}
	}
	f, size, err := t.archive(ctx, p)
	if err != nil {
		return err
	}
	defer f.Close()
	dir := filepath.Join(t.o.staging(), t.wish.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return onDisk(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return onDisk(err)
	}
	defer root.Close()
	if err := unpack(ctx, f, size, root, t.o.limits); err != nil {
		return onDisk(err)
	}
	m, err := t.manifest(dir)
	if err == nil {
		err = t.o.readable(m.Name, dir)
	}
	if err != nil {
		return fmt.Errorf("its archive: %w", below(err, dir))
	}
	t.entry.Version = m.Version
	tree, err := treeDigest(ctx, dir)
	if err != nil {
		return err
	}
	if p.Tree != "" && p.Tree != tree {
		return plugins.Hinted(&wrongSum{"what is in the archive", p.Tree, tree}, "dtm.lock does not fit itself: take it from version control again")
	}
	p.Tree = tree
	t.entry.Platforms[t.platform] = p
	t.staged = dir
	if _, ok := t.inPlace(ctx, m.Version, tree); ok {
		t.staged = "" // installed by somebody who did not come to write it down
	}
	t.finish(m, p)
	return nil
}

// inPlace tells whether what is to be installed is there and well.
func (t *task) inPlace(ctx context.Context, version, tree string) (Manifest, bool) {
	target := t.o.place(t.wish.Name, version, t.platform)
	if found, err := treeDigest(ctx, target); err != nil || found != tree {
		return Manifest{}, false
	}
	m, err := t.manifest(target)
	return m, err == nil
}

// finish says what was done.
func (t *task) finish(m Manifest, p Platform) {
	t.done.Env = without(m.Env, t.old.Env)
	if t.known && t.old.Version == m.Version && len(t.entry.Platforms) > 1 {
		// On another platform it may want others.
		t.entry.Env = append(slices.Clone(t.old.Env), t.done.Env...)
	} else {
		t.entry.Env = m.Env
	}
	t.done.Version = m.Version
	switch before := t.old.Platforms[t.platform]; {
	case t.known && (t.old.Version != m.Version || before.Archive != "" && before.Archive != p.Archive):
		t.done.Outcome, t.done.From = Upgraded, t.old.Version
	case t.staged == "" && t.known:
		t.done.Outcome = Unchanged
	}
}

// below is an error without the place that a folder has for a moment.
func below(err error, dir string) error {
	text := strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")
	text = strings.ReplaceAll(text, dir, "it")
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return plugins.Hinted(errors.New(text), h.Hint())
	}
	return errors.New(text)
}
