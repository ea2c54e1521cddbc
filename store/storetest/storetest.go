// Package storetest is the promise of package store as a suite: what holds for one store holds for all.
//
// A store's own test says how to open it and nothing else. The suite reaches a store only through the interface, and
// opens the same place again and again, as other processes would, because what a store is for is outliving the process
// that wrote to it. The package also has what other tests need of a store: a journal at random and a store that fails.
package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devstream-io/dtm/store"
)

// Opener returns a store at one place; every call returns another one at the same place, as another process would have
// it. It may be called from many goroutines. A lock that is held must be reported within a second or so.
type Opener func() store.Store

// Run checks the promises of a store. place is called once a subtest and returns a new, empty place.
func Run(t *testing.T, place func(t *testing.T) Opener) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Opener)
	}{
		{"a store that does not exist loads as empty and stays uncreated", emptyStore},
		{"what was recorded is loaded, in order and numbered without gaps", recordThenLoad},
		{"lineage and key are made once and stay", lineageAndKey},
		{"the state is the fold of all entries", foldOfAll},
		{"open refuses a state that is not the present one", conflict},
		{"open accepts the empty state while there are no entries", emptyAgrees},
		{"of eight that open at once one wins and the others hear who", race},
		{"entries of sixteen goroutines are all there, each one's in order", concurrentRecord},
		{"calls of record are atomic and not mixed", groupsStayTogether},
		{"close frees the lock and may be called twice", closing},
		{"close waits for what is being recorded", closeWhileRecording},
		{"record goes on when the context is done", cancelled},
		{"a load or open whose context is done says so", cancelledLoad},
		{"recording nothing is nothing", recordNothing},
		{"what cannot be encoded ends the session and changes nothing", notEncodable},
		{"runs come newest first with their counts", runs},
		{"a run that was cut off has no result", cutOff},
		{"entries of a run are its own, oldest first", entriesOfRun},
		{"runs come in the order of their entries when the clock goes back", clockGoesBack},
		{"what was recorded is read while the session is open", readWhileOpen},
		{"reading and recording go on at the same time", readWhileRecording},
		{"the state at each run is the fold up to its end", atEachRun},
		{"the lock tells who holds it", lockTells},
		{"unlock takes the lock away or says why not", unlocking},
		{"doubts stay until they are settled, session after session", doubts},
		{"doubts of one session are those that all read", severalDoubts},
		{"raw values come back compact and else byte for byte", rawValues},
		{"an entry of a mebibyte is kept", bigEntries},
		{"what is returned and given is not shared", ownCopies},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, place(t)) })
	}
}

// Holder returns a holder for tests, with this command.
func Holder(command string) store.Holder {
	return store.Holder{User: "ann", Host: "build-7", PID: 4711, Command: command, Since: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)}
}

// same compares states, runs and entries; nil and empty are the same.
func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), rawJSON); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// rawJSON is only here because cmp takes seconds for a mebibyte.
var rawJSON = cmp.FilterValues(
	func(a, b json.RawMessage) bool { return len(a) > 0 && len(b) > 0 },
	cmp.Comparer(func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }),
)

func load(t *testing.T, s store.Store) *store.State {
	t.Helper()
	state, err := s.Load(t.Context())
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return state
}

func open(t *testing.T, s store.Store, seen *store.State) store.Session {
	t.Helper()
	session, err := s.Open(t.Context(), Holder("apply"), seen)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	// So that a test that fails lets go of the place. A second Close does nothing.
	t.Cleanup(func() { _ = session.Close() })
	return session
}

func closeSession(t *testing.T, s store.Session) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func record(t *testing.T, s store.Session, entries ...store.Entry) {
	t.Helper()
	if err := s.Record(context.WithoutCancel(t.Context()), entries...); err != nil {
		t.Fatalf("record: %v", err)
	}
}

// recordAll opens, records in one call and closes.
func recordAll(t *testing.T, s store.Store, entries ...store.Entry) {
	t.Helper()
	session := open(t, s, nil)
	record(t, session, entries...)
	closeSession(t, session)
}

func allRuns(t *testing.T, s store.Store) []store.Run {
	t.Helper()
	var runs []store.Run
	for run, err := range s.Runs(t.Context()) {
		if err != nil {
			t.Fatalf("runs: %v", err)
		}
		runs = append(runs, run)
	}
	return runs
}

func entriesOf(t *testing.T, s store.Store, run string) []store.Entry {
	t.Helper()
	var entries []store.Entry
	for e, err := range s.Entries(t.Context(), run) {
		if err != nil {
			t.Fatalf("entries: %v", err)
		}
		entries = append(entries, e)
	}
	return entries
}
