package develop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/external"
	"github.com/devstream-io/dtm/plugins/plugintest/promise"
	"github.com/devstream-io/dtm/schema"
)

// wishesFile is what the suite wishes for.
const wishesFile = "conformance.json"

// farewell is how long the suite may take to delete what is left of its wishes at the end.
const farewell = time.Minute

// wishes are conformance.json. Relative paths in them start at an empty folder.
type wishes struct {
	// Want, Changed, Renamed, Others and Old are those of [promise.Subject], before the schema's defaults are filled in.
	Want    json.RawMessage   `json:"want"`
	Changed json.RawMessage   `json:"changed"`
	Renamed json.RawMessage   `json:"renamed"`
	Others  []json.RawMessage `json:"others"`
	Old     json.RawMessage   `json:"old"`
	// Env are variables of the environment, by name.
	Env map[string]string `json:"env"`
}

// readWishes reads conformance.json and fills in what the schema says. There are no wishes where something is wrong.
func readWishes(dir string, loader *schema.Loader, plugin string) (*wishes, []error) {
	data, err := os.ReadFile(filepath.Join(dir, wishesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, []error{plugins.Hinted(errors.New(wishesFile+" is not there, so nothing can be checked of what the verbs promise"),
			`write {"want": {…}, "changed": {…}}: two wishes for the same thing, the second one an Update can reach`)}
	}
	if err != nil {
		return nil, []error{fmt.Errorf("%s: %w", wishesFile, withoutPath(err))}
	}
	var w wishes
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&w); err != nil {
		return nil, []error{fmt.Errorf("%s: %s", wishesFile, strings.TrimPrefix(err.Error(), "json: "))}
	}
	if w.Want == nil || w.Changed == nil {
		return nil, []error{plugins.Hinted(fmt.Errorf("%s: want and changed must be there", wishesFile), "they are two wishes for the same thing")}
	}
	var wrong []error
	complete := func(name string, options *json.RawMessage) {
		if *options == nil {
			return
		}
		filled, err := loader.Complete(plugin, *options)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %s: %w", wishesFile, name, err))
			return
		}
		*options = filled
	}
	complete("want", &w.Want)
	complete("changed", &w.Changed)
	complete("renamed", &w.Renamed)
	for i := range w.Others {
		complete(fmt.Sprintf("others[%d]", i), &w.Others[i])
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return &w, nil
}

// keepsThePromise starts the plugin and checks what it promises. What is broken is in the report; the error is about what
// comes before.
func keepsThePromise(ctx context.Context, dir string, i external.Installed, loader *schema.Loader, t Tools, r *Report) (err error) {
	base, err := os.MkdirTemp("", "dtm")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(base)) }()
	world := filepath.Join(base, "world")
	if err := os.Mkdir(world, 0o755); err != nil {
		return err
	}
	w, mistakes := readWishes(dir, loader, i.Name)
	r.Wrong = append(r.Wrong, mistakes...)
	var env map[string]string
	if w != nil {
		env = w.Env
	}
	t.step("starting it")
	return process(ctx, world, env, i, t, func(kind plugins.Kind) (err error) {
		if w == nil {
			return nil // that it starts is all that can be seen
		}
		s := &suite{kind: kind, wishes: w, world: world}
		if err := s.untouched(ctx); err != nil {
			return err
		}
		// What the world is, if not the folder, nobody knows: what the last promise left there goes too, also after a ^C.
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
			defer cancel()
			_, left := s.fresh(ctx)
			err = errors.Join(err, left)
		}()
		r.Wrong = append(r.Wrong, s.outputs(ctx, loader.Definition(i.Name))...)
		t.step("checking %d promises", len(promise.All()))
		outcomes, err := promise.Check(ctx, func() (promise.Subject, error) { return s.fresh(ctx) })
		if err != nil {
			return err
		}
		left := map[string][]string{}
		for _, o := range outcomes {
			switch {
			case o.LeftOut != "":
				left[o.LeftOut] = append(left[o.LeftOut], o.Promise)
			case o.Err != nil:
				r.wrong(fmt.Errorf("%s: %w", o.Promise, o.Err))
			}
		}
		for _, why := range slices.Sorted(maps.Keys(left)) {
			r.note("not checked, for %s: %s", why, some(left[why]))
		}
		return nil
	})
}

// some names things, and of many the first and the last.
func some(names []string) string {
	if n := len(names); n > 3 {
		return fmt.Sprintf("%d promises, from %q to %q", n, names[0], names[n-1])
	}
	return strings.Join(names, "; ")
}

// suite is a plugin's process and the one folder that is its world: it is emptied for each promise, because a process has
// the same folder for all of its life.
type suite struct {
	kind   plugins.Kind
	wishes *wishes
	world  string
}

// all are the wishes that there are.
func (s *suite) all() []json.RawMessage {
	all := append([]json.RawMessage{s.wishes.Want, s.wishes.Changed, s.wishes.Renamed}, s.wishes.Others...)
	return slices.DeleteFunc(all, func(w json.RawMessage) bool { return w == nil })
}

// untouched makes sure that what the suite is going to make and delete is not there yet: it may be somebody's.
func (s *suite) untouched(ctx context.Context) error {
	for _, wish := range s.all() {
		found, err := s.kind.Read(ctx, wish, nil)
		switch {
		case err == nil:
			return plugins.Hinted(fmt.Errorf("read before create finds nothing: of %s it finds %s, so nothing more was tried: it would be deleted", wish, found),
				"if it is there, wish for something else in "+wishesFile+"; if it is not, Read must return ErrNotFound (NotFound in Python)")
		case !errors.Is(err, plugins.ErrNotFound):
			return fmt.Errorf("read before create finds nothing: of %s it says %w", wish, err)
		}
	}
	return nil
}

// outputs checks that what a Create returns has the outputs that the schema declares.
func (s *suite) outputs(ctx context.Context, definition *schema.Definition) []error {
	r, err := s.kind.Create(ctx, s.wishes.Want)
	if err != nil {
		return nil // the first promise says so
	}
	var made struct {
		Outputs map[string]json.RawMessage `json:"outputs"`
	}
	_ = json.Unmarshal(r, &made) // a promise says so
	var wrong []error
	for name := range made.Outputs {
		if schema.Find(definition.Outputs, []string{name}) == nil {
			wrong = append(wrong, fmt.Errorf("its resource has the output %s, which #Outputs does not declare", name))
		}
	}
	for _, f := range definition.Outputs {
		if _, ok := made.Outputs[f.Name]; !ok && !f.Optional && f.Name != "*" {
			wrong = append(wrong, fmt.Errorf("its resource lacks the output %s, which #Outputs declares", f.Name))
		}
	}
	return wrong
}

// fresh empties the world.
func (s *suite) fresh(ctx context.Context) (promise.Subject, error) {
	for _, wish := range s.all() {
		switch _, err := s.kind.Read(ctx, wish, nil); {
		case errors.Is(err, plugins.ErrNotFound):
			continue
		case err != nil:
			return promise.Subject{}, fmt.Errorf("read of %s, to begin anew: %w", wish, err)
		}
		if err := s.kind.Delete(ctx, wish, nil); err != nil {
			return promise.Subject{}, fmt.Errorf("delete of %s, to begin anew: %w", wish, err)
		}
	}
	entries, err := os.ReadDir(s.world)
	if err != nil {
		return promise.Subject{}, err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(s.world, e.Name())); err != nil {
			return promise.Subject{}, err
		}
	}
	return promise.Subject{
		Kind: s.kind,
		Want: s.wishes.Want, Changed: s.wishes.Changed, Renamed: s.wishes.Renamed, Others: s.wishes.Others, Old: s.wishes.Old,
		// Another hand: the plugin's own, with a wish that nobody remembers.
		Drift: func() error {
			_, err := s.kind.Update(ctx, s.wishes.Changed, s.wishes.Want, nil)
			return err
		},
		Leftovers: s.files,
	}, nil
}

// files are the files in the world. Folders may stay, as those that were made on the way to a file.
func (s *suite) files() ([]string, error) {
	var names []string
	err := filepath.WalkDir(s.world, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(s.world, path)
			names = append(names, name)
		}
		return err
	})
	return names, err
}
