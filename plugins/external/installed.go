package external

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/protocol"
)

// Installed is a plugin on disk: what a host needs of its manifest.
type Installed struct {
	// Name is the plugin's name, an RFC 1123 label.
	Name string
	// Version is the plugin's (semver).
	Version string
	// Dir is the absolute folder of the plugin, in which its process runs.
	Dir string
	// Command is the program and its arguments. A program that begins with "./" is a file of Dir, any other is looked for as
	// a shell does.
	Command []string
	// Env names the variables of the environment that the process gets, besides those of the protocol.
	Env []string
	// Schema is the text of schema.cue in Dir. The process must have the very same.
	Schema string
	// Precious is [plugins.Kind].Precious. The process must say the same.
	Precious bool
}

// program is the path of the program.
func (i Installed) program(look func(string) (string, error)) (string, error) {
	if len(i.Command) == 0 || i.Command[0] == "" {
		return "", errors.New("it has no command")
	}
	name := i.Command[0]
	if !strings.HasPrefix(name, "./") {
		path, err := look(name)
		if err != nil {
			return "", plugins.Hinted(fmt.Errorf("its program is not on PATH: %w", err), "install "+name)
		}
		return path, nil
	}
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("its command %s leaves the folder of the plugin", name)
	}
	path := filepath.Join(i.Dir, name)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", plugins.Hinted(fmt.Errorf("its program is missing: %w", err), "build it, or run `dtm init` to install the plugin again")
	case err != nil:
		return "", fmt.Errorf("its program: %w", err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("its program %s is not a regular file", path)
	}
	return path, nil
}

// startError says more about a program that the system does not start.
func startError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return plugins.Hinted(fmt.Errorf("its program cannot be run: %w", err), "is it executable? chmod +x "+path)
	case errors.Is(err, syscall.ENOEXEC):
		return plugins.Hinted(fmt.Errorf("its program cannot be run: %w", err), "it was built for another system or processor, or is a script without #!")
	}
	return fmt.Errorf("its program cannot be run: %w", err)
}

// environment is all that the process sees, but for what go-plugin adds: what the manifest asks for, then what is the same
// for all, which wins.
func (i Installed) environment(env plugins.Env) []string {
	var all []string
	for _, name := range slices.Concat(i.Env, []string{"TMPDIR"}) {
		if value := env.Getenv(name); value != "" {
			all = append(all, name+"="+value)
		}
	}
	return append(all,
		protocol.DirName+"="+env.Dir, protocol.CacheName+"="+env.Cache,
		// The folder of a plugin stays as it was installed: its digest is checked before each start.
		"PYTHONDONTWRITEBYTECODE=1",
	)
}
