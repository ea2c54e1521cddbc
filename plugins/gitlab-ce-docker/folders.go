package gitlabcedocker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/devstream-io/dtm/plugins"
)

// marker is the file in a folder that tells that dtm made it, and so may remove it.
const marker = ".made-by-dtm"

const markerText = "dtm made this folder for GitLab. With rm_data_after_delete it removes it again, but only while this file is here.\n"

// makeFolders makes the folders that are missing and marks them as dtm's. Where this user may not, the engine makes them:
// that is an error only if they are to be removed some day, which it would not be allowed to do either.
func makeFolders(o Options) error {
	err := func() error {
		if err := os.MkdirAll(o.GitLabHome, 0o755); err != nil {
			return err
		}
		home, err := openHome(o.GitLabHome)
		if err != nil {
			return err
		}
		defer home.Close()
		for _, d := range data {
			if err := makeFolder(home, d.folder); err != nil {
				return err
			}
		}
		return nil
	}()
	switch {
	case err == nil, errors.Is(err, fs.ErrPermission) && !o.RmDataAfterDelete:
		return nil
	case errors.Is(err, fs.ErrPermission):
		return plugins.Hinted(fmt.Errorf("gitlab_home %s: %w", o.GitLabHome, err),
			"rm_data_after_delete needs a user who may make and remove folders there, as root")
	}
	return fmt.Errorf("gitlab_home %s: %w", o.GitLabHome, err)
}

// makeFolder makes a folder and its marker in one step. One that is there already stays as it is.
func makeFolder(home *os.Root, name string) error {
	if _, err := home.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	draft := draftOf(name)
	if err := home.RemoveAll(draft); err != nil {
		return err
	}
	if err := home.Mkdir(draft, 0o755); err != nil {
		return err
	}
	if err := home.WriteFile(filepath.Join(draft, marker), []byte(markerText), 0o644); err != nil {
		return err
	}
	return home.Rename(draft, name)
}

// removeFolders removes the folders that dtm made, and tells of each one that stays. A folder goes out of the way before
// its content goes: what is left of it when that is interrupted is found again.
func removeFolders(ctx context.Context, path string) error {
	if err := checkHome(path); err != nil {
		return err
	}
	home, err := openHome(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("gitlab_home %s: %w", path, err)
	}
	defer home.Close()
	for _, d := range data {
		why, err := reclaim(ctx, home, d.folder)
		if err != nil {
			return plugins.Hinted(fmt.Errorf("remove %s: %w", filepath.Join(path, d.folder), err),
				"GitLab's files belong to users of its own: run dtm as root, or remove the folder by hand")
		}
		if why != "" {
			plugins.Report(ctx, filepath.Join(path, d.folder)+" stays: "+why)
		}
	}
	return nil
}

// openHome opens gitlab_home, which may be a link, but not to where checkHome would not let it be. Nothing that is done in
// it leaves it, whatever links there are.
func openHome(path string) (*os.Root, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	if err := checkHome(real); err != nil {
		return nil, err
	}
	return os.OpenRoot(real)
}

// reclaim removes a folder if dtm made it, or else says why not.
func reclaim(ctx context.Context, home *os.Root, name string) (why string, err error) {
	info, err := home.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", err
	case !info.IsDir():
		why = "it is no folder"
	default:
		made, err := home.Lstat(filepath.Join(name, marker))
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && !made.Mode().IsRegular():
			why = "dtm did not make it"
		case err != nil:
			return "", err
		default:
			if err := clear(ctx, home, draftOf(name)); err != nil {
				return "", err
			}
			if err := home.Rename(name, draftOf(name)); err != nil {
				return "", err
			}
		}
	}
	return why, clear(ctx, home, draftOf(name))
}

// clear removes a folder with all that is in it, and looks at ctx on the way: there may be a lot.
func clear(ctx context.Context, home *os.Root, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := home.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	entries, err := f.ReadDir(-1)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	for _, e := range entries {
		inner := filepath.Join(name, e.Name())
		if e.IsDir() {
			err = clear(ctx, home, inner)
		} else {
			err = home.Remove(inner)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return home.Remove(name)
}

// draftOf is where a folder is before it is whole, and while it goes.
func draftOf(name string) string { return "." + name + ".dtm" }
