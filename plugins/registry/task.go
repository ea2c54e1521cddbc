package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/plugins"
)

// task is the installation of one plugin.
type task struct {
	o    Options
	wish Wish
	src  source
	key  *key
	// label is the name that downloads have, if it is not the plugin's.
	label string

	// old is what dtm.lock says, if known; bundled what the bundle's does, if inBundle.
	old, bundled    Entry
	known, inBundle bool

	// entry is what dtm.lock is to say, and platform the name in it of the archive to install.
	entry    Entry
	platform string
	// staged is the unpacked folder, empty where what is installed is right.
	staged string
	done   Done
}

func (t *task) note(format string, args ...any) {
	t.done.Notes = append(t.done.Notes, fmt.Sprintf(format, args...))
}

// prepare does all that changes nothing yet: it finds, fetches, checks and unpacks.
func (t *task) prepare(ctx context.Context) (err error) {
	t.done = Done{Name: t.wish.Name, Outcome: Fetched}
	if t.src, err = parseSource(t.wish.Source); err != nil {
		return err
	}
	if t.key, err = t.o.keyOf(t.wish); err != nil {
		return err
	}
	if t.known && !t.o.Upgrade {
		if err := t.o.differs(t.wish, t.old); err != nil {
			return err
		}
	}
	folder, err := t.folder()
	if err != nil {
		return err
	}
	if folder != "" {
		return t.local(folder)
	}
	switch {
	case t.known && !t.o.Upgrade:
		t.entry = t.old
		t.entry.Constraint = t.wish.Version
		t.entry.Platforms = maps.Clone(t.old.Platforms)
		if _, _, ok := t.entry.on(t.o.Platform); !ok {
			err = t.extend(ctx)
		}
	case t.o.Bundle != "":
		err = t.fromBundle()
	default:
		err = t.anew(ctx)
	}
	if err != nil {
		return err
	}
	name, p, ok := t.entry.on(t.o.Platform)
	if !ok {
		return wrongPlatform(t.entry, t.o.Platform)
	}
	t.platform = name
	return t.unpack(ctx, p)
}

// folder is the folder that the wish is for, empty if it is none.
func (t *task) folder() (string, error) {
	if t.src.kind != onPath || placeholder.MatchString(t.src.text) {
		return "", nil
	}
	info, err := os.Stat(t.o.at(t.src.text))
	switch {
	case errors.Is(err, fs.ErrNotExist) && !t.old.Local && (t.known && !t.o.Upgrade || t.o.Bundle != ""):
		return "", nil // the archive may be in the cache or in the bundle
	case err != nil:
		return "", plugins.Hinted(fmt.Errorf("source: %w", err), "relative paths start at the folder of the configuration")
	case info.IsDir() != t.old.Local && t.known && !t.o.Upgrade:
		return "", &DifferError{Name: t.wish.Name, What: "kind", Locked: kindName(t.old.Local), Wished: kindName(info.IsDir())}
	case info.IsDir():
		return t.o.at(t.src.text), nil
	}
	return "", nil
}

func kindName(local bool) string {
	if local {
		return "a folder"
	}
	return "an archive"
}

// local takes a folder as it is.
func (t *task) local(dir string) error {
	if t.key != nil {
		return plugins.Hinted(errors.New("a folder has no signature"), "remove `key`, or name an archive")
	}
	m, err := t.manifest(dir)
	if err != nil {
		return err
	}
	if err := t.o.readable(m.Name, dir); err != nil {
		return err
	}
	t.entry = Entry{Source: t.wish.Source, Constraint: t.wish.Version, Version: m.Version, Local: true, Env: m.Env}
	t.done.Version, t.done.Outcome = m.Version, Local
	t.done.Env = without(m.Env, t.old.Env)
	return nil
}

// readable asks whether the schema of the plugin in dir can be used.
func (o Options) readable(name, dir string) error {
	if o.Schema == nil {
		return nil
	}
	text, err := readText(filepath.Join(dir, schemaName))
	if err != nil {
		return err
	}
	if err := o.Schema(name, string(text)); err != nil {
		return plugins.Hinted(fmt.Errorf("%s: %w", schemaName, err), "`dtm develop validate-plugin` says whoever makes it what is wrong")
	}
	return nil
}

// without are those of all that are not in others.
func without(all, others []string) []string {
	var rest []string
	for _, one := range all {
		if !slices.Contains(others, one) {
			rest = append(rest, one)
		}
	}
	return rest
}

// manifest checks a plugin's folder against the wish.
func (t *task) manifest(dir string) (Manifest, error) {
	m, err := ReadManifest(dir)
	if err == nil {
		err = m.Check(dir)
	}
	if err != nil {
		return m, err
	}
	if m.Name != t.wish.Name {
		return m, plugins.Hinted(fmt.Errorf("its name is %s", m.Name), "name it so in `plugins` of the configuration")
	}
	if t.entry.Version != "" && m.Version != t.entry.Version {
		return m, plugins.Hinted(fmt.Errorf("what is published as version %s says that it is %s", t.entry.Version, m.Version), "tell its author")
	}
	ok, err := fits(t.wish.Version, m.Version)
	if err == nil && !ok {
		err = plugins.Hinted(fmt.Errorf("its version is %s, which does not fit %q", m.Version, t.wish.Version), "change `version` in the configuration, or `source`")
	}
	return m, err
}

// anew takes what the source has now.
func (t *task) anew(ctx context.Context) error {
	found, err := t.resolve(ctx, "")
	if err != nil {
		return err
	}
	t.entry = Entry{Source: t.wish.Source, Constraint: t.wish.Version, Version: found.version, Platforms: found.platforms, Key: t.key.digestOrNone()}
	t.remember(t.old)
	return nil
}

// remember keeps what is known of archives that are the same as before.
func (t *task) remember(old Entry) {
	for name, p := range t.entry.Platforms {
		if before, ok := old.Platforms[name]; ok && before.Archive == p.Archive {
			if t.entry.Version == "" {
				t.entry.Version = old.Version
			}
			if p.Tree == "" {
				p.Tree = before.Tree
				t.entry.Platforms[name] = p
			}
		}
	}
}

// extend adds this platform to what is locked for others, if those are still the same.
func (t *task) extend(ctx context.Context) error {
	var found offer
	if t.o.Bundle != "" {
		if !t.inBundle || t.bundled.Version != t.old.Version {
			return plugins.Hinted(fmt.Errorf("the bundle does not have version %s", t.old.Version), "make it again from this dtm.lock: `dtm bundle create`")
		}
		if t.key != nil {
			return unproven()
		}
		found = offer{version: t.bundled.Version, platforms: t.bundled.Platforms}
	} else {
		var err error
		if found, err = t.resolve(ctx, t.old.Version); err != nil {
			return err
		}
	}
	for name, p := range found.platforms {
		before, ok := t.old.Platforms[name]
		if ok && before.Archive != p.Archive {
			return &DifferError{Name: t.wish.Name, What: "archive for " + name, Locked: before.Archive, Wished: p.Archive, server: true}
		}
		if !ok {
			t.entry.Platforms[name] = p
		}
	}
	return nil
}

// fromBundle takes what the bundle's dtm.lock says.
func (t *task) fromBundle() error {
	if !t.inBundle {
		return plugins.Hinted(fmt.Errorf("the bundle %s does not have it", t.o.Bundle), "make the bundle where the plugin is in dtm.lock: `dtm bundle create`")
	}
	if err := t.o.differs(t.wish, t.bundled); err != nil {
		return fmt.Errorf("the bundle: %w", err)
	}
	if t.key != nil {
		return unproven()
	}
	t.entry = t.bundled
	t.entry.Constraint = t.wish.Version
	t.entry.Platforms = maps.Clone(t.bundled.Platforms)
	t.remember(t.old)
	return nil
}

// unproven is the error of what only a bundle vouches for, which has no signatures in it.
func unproven() error {
	return plugins.Hinted(errors.New("the configuration names a `key`, and a bundle has no signatures: dtm.lock must have the plugin already"),
		"run `dtm init` where there is a network and take its dtm.lock along with the configuration")
}

// flat is a platform as the name of a folder.
func flat(platform string) string { return strings.ReplaceAll(platform, "/", "_") }
