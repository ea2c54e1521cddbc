package storetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

// Passphrase returns keys for tests.
func Passphrase(words string) keyring.Keys { return keyring.Keys{Passphrase: words} }

// Recipient returns other keys for tests. They are as public as this file.
func Recipient() keyring.Keys {
	return keyring.Keys{
		Recipients: []string{"age1u79xrpnx8gdewmllqkrqj5zfvnl66pmu6zfn7g8dq2q0pft0jg0qjd7hdw"},
		Identities: "# for tests\nAGE-SECRET-KEY-15S8ZMTQCZPH9L9DHZ90H07DFW6L00DSU0CL5WD0FMD52U590FA4SRJV0MT\n",
	}
}

// RunEncrypted checks a store that is encrypted where it was given keys, and is a [store.Rekeyer]. Calls of place with the
// same t lead to one place, with another t to a new, empty one; the zero keys are for a store in clear. raw is all bytes
// that are stored at the place that was last asked for, names included. That an encrypted store keeps all other promises
// is checked by [Run] and [RunPruned] with keys given.
func RunEncrypted(t *testing.T, place func(t *testing.T, keys keyring.Keys) Opener, raw func() []byte) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, place func(keyring.Keys) Opener, raw func() []byte)
	}{
		{"nothing of what is recorded can be read in what is stored", nothingShows},
		{"keys that do not fit are an error and change nothing", misfits},
		{"rekey changes the keys and nothing else", rekey},
		{"rekey takes the lock", rekeyLocks},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, func(keys keyring.Keys) Opener { return place(t, keys) }, raw)
		})
	}
}

// canaries are what must not be seen. Each is in one field.
var canaries = []string{
	"canary-plugin", "canary-instance", "canary-moved", "canary-depends", "canary-option-key", "canary-option-value",
	"canary-resource", "canary-digest", "canary-message", "canary-command", "canary-author", "canary-config-digest",
	"canary-error", "canary-diff", "canary-reason", "canary-ignored",
}

func canaryEntries() []store.Entry {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const run = "run-1"
	options := json.RawMessage(`{"canary-option-key":"canary-option-value"}`)
	entries := []store.Entry{
		{
			Kind: store.Started, Command: "apply canary-command", Author: "canary-author", ConfigDigest: "canary-config-digest",
			Message: "canary-message", Planned: []store.Planned{{Tool: "canary-plugin.canary-instance", Action: store.ActionCreate, Reason: "canary-reason"}},
		},
		{Kind: store.Intent, Tool: "canary-plugin.canary-instance", Action: store.ActionCreate, Options: options, DependsOn: []schema.ID{"canary-depends.x"}},
		{
			Kind: store.Applied, Tool: "canary-plugin.canary-instance", Action: store.ActionCreate, Options: options, DependsOn: []schema.ID{"canary-depends.x"},
			Resource: json.RawMessage(`{"id":"canary-resource"}`), Digests: map[string]string{"token": "canary-digest"}, Lifecycle: &schema.Lifecycle{IgnoreChanges: []string{"canary-ignored"}},
		},
		{Kind: store.Moved, Tool: "canary-plugin.canary-instance", To: "canary-plugin.canary-moved"},
		{Kind: store.Intent, Tool: "canary-plugin.canary-moved", Action: store.ActionUpdate, Options: options, Diff: []store.FieldDiff{{Path: "options.canary-diff"}}},
		{Kind: store.Failed, Tool: "canary-plugin.canary-moved", Action: store.ActionUpdate, Error: "canary-error"},
		{Kind: store.Finished, Result: store.FailedRun},
	}
	for i := range entries {
		entries[i].Seq, entries[i].Run, entries[i].Time = uint64(i)+1, run, began.Add(time.Duration(i)*time.Second)
	}
	return entries
}

func showing(raw []byte) (seen []string) {
	raw = bytes.ToLower(raw)
	for _, c := range canaries {
		if bytes.Contains(raw, []byte(strings.ToLower(c))) {
			seen = append(seen, c)
		}
	}
	return seen
}

func nothingShows(t *testing.T, place func(keyring.Keys) Opener, raw func() []byte) {
	at := place(Recipient())
	session := open(t, at(), nil)
	record(t, session, canaryEntries()...)
	if seen := showing(raw()); seen != nil {
		t.Errorf("while the session is open one can read %v", seen)
	}
	closeSession(t, session)
	if seen := showing(raw()); seen != nil {
		t.Errorf("one can read %v", seen)
	}
	state := load(t, at())
	if bytes.Contains(raw(), []byte(state.Lineage)) || bytes.Contains(raw(), state.Key) {
		t.Error("one can read the lineage or the key")
	}
	same(t, "tools", fold(canaryEntries()).Tools, state.Tools)
	same(t, "entries", canaryEntries(), everything(t, at()))
}

// fails calls everything that reads or writes.
func fails(t *testing.T, s store.Store, check func(what string, err error)) {
	t.Helper()
	_, err := s.Load(t.Context())
	check("load", err)
	session, err := s.Open(t.Context(), Holder("apply"), nil)
	check("open", err)
	if err == nil {
		closeSession(t, session)
	}
	err = nil
	for _, err = range s.Runs(t.Context()) {
		break
	}
	check("runs", err)
	err = nil
	for _, err = range s.Entries(t.Context(), "run-1") {
		break
	}
	check("entries", err)
	_, err = s.At(t.Context(), "run-1")
	check("at", err)
}

func misfits(t *testing.T, place func(keyring.Keys) Opener, _ func() []byte) {
	const secret = "correct horse battery staple"
	in := func(keys keyring.Keys) { recordAll(t, place(keys)(), canaryEntries()...) }
	refuse := func(name string, keys keyring.Keys) {
		t.Helper()
		fails(t, place(keys)(), func(what string, err error) {
			t.Helper()
			var hint interface{ Hint() string }
			if !errors.Is(err, keyring.ErrKeys) || errors.Is(err, store.ErrCorrupt) {
				t.Errorf("%s: %s: %v, want ErrKeys", name, what, err)
			} else if !errors.As(err, &hint) || hint.Hint() == "" {
				t.Errorf("%s: %s: %v has no hint", name, what, err)
			} else if text := err.Error() + hint.Hint(); strings.Contains(text, secret) || strings.Contains(text, "AGE-SECRET-KEY") {
				t.Errorf("%s: %s: the error shows a key: %s", name, what, text)
			}
		})
	}
	accept := func(keys keyring.Keys) {
		t.Helper()
		s := place(keys)()
		closeSession(t, open(t, s, load(t, s)))
		same(t, "entries", canaryEntries(), everything(t, s))
	}
	stranger := Recipient()
	stranger.Identities = "" // it may encrypt, but not decrypt
	t.Run("in clear", func(t *testing.T) {
		in(keyring.Keys{})
		refuse("a passphrase", Passphrase(secret))
		refuse("a recipient", Recipient())
		accept(keyring.Keys{})
	})
	if err := rekeyer(t, place(keyring.Keys{})()).Rekey(t.Context(), Holder("rekey"), Recipient()); err != nil {
		t.Fatal(err)
	}
	t.Run("to a recipient", func(t *testing.T) {
		refuse("no keys", keyring.Keys{})
		refuse("no identity", stranger)
		refuse("a passphrase", Passphrase(secret))
		refuse("what is no identity", keyring.Keys{Recipients: stranger.Recipients, Identities: "AGE-SECRET-KEY-1" + secret})
		accept(Recipient())
	})
	if err := rekeyer(t, place(Recipient())()).Rekey(t.Context(), Holder("rekey"), Passphrase(secret)); err != nil {
		t.Fatal(err)
	}
	t.Run("with a passphrase", func(t *testing.T) {
		refuse("no keys", keyring.Keys{})
		refuse("an identity", Recipient())
		refuse("another passphrase", Passphrase(secret+" "))
		accept(Passphrase(secret))
	})
}

func rekeyer(t *testing.T, s store.Store) store.Rekeyer {
	t.Helper()
	r, ok := s.(store.Rekeyer)
	if !ok {
		t.Fatalf("%T cannot be encrypted", s)
	}
	return r
}

func rekey(t *testing.T, place func(keyring.Keys) Opener, raw func() []byte) {
	all := canaryEntries()
	for _, e := range Journal(13, 200, 8) {
		e.Seq += uint64(len(canaryEntries()))
		e.Run = "later-" + e.Run
		all = append(all, e)
	}
	recordAll(t, place(keyring.Keys{})(), all[:50]...)
	recordAll(t, place(keyring.Keys{})(), all[50:150]...)
	before := load(t, place(keyring.Keys{})())
	steps := []keyring.Keys{{}, Passphrase("one"), Passphrase("two"), Recipient(), {}}
	for i, to := range steps[1:] {
		from := steps[i]
		if err := rekeyer(t, place(from)()).Rekey(t.Context(), Holder("rekey"), to); err != nil {
			t.Fatalf("rekey %d: %v", i, err)
		}
		seen := showing(raw())
		if !to.IsZero() && seen != nil {
			t.Errorf("after rekey %d one can read %v", i, seen)
		}
		if to.IsZero() && len(seen) != len(canaries) {
			t.Errorf("in clear one can read only %v", seen)
		}
		if _, err := place(from)().Load(t.Context()); !errors.Is(err, keyring.ErrKeys) {
			t.Errorf("rekey %d: load with the old keys: %v, want ErrKeys", i, err)
		}
		// One store for all: a passphrase takes a tenth of a second each time.
		s := place(to)()
		at := func() store.Store { return s }
		state := load(t, at())
		if state.Lineage != before.Lineage || !bytes.Equal(state.Key, before.Key) {
			t.Errorf("rekey %d has changed the lineage or the key", i)
		}
		n := 150 + 10*i
		prunedTo(t, at, all[:n], 0)
		// It is still a store.
		session := open(t, at(), state)
		record(t, session, all[n:n+10]...)
		closeSession(t, session)
		prunedTo(t, at, all[:n+10], 0)
	}
}

func rekeyLocks(t *testing.T, place func(keyring.Keys) Opener, _ func() []byte) {
	at := place(Recipient())
	session := open(t, at(), nil)
	record(t, session, canaryEntries()...)
	err := rekeyer(t, at()).Rekey(t.Context(), Holder("rekey"), keyring.Keys{})
	if !errors.As(err, new(*store.LockedError)) {
		t.Errorf("rekey while a session is open: %v, want *LockedError", err)
	}
	closeSession(t, session)
	if err := rekeyer(t, at()).Rekey(t.Context(), Holder("rekey"), keyring.Keys{Recipients: []string{"age1nobody"}}); !errors.Is(err, keyring.ErrKeys) {
		t.Errorf("rekey to what is no recipient: %v, want ErrKeys", err)
	}
	same(t, "entries", canaryEntries(), everything(t, at()))
	if got, err := at().Lock(t.Context()); err != nil || got != nil {
		t.Errorf("lock after a rekey that was refused: %+v, %v", got, err)
	}
}
