package bolt_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
	"github.com/devstream-io/dtm/store/storetest"
)

var yaml = []byte("trello_default:\n  name: trello\n")

func takenOver() []store.Entry {
	return []store.Entry{
		{Kind: store.Started, Run: "run-1", Command: "import"},
		{Kind: store.TakenOver, Run: "run-1", Tool: "trello.default", Options: json.RawMessage(`{"a":1}`)},
		{Kind: store.Finished, Run: "run-1", Result: store.Succeeded},
	}
}

func TestImportReplacesAnOldFileInOneStep(t *testing.T) {
	key := []byte("the key of the entries' digests.")
	for _, there := range []bool{false, true} {
		dir := t.TempDir()
		path := filepath.Join(dir, "devstream.state")
		if there {
			if err := os.WriteFile(path, yaml, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := bolt.Import(t.Context(), path, key, takenOver(), bolt.Options{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"devstream.state"}, names(t, dir)); diff != "" {
			t.Error(diff)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		s := quick(path)
		state, err := s.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(state.Key, key) {
			t.Errorf("the key is %q", state.Key)
		}
		if state.Serial != 3 || state.Lineage == "" || len(state.Key) != 32 || len(state.Tools) != 1 || !state.Tools["trello.default"].TakenOver {
			t.Errorf("state: %+v", state)
		}
		session, err := s.Open(t.Context(), storetest.Holder("apply"), state)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(session.Record(t.Context(), takenOver()...), session.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestImportNeverReplacesAStore(t *testing.T) {
	s := made(t, t.TempDir())
	if err := bolt.Import(t.Context(), s.String(), nil, takenOver(), bolt.Options{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v, want fs.ErrExist", err)
	}
	if state, err := s.Load(t.Context()); err != nil || state.Serial != 10 {
		t.Errorf("%v, %v", state, err)
	}
}

func TestOfEightImportsAtOnceOneWins(t *testing.T) {
	for _, there := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "devstream.state")
		if there {
			if err := os.WriteFile(path, yaml, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		errs := make(chan error)
		for range 8 {
			go func() { errs <- bolt.Import(t.Context(), path, nil, takenOver(), bolt.Options{}) }()
		}
		won := 0
		for range 8 {
			if err := <-errs; err == nil {
				won++
			} else if !errors.Is(err, fs.ErrExist) && !errors.As(err, new(*store.LockedError)) {
				t.Errorf("%v, want fs.ErrExist or *LockedError", err)
			}
		}
		if won != 1 {
			t.Errorf("%d have won", won)
		}
		if state, err := quick(path).Load(t.Context()); err != nil || state.Serial != 3 {
			t.Errorf("%v, %v", state, err)
		}
	}
}

func TestImportThatFailsChangesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "devstream.state")
	if err := os.WriteFile(path, yaml, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := bolt.Import(ctx, path, nil, takenOver(), bolt.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	bad := append(takenOver(), store.Entry{Options: json.RawMessage("{")})
	if err := bolt.Import(t.Context(), path, nil, bad, bolt.Options{}); err == nil {
		t.Error("an entry that is no JSON was accepted")
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, yaml) {
		t.Errorf("the old file is now %q, %v", got, err)
	}
	if diff := cmp.Diff([]string{"devstream.state"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestImportFollowsALink(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "devstream.state"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(file, yaml, 0o644), os.Symlink("devstream.state", link)); err != nil {
		t.Fatal(err)
	}
	if err := bolt.Import(t.Context(), link, nil, takenOver(), bolt.Options{}); err != nil {
		t.Fatal(err)
	}
	if is, err := bolt.Is(file); !is || err != nil {
		t.Errorf("the file behind the link: %t, %v", is, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link has become %v, %v", info.Mode(), err)
	}
}

func TestIsKnowsAStoreByItsBeginning(t *testing.T) {
	dir := t.TempDir()
	s := made(t, dir)
	raw, err := os.ReadFile(s.String())
	if err != nil {
		t.Fatal(err)
	}
	noFirst := bytes.Clone(raw)
	clear(noFirst[:os.Getpagesize()])
	for name, test := range map[string]struct {
		content []byte
		want    bool
	}{
		"a store":                        {raw, true},
		"a store that was cut short":     {raw[:100], true},
		"a store without its first page": {noFirst, true},
		"an empty file":                  {nil, false},
		"a YAML file":                    {yaml, false},
		"a long YAML file":               {bytes.Repeat(yaml, 5000), false},
	} {
		path := filepath.Join(dir, "file")
		if err := os.WriteFile(path, test.content, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := bolt.Is(path); got != test.want || err != nil {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
	if _, err := bolt.Is(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := bolt.Is(dir); err == nil {
		t.Error("a folder is neither")
	}
}
