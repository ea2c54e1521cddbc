// Package plugintest is the promise of [plugins.Plugin] as a suite that every plugin must pass.
//
// A plugin's own test says how to open a world with that plugin in it, and what to wish for; see [Subject]. The suite
// works on [plugins.Kind], so it sees what the engine sees.
package plugintest

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/devstream-io/dtm/plugins"
)

// Subject is a plugin in a world of its own: a folder, a server, a cluster. What may be nil says so, and the checks that
// need it are then left out; all else is required. Options are complete: as they are after the schema filled in its
// defaults.
type Subject struct {
	Kind plugins.Kind

	// Want is the wish that most checks begin with.
	Want json.RawMessage
	// Changed is another wish for the same resource, that an Update can reach without a move.
	Changed json.RawMessage
	// Renamed is a wish whose Update moves the resource, so that nothing of Want may stay. May be nil.
	Renamed json.RawMessage
	// Others are wishes for other tools in the same world, which are managed at the same time. May be nil.
	Others []json.RawMessage
	// Old is what DevStream's Create returned for Want. Nil if the plugin is no [plugins.Successor].
	Old json.RawMessage

	// Drift changes what Want made, behind the plugin's back, in a way that Read must see. May be nil.
	Drift func() error
	// Remove takes away what Want made, behind the plugin's back.
	Remove func() error
	// Exists looks at the world, past the plugin: is what these options wish for there?
	Exists func(options json.RawMessage) (bool, error)
	// Leftovers names what is in the world and was not there when it was made. After a Delete that is nothing. May be nil.
	Leftovers func() ([]string, error)
	// Fail makes the n-th call to the outside from now on fail, counted from 1. Heal ends that and tells whether the call
	// came at all. May be nil.
	Fail func(n int, when When) (heal func() (hit bool))
}

// When says which side of its effect a failing call fails on.
type When int

// A call that fails Before has done nothing; one that fails After has done its work, but its caller never learns.
const (
	Before When = iota
	After
)

func (w When) String() string {
	if w == After {
		return "after its effect"
	}
	return "before its effect"
}

// Run checks the plugin, each promise in a subtest and, where the promise is about more than one ending, in several
// fresh worlds. fresh is called on the test's goroutine and cleans up by t.Cleanup.
func Run(t *testing.T, fresh func(t *testing.T) Subject) {
	offered := fresh(t)
	for _, c := range checks() {
		if c.needs != nil && !c.needs(offered) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(t.Context(), func() Subject { return fresh(t) }); err != nil {
				t.Error(err)
			}
		})
	}
}

// Env is an environment for tests: the folder dir, no environment variables, a client of its own, the real clock, and the
// folder .cache in dir, which is not made, as the cache.
func Env(dir string) plugins.Env {
	return plugins.Env{
		Dir:    dir,
		Getenv: func(string) string { return "" },
		HTTP:   &http.Client{},
		Now:    time.Now,
		Cache:  filepath.Join(dir, ".cache"),
	}
}

// check is one promise. run makes as many worlds as it needs and returns the first thing that is not as promised.
type check struct {
	name  string
	needs func(Subject) bool
	run   func(ctx context.Context, fresh func() Subject) error
}

// checks is the whole promise.
func checks() []check {
	return slices.Concat(lifeChecks(), previewChecks(), accidentChecks(), faultChecks())
}
