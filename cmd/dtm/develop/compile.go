package develop

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/devstream-io/dtm/plugins"
)

// compile makes the program of a plugin anew where its language is known: in Go the one that command names, and in Python it
// only looks whether the files can be read. A plugin in any other language is taken as it is.
func compile(ctx context.Context, dir string, command []string, t Tools, r *Report) error {
	program := command[0]
	switch _, err := os.Stat(filepath.Join(dir, "go.mod")); {
	case err == nil:
		if !strings.HasPrefix(program, "./") {
			return plugins.Hinted(fmt.Errorf("plugin.json: command: %s is not what go build makes", program), `let it be "./" and the name of the program`)
		}
		if _, err := t.LookPath("go"); err != nil {
			r.note("it was not compiled: go is not on PATH")
			return nil
		}
		t.step("compiling %s", program)
		return run(ctx, dir, "go", "build", "-o", program, ".")
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	scripts, err := filepath.Glob(filepath.Join(dir, "*.py"))
	if err != nil || len(scripts) == 0 {
		r.note("it was not compiled: that is known for Go and Python only")
		return err
	}
	if !strings.HasPrefix(program, "python") {
		program = "python3" // it is started in another way, as by a script
	}
	python, err := t.LookPath(program)
	if err != nil {
		return plugins.Hinted(fmt.Errorf("its Python cannot be compiled: %w", err), "install "+program)
	}
	t.step("compiling %d files of Python", len(scripts))
	// python -m compileall would leave its results in the folder.
	const look = "import sys\nfor f in sys.argv[1:]: compile(open(f, 'rb').read(), f, 'exec')"
	if err := run(ctx, dir, python, append([]string{"-B", "-c", look}, scripts...)...); err != nil {
		return fmt.Errorf("its Python cannot be compiled: %w", lastLines(err))
	}
	return nil
}

// lastLines is what Python says of a mistake, without the way to it.
func lastLines(err error) error {
	if _, said, ok := strings.Cut(err.Error(), "\n"); ok {
		if _, at, ok := strings.Cut(said, "  File \""); ok {
			// The first place is the line above, which is dtm's own.
			if _, mistake, ok := strings.Cut(at, "  File \""); ok {
				at = mistake
			}
			return errors.New("\"" + at)
		}
	}
	return err
}
