// Package plugins says what a plugin is: the four verbs that manage one kind of tool.
//
// A plugin is written against its own Go types ([Plugin]) and seen by the engine as JSON ([Kind]): generics inside, a
// plain struct outside. Plugins know neither the engine, the store, the graph nor one another, and whatever they need
// of the world comes in an [Env]. What each verb must keep is said at [Plugin]; package plugintest checks it.
package plugins

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ErrNotFound is wrapped by Read when the resource does not exist (any more).
var ErrNotFound = errors.New("not found")

// A Plugin manages one kind of tool. O is what the user asks for (the options, as #Options in the plugin's schema.cue
// says), R is what exists (the resource). Both are encoded as JSON; R is kept in the journal and must carry no secret.
//
// A tool's life: Create once, Read before every plan, Update when what is wanted or what exists has changed, Delete at
// the end. Every verb may be called again after it was interrupted at any point, even by the death of the process, and
// must then end as if it had been called once. Verbs return soon after ctx is done, and may run at the same time for
// different tools, never for the same one.
//
// What Create and Update return is what a Read right after returns: write one function that makes it. The key "outputs"
// of R is what other tools may refer to; its fields are declared as #Outputs in schema.cue. The key "status" of R is what
// changes by itself, as in how many of its parts are ready: it is recorded and shown, and never compared, so it is no
// drift, and the next Read may find another one. Waiting until the resource is ready belongs inside Create and Update,
// which may tell meanwhile how far they are ([Report]).
type Plugin[O, R any] interface {
	// Create makes what is wanted, or adopts what an earlier, interrupted Create left.
	Create(ctx context.Context, want O) (R, error)
	// Read says what exists and changes nothing. last is what the journal remembers, the zero value if nothing.
	// It wraps [ErrNotFound] if the resource is gone.
	Read(ctx context.Context, want O, last R) (R, error)
	// Update makes what exists into what is wanted, also when it was changed or removed by somebody else. have are the
	// options that were last applied, so that what was renamed does not stay behind. Secret fields of have are empty.
	Update(ctx context.Context, want, have O, last R) (R, error)
	// Delete removes what exists. That it is already gone is not an error.
	Delete(ctx context.Context, have O, last R) error
}

// A Successor is a plugin that can tell what an entry of a DevStream state file means in its own terms, so that a state
// that was taken over causes no change by itself. For a plugin without it, what Read finds is taken as what was left.
type Successor[O, R any] interface {
	// Succeed turns the old resource (what DevStream's Create returned, as JSON) into the R that a Read would have
	// returned right after.
	Succeed(ctx context.Context, have O, old []byte) (R, error)
}

// An Identifier is a plugin that can name the thing in the world that some options are about, as in an absolute path or
// "owner/repository". Two tools of a plugin with one identity are one thing: that is an error in a configuration, and
// when a tool was only given another instance name, its thing is handed on instead of being deleted.
type Identifier[O any] interface {
	// Identity looks at the options alone. It returns "" where they do not tell.
	Identity(o O) string
}

// A Validator is a plugin that checks options beyond what its schema can say, as in whether a text is a template. The
// engine asks while it plans, as soon as the options are wholly known, and plans nothing that is refused.
type Validator[O any] interface {
	// Validate looks at the options alone, and soon returns. The error says which of them is wrong, and what it must be.
	Validate(want O) error
}

// Env is all that a plugin may use of the process it runs in. Fields are never nil. It is shared by all plugins and
// safe for use by many goroutines.
type Env struct {
	// Dir is the absolute folder of the configuration: relative paths in options start here.
	Dir string
	// Getenv reads the environment, as os.Getenv does.
	Getenv func(string) string
	// HTTP is the client for every request. It has no overall timeout: requests carry their context.
	HTTP *http.Client
	// Now is the clock.
	Now func() time.Time
	// Cache is an absolute folder, private to the user, for what can be had again, as in what was downloaded. It need not
	// exist, others may use it at the same time, and what is in it may go at any time between two verbs.
	Cache string
}

// Set is the plugins that a dtm has, by name.
type Set map[string]Kind

// NewSet makes a Set. Two kinds of one name are a mistake in the program and an error.
func NewSet(kinds ...Kind) (Set, error) {
	set := make(Set, len(kinds))
	for _, k := range kinds {
		if _, ok := set[k.Name]; ok {
			return nil, fmt.Errorf("plugin %q is there twice", k.Name)
		}
		set[k.Name] = k
	}
	return set, nil
}

// Names are the names of the plugins, sorted.
func (s Set) Names() []string {
	names := make([]string, 0, len(s))
	for name := range s {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare)
	return names
}
