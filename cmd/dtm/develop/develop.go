// Package develop helps those who write plugins: [Create] writes one that works, and [Validate] says what is wrong with one.
//
// A plugin is a folder of its own, in Go or in Python, that runs as a process beside dtm; in a checkout of dtm it is a folder
// of plugins, and built in. What Create writes is complete and passes Validate at once: what a plugin is for is changed
// afterwards, one step at a time, and Validate says at each whether it still keeps what it promises.
package develop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/token"
	"os/exec"
	"strings"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
)

// The languages that Create knows.
const (
	Go     = "go"
	Python = "python"
)

// checkName tells whether a new plugin may have the name.
func checkName(name string, builtIn plugins.Set) error {
	// In the words of DevStream.
	if name == "" {
		return errors.New(`the name must be not "", you can specify it by --name flag`)
	}
	if err := schema.CheckPluginName(name); err != nil {
		return err
	}
	if _, ok := builtIn[name]; ok {
		return plugins.Hinted(fmt.Errorf("plugin %s already exists: it is built in", name), "choose another name")
	}
	return nil
}

// packageName is what the package of a plugin is called, in Go and in CUE: the name without its dashes.
func packageName(name string) string {
	text := strings.ReplaceAll(name, "-", "")
	reserved := []string{"main", "true", "false", "null", "in", "let"}
	for _, word := range reserved {
		if text == word {
			return "plugin" + text
		}
	}
	if token.IsIdentifier(text) {
		return text
	}
	return "plugin" + text
}

// Label is a plugin's name as a field of CUE.
func Label(name string) string {
	if packageName(name) == name {
		return name
	}
	return `"` + name + `"`
}

// here tells whether a program is on PATH.
func here(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// run runs a program in a folder. That it fails is an error with what it printed.
func run(ctx context.Context, dir, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		return nil
	}
	what := program + " " + strings.Join(args, " ")
	if text := strings.TrimSpace(said.String()); text != "" {
		return fmt.Errorf("%s: %w\n%s", what, err, text)
	}
	return fmt.Errorf("%s: %w", what, err)
}
