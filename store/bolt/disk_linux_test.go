package bolt_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
	"github.com/devstream-io/dtm/store/storetest"
)

// smallDisk mounts a file system of this size, for which one must be root.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		if os.Getenv("DTM_TEST_PARTS") == "require" {
			t.Fatalf("a small file system cannot be mounted: %v", err)
		}
		t.Skipf("a small file system cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

func TestFullDiskEndsTheSessionAndLosesNothing(t *testing.T) {
	for _, size := range []string{"128k", "300k", "700k"} {
		t.Run(size, func(t *testing.T) {
			dir := smallDisk(t, size)
			path := filepath.Join(dir, "state.db")
			s := bolt.New(path, bolt.Options{})
			session, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
			if err != nil {
				t.Fatal(err)
			}
			options := json.RawMessage(`"` + strings.Repeat("x", 500) + `"`)
			acknowledged := 0
			for {
				err = session.Record(t.Context(), store.Entry{Kind: store.Applied, Run: "run-1", Tool: "a.b", Action: store.ActionUpdate, Options: options, Error: fmt.Sprint(acknowledged)})
				if err != nil {
					break
				}
				acknowledged++
			}
			if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), path) {
				t.Errorf("record on a full disk: %v, want ENOSPC and the path", err)
			}
			var hint interface{ Hint() string }
			if !errors.As(err, &hint) || hint.Hint() == "" {
				t.Error("no hint")
			}
			// Even if there is room again: what is missing in the middle cannot be made up for.
			if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=8m"); err != nil {
				t.Fatal(err)
			}
			if again := session.Record(t.Context(), store.Entry{Kind: store.Finished, Run: "run-1"}); !errors.Is(again, err) {
				t.Errorf("record after %v: %v", err, again)
			}
			if err := session.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			state, err := s.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if state.Serial != uint64(acknowledged) {
				t.Errorf("%d entries are stored and %d were acknowledged", state.Serial, acknowledged)
			}
			session, err = s.Open(t.Context(), storetest.Holder("apply"), state)
			if err != nil {
				t.Fatal(err)
			}
			if err := session.Record(t.Context(), store.Entry{Kind: store.Finished, Run: "run-1"}); err != nil {
				t.Errorf("record after there was room again: %v", err)
			}
			if err := session.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestStoreThatDoesNotFitLeavesNothingBehind(t *testing.T) {
	dir := smallDisk(t, "16k")
	_, err := bolt.New(filepath.Join(dir, "state.db"), bolt.Options{}).Open(t.Context(), storetest.Holder("apply"), nil)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("open on a full disk: %v, want ENOSPC", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestRekeyThatDoesNotFitChangesNothing(t *testing.T) {
	dir := smallDisk(t, "8m")
	path := filepath.Join(dir, "state.db")
	if err := bolt.Import(t.Context(), path, nil, storetest.Journal(1, 400, 20), bolt.Options{}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%d", len(before)+1<<16)); err != nil {
		t.Fatal(err)
	}
	err = bolt.New(path, bolt.Options{}).Rekey(t.Context(), storetest.Holder("rekey"), storetest.Recipient())
	if !errors.Is(err, syscall.ENOSPC) || hintOf(err) == "" {
		t.Errorf("rekey on a full disk: %v, want ENOSPC", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the store was changed (%v)", err)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
}
