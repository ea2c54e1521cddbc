package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/devstream-io/dtm/plugins"
)

// Found is a plugin that can be run.
type Found struct {
	Name, Version string
	// Dir is its absolute folder.
	Dir string
	// Command, Env, Description and Precious are its manifest's.
	Command     []string
	Env         []string
	Description string
	Precious    bool
	// Schema is the text of its schema.cue.
	Schema string
	// Local tells that it is a folder whose content nobody has verified.
	Local bool
	// Tree is the digest of its files, as in [Platform], empty for a folder.
	Tree string
}

// UnusableError says which plugins of dtm.lock cannot be run here. Nothing is wrong with the others.
type UnusableError struct {
	// Plugins are sorted by name.
	Plugins []Unusable
}

// Unusable is a plugin that cannot be run.
type Unusable struct {
	Name string
	// Err says why, with a hint.
	Err error
}

func (e *UnusableError) Error() string {
	var lines []string
	for _, p := range e.Plugins {
		lines = append(lines, p.Err.Error())
	}
	return strings.Join(lines, "\n")
}

// Unwrap are the reasons.
func (e *UnusableError) Unwrap() []error {
	var errs []error
	for _, p := range e.Plugins {
		errs = append(errs, p.Err)
	}
	return errs
}

// Installed are the plugins of dtm.lock that can be run here, sorted by name. Every byte of each was read and compared
// with dtm.lock just now, but for local folders. If some cannot be run, the error is an [*UnusableError], and the plugins
// that it does not name are returned all the same. It changes nothing and asks nobody.
func Installed(ctx context.Context, o Options) ([]Found, error) {
	o = o.with()
	lock, err := ReadLock(o.Dir)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(lock.Plugins))
	all, errs := make([]Found, len(names)), make([]error, len(names))
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, name := range names {
		group.Go(func() error {
			if o.BuiltIn(name) {
				errs[i] = builtIn(name)
			} else {
				all[i], errs[i] = o.found(ctx, name, lock.Plugins[name])
			}
			return nil
		})
	}
	_ = group.Wait() // they say it in errs
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	var good []Found
	var bad UnusableError
	for i, name := range names {
		if errs[i] == nil {
			good = append(good, all[i])
		} else {
			bad.Plugins = append(bad.Plugins, Unusable{name, of(name, errs[i])})
		}
	}
	if len(bad.Plugins) > 0 {
		return good, &bad
	}
	return good, nil
}

// found looks at what is installed of a plugin.
func (o Options) found(ctx context.Context, name string, e Entry) (Found, error) {
	dir, tree := o.at(e.Source), ""
	if !e.Local {
		platform, p, ok := e.on(o.Platform)
		if !ok {
			return Found{}, plugins.Hinted(fmt.Errorf("dtm.lock does not have it for %s", o.Platform), initHint)
		}
		dir = o.place(name, e.Version, platform)
		var err error
		tree, err = treeDigest(ctx, dir)
		switch {
		case errors.Is(err, fs.ErrNotExist) || p.Tree == "":
			return Found{}, plugins.Hinted(fmt.Errorf("version %s is not installed", e.Version), initHint)
		case err != nil:
			return Found{}, plugins.Hinted(fmt.Errorf("what is installed is damaged: %w", err), initHint)
		case tree != p.Tree:
			return Found{}, plugins.Hinted(fmt.Errorf("what is installed in %s is not what dtm.lock says", dir), "somebody has changed it: `dtm init` puts it there again")
		}
	}
	m, err := ReadManifest(dir)
	if err == nil {
		err = m.Check(dir)
	}
	if err == nil && m.Name != name {
		err = plugins.Hinted(fmt.Errorf("its name is %s", m.Name), "name it so in `plugins` of the configuration")
	}
	if more := without(m.Env, e.Env); err == nil && !e.Local && len(more) > 0 {
		return Found{}, plugins.Hinted(fmt.Errorf("it asks for %s of the environment, which dtm.lock does not name", strings.Join(more, ", ")),
			"somebody has edited dtm.lock: `dtm init` writes it down again")
	}
	if err != nil && !e.Local {
		err = plugins.Hinted(fmt.Errorf("what is installed is damaged: %w", err), initHint)
	}
	if err != nil {
		return Found{}, err
	}
	text, err := readText(filepath.Join(dir, schemaName))
	if err != nil {
		return Found{}, err
	}
	return Found{
		Name: name, Version: m.Version, Dir: dir, Command: m.Command, Env: m.Env,
		Description: m.Description, Precious: m.Precious, Schema: string(text), Local: e.Local, Tree: tree,
	}, nil
}
