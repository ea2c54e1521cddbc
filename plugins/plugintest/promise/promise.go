// Package promise is what [plugins.Plugin] promises, as checks that need no test to run in: `dtm develop validate-plugin`
// runs them against a plugin's process. A plugin's own tests run them with package plugintest.
//
// The checks work on [plugins.Kind], so they see what the engine sees. How much they see depends on how much of the world
// can be looked at past the plugin; see [Subject].
package promise

import (
	"context"
	"encoding/json"
	"slices"

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
	// Remove takes away what Want made, behind the plugin's back. May be nil: then the plugin's own Delete does.
	Remove func() error
	// Exists looks at the world, past the plugin: is what these options wish for there? May be nil: then a Read that remembers
	// nothing is believed.
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

// A Promise is one thing that every plugin keeps.
type Promise struct {
	// Name says what must hold.
	Name string
	// lacks says what a subject would have to have for this to be checked; nil where nothing more is needed.
	lacks func(Subject) string
	run   func(ctx context.Context, fresh func() (Subject, error)) error
}

// All are the promises, in the order in which they are best looked at.
func All() []Promise {
	return slices.Concat(lifeChecks(), previewChecks(), accidentChecks(), faultChecks())
}

// Lacks says why the promise cannot be checked with such a subject, empty where it can.
func (p Promise) Lacks(s Subject) string {
	if p.lacks == nil {
		return ""
	}
	return p.lacks(s)
}

// Check makes as many worlds as the promise needs, each by a call of fresh on this goroutine, and returns the first thing
// that is not as promised.
func (p Promise) Check(ctx context.Context, fresh func() (Subject, error)) error {
	return p.run(ctx, fresh)
}

// Outcome is what came of one promise.
type Outcome struct {
	// Promise is its name.
	Promise string
	// LeftOut says why it could not be checked; empty where it was.
	LeftOut string
	// Err says how it is broken; nil where it is kept.
	Err error
}

// Check checks every promise, one after the other, in worlds made by fresh; the first world tells what can be checked. An
// error is about the first world, or ctx's own: nothing is known of the plugin then.
func Check(ctx context.Context, fresh func() (Subject, error)) ([]Outcome, error) {
	offered, err := fresh()
	if err != nil {
		return nil, err
	}
	var outcomes []Outcome
	for _, p := range All() {
		o := Outcome{Promise: p.Name, LeftOut: p.Lacks(offered)}
		if o.LeftOut == "" {
			o.Err = p.Check(ctx, fresh)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

// unless is a lack that is there unless the subject has what is needed.
func unless(lack string, has func(Subject) bool) func(Subject) string {
	return func(s Subject) string {
		if has(s) {
			return ""
		}
		return lack
	}
}

func renames() func(Subject) string {
	return unless("there is no wish that moves it", func(s Subject) bool { return s.Renamed != nil })
}
