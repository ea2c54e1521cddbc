package develop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/devstream-io/dtm/plugins"
)

// Target is a plugin that [Target.Validate] checks.
type Target struct {
	// Name is what the user calls it.
	Name string

	// dir is the folder of one that is a process, checkout the checkout of dtm of one that is built in.
	dir, checkout string
}

// Validate checks the plugin by [Validate] or [ValidateBuiltIn].
func (t Target) Validate(ctx context.Context, tools Tools) (*Report, error) {
	if t.checkout != "" {
		return ValidateBuiltIn(ctx, t.checkout, t.Name, tools)
	}
	return Validate(ctx, t.dir, tools)
}

// Find names the plugins that are meant by what the user says in the folder dir: the one that the folder is, or the one of
// that name, or all. In a checkout of dtm these are the built-in ones, else the folders in dir that have a plugin.json.
func Find(dir, name string, all bool) ([]Target, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if all && name != "" {
		return nil, errors.New("--name is one plugin, --all are all: say one of them")
	}
	here := Target{Name: filepath.Base(abs), dir: abs}
	if isPlugin(abs) && !all && (name == "" || name == here.Name) {
		return []Target{here}, nil
	}
	checkout, err := Checkout(abs)
	switch {
	case err != nil:
		return nil, err
	case checkout != "":
		return findBuiltIn(abs, checkout, name, all)
	case all:
		return findFolders(abs)
	case name == "":
		return nil, plugins.Hinted(fmt.Errorf("there is no plugin in %s: it has no plugin.json", dir),
			"say which one is meant: a folder, --name or --all; `dtm develop create-plugin` makes one")
	case !filepath.IsLocal(name) || filepath.Base(name) != name:
		return nil, plugins.Hinted(fmt.Errorf("%q is no name of a plugin", name), "a folder is given without --name")
	}
	at := filepath.Join(abs, name)
	if !isPlugin(at) {
		return nil, plugins.Hinted(fmt.Errorf("there is no plugin %s here: no %s", name, filepath.Join(name, "plugin.json")),
			"`dtm develop create-plugin --name "+name+"` makes one")
	}
	return []Target{{Name: name, dir: at}}, nil
}

func findBuiltIn(dir, checkout, name string, all bool) ([]Target, error) {
	names, err := BuiltIns(checkout)
	if err != nil {
		return nil, err
	}
	var found []Target
	for _, n := range names {
		inIt := name == "" && dir == filepath.Join(checkout, "plugins", n)
		if all || n == name || inIt {
			found = append(found, Target{Name: n, checkout: checkout})
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case name == "":
		return nil, errors.New("this is a checkout of dtm: say which plugin is meant by --name, or --all")
	}
	return nil, plugins.Hinted(fmt.Errorf("there is no plugin %s in this checkout of dtm", name), "`dtm develop create-plugin --name "+name+"` makes one")
}

func findFolders(dir string) ([]Target, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []Target
	for _, e := range entries {
		if at := filepath.Join(dir, e.Name()); isPlugin(at) {
			found = append(found, Target{Name: e.Name(), dir: at})
		}
	}
	if len(found) == 0 {
		return nil, plugins.Hinted(fmt.Errorf("there is no plugin in %s", dir), "a plugin is a folder with a plugin.json")
	}
	return found, nil
}

func isPlugin(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "plugin.json"))
	return err == nil && !info.IsDir()
}
