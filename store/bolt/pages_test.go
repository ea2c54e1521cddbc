package bolt

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/storetest"
)

func opened(t *testing.T) (*Store, *session) {
	t.Helper()
	s := New(filepath.Join(t.TempDir(), "state.db"), Options{Timeout: time.Millisecond})
	got, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = got.Close() })
	return s, got.(*session)
}

var started = store.Entry{Kind: store.Started, Run: "run-1"}

func TestASessionEndsWhenAnotherProgramHasWritten(t *testing.T) {
	s, session := opened(t)
	if err := session.Record(t.Context(), started); err != nil {
		t.Fatal(err)
	}
	// What takes the pages exclusively lets go of them for a moment, and in this one somebody else is faster.
	if err := unlock(session.file.f); err != nil {
		t.Fatal(err)
	}
	edit(t, s.path, func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists([]byte("theirs"))
		return err
	})
	err := session.Record(t.Context(), started)
	var hint interface{ Hint() string }
	if !errors.Is(err, errMeddled) || !strings.Contains(err.Error(), s.path) || !errors.As(err, &hint) || hint.Hint() == "" {
		t.Errorf("record: %v, want errMeddled with the path and a hint", err)
	}
	if again := session.Record(t.Context(), started); !errors.Is(again, err) {
		t.Errorf("record after that: %v", again)
	}
	if err := session.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if state, err := s.Load(t.Context()); err != nil || state.Serial != 1 {
		t.Errorf("load: %v, %v", state, err)
	}
}

func TestACommitWaitsForReadersAndNewReadersForTheCommit(t *testing.T) {
	s, session := opened(t)
	reader, err := os.Open(s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := tryLock(reader, false); err != nil {
		t.Fatalf("nobody can read while a session is open: %v", err)
	}
	done := make(chan error)
	go func() { done <- session.Record(t.Context(), started) }()
	first := func() byte {
		raw, err := os.ReadFile(s.lockPath())
		if err != nil || len(raw) == 0 {
			t.Fatalf("the session lock: %q, %v", raw, err)
		}
		return raw[0]
	}
	for first() != waiting {
		runtime.Gosched()
	}
	if held, err := s.Lock(t.Context()); err != nil || held == nil || held.Holder != storetest.Holder("apply") {
		t.Errorf("lock while a commit waits: %+v, %v", held, err)
	}
	select {
	case err := <-done:
		t.Fatalf("a commit did not wait for a reader: %v", err)
	default:
	}
	loaded := make(chan *store.State)
	go func() {
		state, err := s.Load(t.Context())
		if err != nil {
			t.Errorf("load: %v", err)
		}
		loaded <- state
	}()
	if err := unlock(reader); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("record: %v", err)
	}
	<-loaded
	if first() != calm {
		t.Error("the commit is over, and readers still wait")
	}
}

func TestACommitDoesNotWaitForEver(t *testing.T) {
	s, session := opened(t)
	session.file.patience = time.Millisecond
	reader, err := os.Open(s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := tryLock(reader, false); err != nil {
		t.Fatal(err)
	}
	if err := session.Record(t.Context(), started); !errors.Is(err, errBusy) {
		t.Errorf("record: %v, want errBusy", err)
	}
	if err := session.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestWhatADeadSessionWasWaitingForDelaysNobody(t *testing.T) {
	s, session := opened(t)
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.lockPath(), []byte("\n{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := s.letCommit(t.Context()); err != nil || time.Since(began) > 500*time.Millisecond {
		t.Errorf("it took %v, %v", time.Since(began), err)
	}
}

func TestTheLockThatWasRemovedIsNotTheNextOnes(t *testing.T) {
	s, first := opened(t)
	if err := os.Remove(s.lockPath()); err != nil {
		t.Fatal(err)
	}
	// The pages are shared, so nobody gets in.
	if _, err := s.Open(t.Context(), storetest.Holder("apply"), nil); !errors.As(err, new(*store.LockedError)) {
		t.Errorf("open: %v, want *LockedError", err)
	}
	lock, err := s.lockSession(t.Context(), storetest.Holder("destroy"))
	if err != nil || lock == nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if held, err := s.Lock(t.Context()); err != nil || held == nil || held.Holder != storetest.Holder("destroy") {
		t.Errorf("lock: %+v, %v", held, err)
	}
	lock.release()
	if _, err := os.Stat(s.lockPath()); !os.IsNotExist(err) {
		t.Errorf("the lock is still there: %v", err)
	}
}
