package bolt

import (
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/storetest"
)

// snapshotOf looks into a file without waiting for its session.
func snapshotOf(t *testing.T, s *session) (snapshot, serial uint64) {
	t.Helper()
	err := s.file.view(func(tx *bbolt.Tx, head header) error {
		snapshot, serial = head.snapshot, tx.Bucket(journalBucket).Sequence()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return snapshot, serial
}

func TestSnapshotIsBroughtUpToDateByCloseAndInALongSession(t *testing.T) {
	s := New(filepath.Join(t.TempDir(), "state.db"), Options{})
	opened, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
	if err != nil {
		t.Fatal(err)
	}
	first := opened.(*session)
	entries := storetest.Journal(1, foldEvery+1, 100)
	for i := 0; i < foldEvery; i += 1000 {
		if snapshot, serial := snapshotOf(t, first); snapshot != 0 || serial != uint64(i) {
			t.Fatalf("snapshot at %d of %d", snapshot, serial)
		}
		if err := first.Record(t.Context(), entries[i:i+1000]...); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Record(t.Context(), entries[foldEvery]); err != nil {
		t.Fatal(err)
	}
	if snapshot, serial := snapshotOf(t, first); snapshot != foldEvery || serial != foldEvery+1 {
		t.Errorf("in a long session: snapshot at %d of %d", snapshot, serial)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	opened, err = s.Open(t.Context(), storetest.Holder("apply"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if snapshot, serial := snapshotOf(t, opened.(*session)); snapshot != serial || serial != foldEvery+1 {
		t.Errorf("after close: snapshot at %d of %d", snapshot, serial)
	}
	want := store.NewState()
	for _, e := range entries {
		want.Apply(e)
	}
	if got := opened.State(); got.Serial != want.Serial || len(got.Tools) != len(want.Tools) {
		t.Errorf("%d tools at %d, want %d at %d", len(got.Tools), got.Serial, len(want.Tools), want.Serial)
	}
}
