package develop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/devstream-io/dtm/plugins"
)

// BuiltIns are the names of the plugins in a checkout of dtm, sorted: every folder of plugins that has a schema.cue.
func BuiltIns(checkout string) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(checkout, "plugins", "*", "schema.cue"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range found {
		names = append(names, filepath.Base(filepath.Dir(file)))
	}
	slices.Sort(names)
	return names, nil
}

// ValidateBuiltIn checks a plugin of a checkout of dtm: its schema and, where Go is there, that it compiles and passes its
// tests, the short ones. Whatever is wrong is in the report; an error is ctx's.
func ValidateBuiltIn(ctx context.Context, checkout, name string, t Tools) (*Report, error) {
	r := &Report{Plugin: name}
	dir := filepath.Join(checkout, "plugins", name)
	text, err := os.ReadFile(filepath.Join(dir, "schema.cue"))
	if err != nil {
		r.wrong(plugins.Hinted(fmt.Errorf("plugins/%s/schema.cue: %w", name, withoutPath(err)), "`dtm develop create-plugin` writes one"))
		return r, ctx.Err()
	}
	kind, known := t.BuiltIn[name]
	if !known {
		r.wrong(plugins.Hinted(errors.New("this dtm does not have it"),
			"add the line `"+packageName(name)+".New(env),` and the import to plugins/all/all.go, and build dtm again"))
	}
	t.step("checking schema.cue")
	_, mistakes := checkSchema(ctx, name, string(text), kind.Shared)
	r.Wrong = append(r.Wrong, mistakes...)
	if _, err := t.LookPath("go"); err != nil {
		r.note("it was neither compiled nor tested: go is not on PATH")
		return r, ctx.Err()
	}
	t.step("testing it")
	if err := run(ctx, checkout, "go", "vet", "./plugins/"+name+"/..."); err != nil {
		r.wrong(err)
		return r, ctx.Err()
	}
	r.wrong(run(ctx, checkout, "go", "test", "-short", "./plugins/"+name+"/..."))
	return r, ctx.Err()
}
