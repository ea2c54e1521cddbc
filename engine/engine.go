// Package engine decides what has to be done to make a toolchain what it should be, and does it.
//
// [Engine.Plan] reads what exists and compares it with the configuration and with the journal; the decision itself is the
// pure function decide. [Engine.Apply] walks the graph of the changes and records, around every verb, first the intent and
// then the outcome, so that the journal is true whenever the process may die. destroy is the plan of an empty
// configuration, delete a plan that keeps the other tools, rollback that of a former configuration, drift one that would only
// record what exists, verify asks whether the plan is empty: there are no other code paths. What changes the record alone is
// an [Amendment]. Screens learn what happens from events and never decide.
//
// The engine does not know which plugins or stores there are, and it writes nothing to a screen or a log.
package engine

import (
	"sync"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
)

// Engine plans and applies. Its fields are set once, before the first call, and are never nil but for Emit. Its methods
// may be called one after the other.
type Engine struct {
	Plugins plugins.Set
	// Definition is what a plugin's schema says; nil for a plugin that is not known.
	Definition func(plugin string) *schema.Definition
	// LookupEnv reads the environment, as os.LookupEnv does.
	LookupEnv func(string) (string, bool)
	// Now is the clock.
	Now func() time.Time
	// Emit takes the events, one at a time, in order. It should return at once. May be nil.
	Emit func(Event)
	// Parallel is how many verbs run at the same time; at least 1.
	Parallel int

	emitting sync.Mutex
	secrets  secrets
}

// emit hands an event to whoever listens. Events come from many goroutines and go out one at a time.
func (e *Engine) emit(ev Event) {
	if e.Emit == nil {
		return
	}
	e.emitting.Lock()
	defer e.emitting.Unlock()
	e.Emit(ev)
}
