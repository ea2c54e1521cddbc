package bolt

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/storetest"
)

// longStore has more entries than one transaction forgets.
func longStore(t *testing.T) *Store {
	t.Helper()
	s := New(filepath.Join(t.TempDir(), "state.db"), Options{})
	opened, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
	if err != nil {
		t.Fatal(err)
	}
	all := storetest.Journal(21, 3*pruneEntries+200, 400)
	if err := opened.Record(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

// newest is what is left of everything when only so many runs are kept.
func (c contents) newest(keep int) contents {
	first := c.Runs[keep-1].First
	left := contents{State: c.State, Runs: c.Runs[:keep], At: c.At[:keep]}
	for _, e := range c.Entries {
		if e.Seq >= first {
			left.Entries = append(left.Entries, e)
		}
	}
	return left
}

func TestPruningThatIsBrokenOffLosesNothingAndIsCompleted(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long with -race")
	}
	const keep = 2
	s := longStore(t)
	want, err := readAll(t, s)
	if err != nil || len(want.Runs) < 10 {
		t.Fatalf("%d runs, %v", len(want.Runs), err)
	}
	s.keep = keep
	opened, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	sess := opened.(*session)
	dir, steps := t.TempDir(), 0
	for pruning := true; pruning; steps++ {
		if err := sess.file.commit(sess.pruneSome); err != nil {
			t.Fatal(err)
		}
		if err := sess.file.view(func(tx *bbolt.Tx, _ header) error {
			pruning = tx.Bucket(metaBucket).Get(pruningKey) != nil
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		// The process may die after a commit, or the disk lose the header of the last one.
		for what, raw := range map[string][]byte{"died": raw, "lame": withoutNewest(t, raw)} {
			keeps := []int{keep, 0}
			if what == "lame" {
				keeps = keeps[:1]
			}
			for _, keep := range keeps {
				name := fmt.Sprintf("%s after step %d, then %d are kept", what, steps, keep)
				path := filepath.Join(dir, "state.db")
				if err := os.WriteFile(path, raw, 0o600); err != nil {
					t.Fatal(err)
				}
				prunedOnce := New(path, Options{Keep: keep})
				if state, err := prunedOnce.Load(t.Context()); err != nil || !reflect.DeepEqual(state, want.State) {
					t.Fatalf("%s: another state is loaded (%v)", name, err)
				}
				session, err := prunedOnce.Open(t.Context(), storetest.Holder("apply"), want.State)
				if err != nil {
					t.Fatalf("%s: open: %v", name, err)
				}
				if err := session.Close(); err != nil {
					t.Fatalf("%s: close: %v", name, err)
				}
				got, err := readAll(t, prunedOnce)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				left := len(got.Runs)
				if keep > 0 && left > keep || left < 2 || !reflect.DeepEqual(got, want.newest(left)) {
					t.Fatalf("%s: %d runs are left, and not all is as it was", name, left)
				}
				noOrphans(t, name, prunedOnce, got)
			}
		}
	}
	if steps < 3 {
		t.Errorf("pruning took %d steps, this test needs more", steps)
	}
}

// withoutNewest is the file without the header of its last transaction.
func withoutNewest(t *testing.T, raw []byte) []byte {
	t.Helper()
	size := int64(os.Getpagesize())
	_, one, err := parseMeta(bytes.NewReader(raw), 0)
	if err != nil {
		t.Fatal(err)
	}
	_, two, err := parseMeta(bytes.NewReader(raw), size)
	if err != nil {
		t.Fatal(err)
	}
	raw, off := bytes.Clone(raw), int64(0)
	if two > one {
		off = size
	}
	clear(raw[off : off+size])
	return raw
}

// noOrphans checks that the journal begins where the oldest run does.
func noOrphans(t *testing.T, name string, s *Store, got contents) {
	t.Helper()
	err := s.read(t.Context(), true, func(tx *bbolt.Tx, head header) error {
		if tx.Bucket(metaBucket).Get(pruningKey) != nil {
			t.Errorf("%s: the pruning is not complete", name)
		}
		if first := got.Runs[len(got.Runs)-1].First; first != head.base+1 {
			t.Errorf("%s: the oldest run begins at entry %d, the journal at %d", name, first, head.base+1)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestForgottenEntriesGiveTheirRoomBack(t *testing.T) {
	s := longStore(t)
	want, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.keep = 1
	for i := range 4 {
		session, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
		if err != nil {
			t.Fatal(err)
		}
		before := size(t, s)
		run := fmt.Sprintf("again-%d", i)
		var entries []store.Entry
		for range 2000 {
			entries = append(entries, store.Entry{Kind: store.Skipped, Run: run, Tool: "a.b", Error: "because of something or other"})
		}
		if err := session.Record(t.Context(), entries...); err != nil {
			t.Fatal(err)
		}
		if err := session.Close(); err != nil {
			t.Fatal(err)
		}
		if after := size(t, s); i > 0 && after > before {
			t.Errorf("round %d: the file has grown from %d to %d bytes", i, before, after)
		}
	}
	if state, err := s.Load(t.Context()); err != nil || len(state.Tools) != len(want.Tools) {
		t.Errorf("load: %v", err)
	}
}

func size(t *testing.T, s *Store) int64 {
	t.Helper()
	info, err := os.Stat(s.path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
