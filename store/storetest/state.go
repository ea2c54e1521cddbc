package storetest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

func emptyStore(t *testing.T, place Opener) {
	for range 2 {
		state := load(t, place())
		if state.Serial != 0 || state.Lineage != "" || state.Key != nil || len(state.Tools) != 0 || state.Tools == nil {
			t.Errorf("state of nothing: %+v", state)
		}
		if got := allRuns(t, place()); len(got) != 0 {
			t.Errorf("runs of nothing: %v", got)
		}
		for _, err := range place().Entries(t.Context(), "run-1") {
			if !errors.Is(err, store.ErrNoRun) {
				t.Errorf("entries of nothing: %v", err)
			}
		}
	}
}

func recordThenLoad(t *testing.T, place Opener) {
	entries := Journal(1, 40, 5)
	session := open(t, place(), load(t, place()))
	for i := range entries {
		want := entries[i].Seq
		entries[i].Seq = 0
		record(t, session, entries[i:i+1]...)
		if entries[i].Seq != want {
			t.Errorf("entry %d was given number %d", want, entries[i].Seq)
		}
	}
	closeSession(t, session)
	same(t, "state", fold(entries).Tools, load(t, place()).Tools)
	same(t, "entries", entries, everything(t, place()))
}

func lineageAndKey(t *testing.T, place Opener) {
	session := open(t, place(), nil)
	first := session.State()
	closeSession(t, session)
	if first.Lineage == "" || len(first.Key) < 32 {
		t.Fatalf("lineage %q and %d bytes of key", first.Lineage, len(first.Key))
	}
	recordAll(t, place(), Journal(1, 10, 3)...)
	for range 2 {
		now := load(t, place())
		if now.Lineage != first.Lineage || !bytes.Equal(now.Key, first.Key) {
			t.Errorf("lineage or key have changed: %q %x, then %q %x", first.Lineage, first.Key, now.Lineage, now.Key)
		}
	}
}

// foldOfAll records in sessions of different lengths, so that snapshots lie anywhere, and never asks the store for help.
func foldOfAll(t *testing.T, place Opener) {
	const per = 200
	for seed := range uint64(3) {
		all := Journal(seed, per, 12)
		if seed > 0 {
			recordedBefore := everything(t, place())
			for i := range all {
				all[i].Run = string(rune('a'+seed)) + all[i].Run
			}
			all = append(recordedBefore, all...)
		}
		for at := len(all) - per; at < len(all); {
			n := min(1+(at*7+int(seed))%61, len(all)-at)
			session := open(t, place(), load(t, place()))
			same(t, "state of the session", fold(all[:at]).Tools, session.State().Tools)
			for _, e := range all[at : at+n] {
				record(t, session, e)
			}
			closeSession(t, session)
			at += n
		}
		for i := range all {
			all[i].Seq = uint64(i) + 1
		}
		want, got := fold(all), load(t, place())
		if got.Serial != want.Serial {
			t.Errorf("serial %d, want %d", got.Serial, want.Serial)
		}
		same(t, "tools", want.Tools, got.Tools)
		same(t, "runs", foldRuns(all), allRuns(t, place()))
	}
}

func rawValues(t *testing.T, place Opener) {
	const loose, compact = "{ \"text\":\n  \"a<b> & \u2028 größe \\u00e9\", \"n\": 1e3,\t\"none\": null }", "{\"text\":\"a<b> & \u2028 größe \\u00e9\",\"n\":1e3,\"none\":null}"
	entries := func(raw string) []store.Entry {
		return []store.Entry{
			{Seq: 1, Kind: store.Intent, Run: "run-1", Tool: "a.b", Action: store.ActionCreate, Options: json.RawMessage(raw)},
			{Seq: 2, Kind: store.Applied, Run: "run-1", Tool: "a.b", Action: store.ActionCreate, Options: json.RawMessage(raw), Resource: json.RawMessage(raw)},
			{Seq: 3, Kind: store.Intent, Run: "run-1", Tool: "a.b", Action: store.ActionUpdate, Options: json.RawMessage(raw), Diff: []store.FieldDiff{{Path: "options", Before: json.RawMessage(raw)}}},
			{Seq: 4, Kind: store.Applied, Run: "run-1", Tool: "a.c", Options: json.RawMessage(`null`), Resource: json.RawMessage(`1`)},
			{Seq: 5, Kind: store.Applied, Run: "run-1", Tool: "a.d", Resource: json.RawMessage(`{}`)},
		}
	}
	recordAll(t, place(), entries(loose)...)
	same(t, "tools", fold(entries(compact)).Tools, load(t, place()).Tools)
	same(t, "entries", entries(compact), everything(t, place()))
}

// doubts are what a fold could get wrong that has not gone through JSON: the same options, written otherwise.
func doubts(t *testing.T, place Opener) {
	intent := func(seq uint64, action, options string) store.Entry {
		return store.Entry{Seq: seq, Kind: store.Intent, Run: "run-1", Tool: "a.b", Action: action, DependsOn: []schema.ID{"a.c"}, Options: json.RawMessage(options)}
	}
	failed := store.Entry{Seq: 3, Kind: store.Failed, Run: "run-1", Tool: "a.b", Action: store.ActionCreate, Error: "no answer"}
	entries := func(one, two string) []store.Entry {
		return []store.Entry{
			intent(1, store.ActionCreate, one), intent(2, store.ActionCreate, `{"n":1}`), failed,
			intent(4, store.ActionCreate, two), intent(5, store.ActionCreate, `{"n":3}`), intent(6, store.ActionCreate, `{"n":1}`),
			{Seq: 7, Kind: store.Applied, Run: "run-1", Tool: "a.c", Action: store.ActionAdopt, Options: json.RawMessage(`{"n":4}`)},
			{Seq: 8, Kind: store.Moved, Run: "run-1", Tool: "a.c", To: "a.d"},
			{Seq: 9, Kind: store.Applied, Run: "run-1", Tool: "a.e", Action: store.ActionCreate},
			{Seq: 10, Kind: store.Forgotten, Run: "run-1", Tool: "a.e", Action: store.ActionForget},
		}
	}
	want := fold(entries(`{"n":1}`, `{"n":2}`))
	tool := want.Tools["a.b"]
	if len(tool.Doubts()) != 3 || tool.Doubt.DependsOn[0] != "a.d" || tool.Earlier[0].DependsOn[0] != "a.d" || !want.Tools["a.d"].Adopted {
		t.Fatalf("this test needs another fold than %+v", tool)
	}
	loose := entries(` {"n": 1}`, "{\n\t\"n\": 2 }")
	for _, e := range [][]store.Entry{loose[:1], loose[1:4], loose[4:6], loose[6:8], loose[8:]} {
		recordAll(t, place(), e...)
		same(t, "tools", fold(entries(`{"n":1}`, `{"n":2}`)[:e[len(e)-1].Seq]).Tools, load(t, place()).Tools)
	}
}

// severalDoubts is doubts in one session: what it has folded itself is what all read later.
func severalDoubts(t *testing.T, place Opener) {
	var all, compact []store.Entry
	for i, options := range []string{` {"n": 1}`, `{"n":1}`, "{\"n\":\t2}", `{"n":3}`, `{ "n": 2}`, `{"n": 1}`} {
		e := store.Entry{Seq: uint64(i) + 1, Kind: store.Intent, Run: "run-1", Tool: "a.b", Action: store.ActionUpdate, Options: json.RawMessage(options)}
		all = append(all, e)
		e.Options = json.RawMessage(strings.Join(strings.Fields(options), ""))
		compact = append(compact, e)
	}
	session := open(t, place(), nil)
	for _, e := range all {
		record(t, session, e)
	}
	closeSession(t, session)
	same(t, "tools", fold(compact).Tools, load(t, place()).Tools)
}

func bigEntries(t *testing.T, place Opener) {
	big, err := json.Marshal(map[string]string{"text": strings.Repeat("0123456789abcdef", 1<<16)})
	if err != nil {
		t.Fatal(err)
	}
	entries := Journal(2, 20, 4)
	for i, kind := range []store.EntryKind{store.Intent, store.Applied} {
		entries[7+i] = store.Entry{Seq: uint64(8 + i), Kind: kind, Time: entries[7].Time, Run: entries[7].Run, Tool: "files.big", Action: store.ActionCreate, Options: big}
	}
	session := open(t, place(), nil)
	record(t, session, entries[:9]...)
	record(t, session, entries[9:]...)
	closeSession(t, session)
	same(t, "tools", fold(entries).Tools, load(t, place()).Tools)
	same(t, "entries", entries, everything(t, place()))
}

func ownCopies(t *testing.T, place Opener) {
	entries := Journal(3, 60, 6)
	want := fold(Journal(3, 60, 6)).Tools
	session := open(t, place(), nil)
	record(t, session, entries...)
	for _, e := range entries {
		scribble(e.Options, e.Resource)
		for path := range e.Digests {
			e.Digests[path] = "scribbled"
		}
		for i := range e.DependsOn {
			e.DependsOn[i] = "scrib.bled"
		}
	}
	closeSession(t, session)
	s := place()
	first := load(t, s)
	same(t, "tools after the caller has changed what it had given", want, first.Tools)
	for id, tool := range first.Tools {
		scribble(tool.Options, tool.Resource)
		tool.Doubt = &store.Doubt{Run: "scribbled"}
		delete(first.Tools, id)
	}
	clear(first.Key)
	same(t, "tools after the caller has changed what it had got", want, load(t, s).Tools)
	if again := load(t, s); bytes.Equal(again.Key, first.Key) {
		t.Error("the key is shared")
	}
}

func scribble(raws ...json.RawMessage) {
	for _, raw := range raws {
		for i := range raw {
			raw[i] = '!'
		}
	}
}

// fold is the oracle: package store's own fold, over everything.
func fold(entries []store.Entry) *store.State {
	state := store.NewState()
	for _, e := range entries {
		state.Apply(e)
	}
	return state
}

func foldRuns(entries []store.Entry) []store.Run {
	var runs []store.Run
	for _, e := range entries {
		i := slices.IndexFunc(runs, func(r store.Run) bool { return r.ID == e.Run })
		if i < 0 {
			i, runs = len(runs), append(runs, store.Run{})
		}
		runs[i].Apply(e)
	}
	slices.SortFunc(runs, func(a, b store.Run) int { return cmp.Compare(b.First, a.First) })
	return runs
}

// everything returns the whole journal, run by run.
func everything(t *testing.T, s store.Store) []store.Entry {
	t.Helper()
	var all []store.Entry
	for _, run := range allRuns(t, s) {
		all = append(all, entriesOf(t, s, run.ID)...)
	}
	slices.SortFunc(all, func(a, b store.Entry) int { return int(a.Seq) - int(b.Seq) })
	for i, e := range all {
		if e.Seq != uint64(i)+1 {
			t.Fatalf("entry %d is where %d should be", e.Seq, i+1)
		}
	}
	return all
}
