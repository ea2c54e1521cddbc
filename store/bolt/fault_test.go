package bolt

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/storetest"
)

func TestFileThatIsCutShortWhileOpenIsAnError(t *testing.T) {
	raw, _ := realStore(t, true)
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s := New(path, Options{})
	session, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	if err := session.Record(t.Context(), store.Entry{Kind: store.Started, Run: "r"}); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("record: %v, want ErrCorrupt", err)
	}
	if err := session.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	// The lock must be free, though bbolt may be in no state to give it back.
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	session, err = s.Open(t.Context(), storetest.Holder("apply"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
}

func TestFaultOfTheMemoryMapIsAnError(t *testing.T) {
	raw, _ := realStore(t, true)
	for _, write := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "state.db")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		s := New(path, Options{Timeout: time.Millisecond})
		opened, err := s.lockPages(t.Context(), true, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := opened.open(write); err != nil {
			t.Fatal(err)
		}
		// The pages behind the first two are not there any more, and bbolt has already been told that they are.
		if err := os.Truncate(path, int64(2*os.Getpagesize())); err != nil {
			t.Fatal(err)
		}
		err = opened.view(func(tx *bbolt.Tx, head header) error {
			_, err := readFolded(t.Context(), tx, head)
			return err
		})
		if !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("view: %v, want ErrCorrupt", err)
		}
		if write {
			err := guard(func() error {
				return opened.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(journalBucket).SetSequence(1) })
			})
			if !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("update: %v, want ErrCorrupt", err)
			}
		}
		// It must neither hang nor keep the lock.
		if err := opened.close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if _, err := s.lockPages(t.Context(), true, false); err != nil {
			t.Errorf("lock: %v", err)
		}
	}
}
