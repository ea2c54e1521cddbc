package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
	"github.com/devstream-io/dtm/store/s3"
	"github.com/devstream-io/dtm/store/storetest"
)

var clear keyring.Keys

// other keys than storetest.Recipient's, as public.
func otherKeys() keyring.Keys {
	return keyring.Keys{
		Recipients: []string{"age1wpy7a44f9dam2wmf599j78szelk6w8vwtme7ezj63rlcdeggysvqlmp3jn"},
		Identities: "AGE-SECRET-KEY-1M24PJVJ3YULZZ2RQRKZKZWDAJHS38WXEK4LKD8FC329LL57DSFNQC65XQN",
	}
}

// inClear tells how many of the objects that hold the journal are in clear, and how many are not.
func inClear(t *testing.T, server *server, key string) (legible, sealed int) {
	t.Helper()
	for name, body := range server.all(t, key+"/") {
		switch {
		case strings.HasSuffix(name, "lock.json"):
		case bytes.Contains(body, []byte(`"sealed":"`)):
			sealed++
		default:
			legible++
		}
	}
	return legible, sealed
}

// seededPruned is a store of five runs whose oldest were pruned, and some of whose objects wait to be deleted.
func seededPruned(t *testing.T, f *front, key string, keys keyring.Keys) {
	t.Helper()
	recordRuns(t, f.keeping(t, key, 0, keys, s3.Tuning{FoldEntries: 4}), 1, 3)
	recordRuns(t, f.keeping(t, key, 2, keys, s3.Tuning{FoldEntries: 4}), 4, 5)
	f.failing(nil)
}

func TestRekeyMayFailAtAnyRequest(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes long with -race")
	}
	server := newServer(t)
	f := server.front(t)
	f.forgetful()
	// The ways do the same requests. Each takes every third, so that all are tried: all of them each time takes minutes
	// with -race.
	for i, way := range []struct {
		name     string
		from, to keyring.Keys
	}{
		{"encrypt", clear, storetest.Recipient()},
		{"change", storetest.Recipient(), otherKeys()},
		{"decrypt", storetest.Recipient(), clear},
	} {
		t.Run(way.name, func(t *testing.T) {
			seed := "seed/" + way.name
			seededPruned(t, f, seed, way.from)
			for _, o := range []outcome{refused, unheard} {
				seen, step := 0, 3
				if o == unheard {
					step = 6
				}
				for n, more := 1+i, true; more; n += step {
					key := fmt.Sprintf("rekey/%s/%d/%d", way.name, o, n)
					server.clone(t, seed, key)
					f.failing(once(n, o))
					err := f.keeping(t, key, 2, way.from, s3.Tuning{Attempts: 1}).Rekey(t.Context(), storetest.Holder("rekey"), way.to)
					more = len(f.requests()) >= n
					f.failing(nil)
					if err != nil {
						seen++
					}
					// It opens with what the head says.
					s := f.keeping(t, key, 2, way.from, s3.Tuning{})
					if _, loadErr := s.Load(t.Context()); errors.Is(loadErr, keyring.ErrKeys) {
						s = f.keeping(t, key, 2, way.to, s3.Tuning{})
					}
					holds(t, s, 4, 5)
					server.ahead.Store(int64(2 * time.Minute)) // a lock that could not be given back
					recordRuns(t, s, 6, 6)
					if err := s.Rekey(t.Context(), storetest.Holder("rekey"), way.to); err != nil {
						t.Errorf("%s at request %d, a second time: %v", o, n, err)
					}
					holds(t, f.keeping(t, key, 2, way.to, s3.Tuning{}), 5, 6)
					legible, sealed := inClear(t, server, key)
					if way.to.IsZero() && sealed > 0 || !way.to.IsZero() && legible > 0 {
						t.Errorf("%s at request %d: %d objects are in clear, %d are not", o, n, legible, sealed)
					}
					server.ahead.Store(0)
				}
				if seen < 5 {
					t.Errorf("%s was noticed %d times only: does this test still test?", o, seen)
				}
			}
		})
	}
}

func TestRekeyAnyOneRequestOfWhichFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	f := server.front(t)
	f.forgetful()
	seededPruned(t, f, "seed", clear)
	step := 2
	if testing.Short() {
		step = 11
	}
	for n, more := 1, true; more; n += step {
		key := fmt.Sprintf("retried/%d", n)
		server.clone(t, "seed", key)
		f.failing(once(n, unheard))
		if err := f.store(t, key, s3.Tuning{}).Rekey(t.Context(), storetest.Holder("rekey"), storetest.Recipient()); err != nil {
			t.Errorf("request %d: %v", n, err)
		}
		more = len(f.requests()) > n
		f.failing(nil)
		holds(t, f.keeping(t, key, 2, storetest.Recipient(), s3.Tuning{}), 4, 5)
	}
}

// What a session left behind that died between its snapshot and the head is found as well.
func TestRekeyLeavesNothingInClearThatTheHeadDoesNotName(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	s := f.store(t, "orphan", s3.Tuning{FoldEntries: 4, Attempts: 1})
	heads := 0
	f.failing(func(_ int, r *http.Request) outcome {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "head.json") {
			if heads++; heads > 1 {
				return refused
			}
		}
		return served
	})
	if _, err := recordRest(t, s, oneRun(8)); err == nil {
		t.Fatal("the head was written")
	}
	f.failing(nil)
	if _, snapshots := size(t, server, "orphan"); snapshots == 0 {
		t.Fatal("there is no snapshot")
	}
	if err := s.Rekey(t.Context(), storetest.Holder("rekey"), storetest.Recipient()); err != nil {
		t.Fatal(err)
	}
	if legible, _ := inClear(t, server, "orphan"); legible > 0 {
		t.Errorf("%d objects are in clear", legible)
	}
	check(t, f.keeping(t, "orphan", 0, storetest.Recipient(), s3.Tuning{}), oneRun(8))
}

func TestRekeyMeetsSnapshotsThatAreDoomedOnce(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	recordRuns(t, f.store(t, "thin", s3.Tuning{FoldEntries: 2, Snapshots: 4}), 1, 8)
	if err := f.store(t, "thin", s3.Tuning{}).Rekey(t.Context(), storetest.Holder("rekey"), storetest.Recipient()); err != nil {
		t.Fatal(err)
	}
	if legible, _ := inClear(t, server, "thin"); legible > 0 {
		t.Errorf("%d objects are in clear", legible)
	}
	holds(t, f.keeping(t, "thin", 0, storetest.Recipient(), s3.Tuning{}), 1, 8)
}

// The lock was taken away from a session that still writes when all has been rewritten.
func TestWhatIsWrittenLateIsEncryptedWithTheRest(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	s := f.store(t, "late", s3.Tuning{})
	zombie := mustOpen(t, s, "apply --slowly")
	mustRecord(t, zombie, "first")
	if err := s.Unlock(t.Context(), mustLock(t, s).ID); err != nil {
		t.Fatal(err)
	}
	way := server.front(t)
	way.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "head.json") && count(way, "PUT late/head.json") == 2 {
			mustRecord(t, zombie, "second")
		}
		server.ServeHTTP(w, r)
	})
	if err := way.store(t, "late", s3.Tuning{}).Rekey(t.Context(), storetest.Holder("rekey"), storetest.Recipient()); err != nil {
		t.Fatal(err)
	}
	if legible, _ := inClear(t, server, "late"); legible > 0 {
		t.Errorf("%d objects are in clear", legible)
	}
	if got := texts(t, f.keeping(t, "late", 0, storetest.Recipient(), s3.Tuning{})); got != "first second" {
		t.Error(got)
	}
}

func TestRekeyToKeysThatDoNotDecryptIsRefused(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	recordRuns(t, f.store(t, "oneway", s3.Tuning{}), 1, 2)
	to := storetest.Recipient()
	to.Identities = otherKeys().Identities
	err := f.store(t, "oneway", s3.Tuning{}).Rekey(t.Context(), storetest.Holder("rekey"), to)
	if text, hint := problem(t, err); !errors.Is(err, keyring.ErrKeys) || hint == "" || strings.Contains(text, "AGE-SECRET-KEY") {
		t.Errorf("%s\n  hint: %s", text, hint)
	}
	holds(t, f.store(t, "oneway", s3.Tuning{}), 1, 2)
}

func TestRekeyOfNothingIsNothing(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	for name, to := range map[string]keyring.Keys{"clear": clear, "keys": storetest.Recipient()} {
		if err := f.store(t, "nothing/"+name, s3.Tuning{}).Rekey(t.Context(), storetest.Holder("rekey"), to); err != nil {
			t.Error(err)
		}
		if state, err := f.keeping(t, "nothing/"+name, 0, to, s3.Tuning{}).Load(t.Context()); err != nil || state.Lineage != "" {
			t.Errorf("%+v, %v", state, err)
		}
	}
}

func TestKeysThatDoNotFitSayWhatToDo(t *testing.T) {
	f := newServer(t).front(t)
	recordRuns(t, f.store(t, "clear", s3.Tuning{}), 1, 1)
	recordRuns(t, f.keeping(t, "sealed", 0, storetest.Recipient(), s3.Tuning{}), 1, 1)
	for _, test := range []struct {
		key  string
		keys keyring.Keys
		hint string
	}{
		{"clear", storetest.Recipient(), "`dtm state rekey` encrypts it"},
		{"sealed", clear, "state.encryption in the configuration must say how to decrypt it"},
		{"sealed", otherKeys(), "state.encryption in the configuration must say how to decrypt it"},
	} {
		_, err := f.keeping(t, test.key, 0, test.keys, s3.Tuning{}).Load(t.Context())
		if text, hint := problem(t, err); !errors.Is(err, keyring.ErrKeys) || errors.Is(err, store.ErrCorrupt) || hint != test.hint {
			t.Errorf("%s\n  hint: %s", text, hint)
		}
	}
}

func TestCommandOfAHolderIsReadByThoseWhoMay(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	s := f.keeping(t, "held", 0, storetest.Recipient(), s3.Tuning{})
	mustOpen(t, s, "apply --to-nowhere")
	for name, body := range server.all(t, "held/") {
		if bytes.Contains(body, []byte("nowhere")) {
			t.Errorf("%s: %s", name, body)
		}
	}
	if got := mustLock(t, f.keeping(t, "held", 0, storetest.Recipient(), s3.Tuning{})); got.Holder != storetest.Holder("apply --to-nowhere") {
		t.Errorf("%+v", got)
	}
	want := storetest.Holder("")
	for _, keys := range []keyring.Keys{clear, otherKeys()} {
		if got := mustLock(t, f.keeping(t, "held", 0, keys, s3.Tuning{})); got.Holder != want {
			t.Errorf("without the keys: %+v", got)
		}
	}
}

func TestDamageOfWhatIsEncryptedIsNamed(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	// Snapshots at 4 and 8, entries 9 to 11 behind them.
	for key, keys := range map[string]keyring.Keys{"damage": storetest.Recipient(), "other": storetest.Recipient(), "legible": clear} {
		if _, err := recordRest(t, f.keeping(t, key, 0, keys, s3.Tuning{FoldEntries: 4}), oneRun(11)); err != nil {
			t.Fatal(err)
		}
	}
	snapshot := fmt.Sprintf("snapshot/%020d.json", 8)
	of := func(key, name string) []byte { return server.all(t, key+"/"+name)[key+"/"+name] }
	for _, name := range []string{"head.json", snapshot, journalName(9), journalName(11)} {
		for _, test := range []struct {
			what   string
			change func(body []byte) []byte
			err    error
		}{
			{"gone", func([]byte) []byte { return nil }, store.ErrCorrupt},
			{"cut off", func(b []byte) []byte { return b[:len(b)/2] }, store.ErrCorrupt},
			{"cut off at the end", func(b []byte) []byte { return b[:len(b)-1] }, store.ErrCorrupt},
			{"empty", func([]byte) []byte { return []byte{} }, store.ErrCorrupt},
			{"changed", func(b []byte) []byte { return flip(b, len(b)-9) }, store.ErrCorrupt},
			{"of a newer dtm", func(b []byte) []byte { return bytes.Replace(b, []byte(`"format":1`), []byte(`"format":2`), 1) }, store.ErrNewer},
			{"of another store", func([]byte) []byte { return of("other", name) }, store.ErrCorrupt},
			{"in clear", func([]byte) []byte { return of("legible", name) }, store.ErrCorrupt},
		} {
			if name == "head.json" && (test.what == "of another store" || test.what == "in clear") {
				continue // a head has the keys to itself; see the package comment
			}
			t.Run(name+" "+test.what, func(t *testing.T) {
				way := changing(t, server, "damage", func(n string, body []byte) []byte {
					if n == name {
						return test.change(body)
					}
					return body
				})
				s := way.keeping(t, "damage", 0, storetest.Recipient(), s3.Tuning{})
				_, err := s.Load(t.Context())
				text, hint := problem(t, err)
				if !errors.Is(err, test.err) || errors.Is(err, keyring.ErrKeys) || hint == "" {
					t.Errorf("load: %s\n  hint: %s", text, hint)
				}
				if _, err := s.Open(t.Context(), storetest.Holder("apply"), nil); !errors.Is(err, test.err) {
					t.Errorf("open: %v", err)
				}
				if err := s.Rekey(t.Context(), storetest.Holder("rekey"), clear); !errors.Is(err, test.err) {
					t.Errorf("rekey: %v", err)
				}
			})
		}
	}
	t.Run("ring changed", func(t *testing.T) {
		way := changing(t, server, "damage", func(n string, body []byte) []byte {
			if n == "head.json" {
				return flip(body, 100)
			}
			return body
		})
		if _, err := way.keeping(t, "damage", 0, storetest.Recipient(), s3.Tuning{}).Load(t.Context()); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("load: %v", err)
		}
	})
	t.Run("in clear, sealed object", func(t *testing.T) {
		way := changing(t, server, "legible", func(n string, body []byte) []byte {
			if n == journalName(9) {
				return of("damage", n)
			}
			return body
		})
		if _, err := way.store(t, "legible", s3.Tuning{}).Load(t.Context()); !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), "is encrypted, and the store is not") {
			t.Errorf("load: %v", err)
		}
	})
	check(t, f.keeping(t, "damage", 0, storetest.Recipient(), s3.Tuning{}), oneRun(11))
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	if b[at] == 'A' {
		b[at] = 'B'
	} else {
		b[at] = 'A'
	}
	return b
}
