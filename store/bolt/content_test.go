package bolt

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/storetest"
)

// edit changes a sound store with bbolt itself, so that only the content is wrong.
func edit(t *testing.T, path string, change func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(change), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestContentThatDoesNotFitTogetherIsCorrupt(t *testing.T) {
	tool := []byte("helm.tool-1")
	for _, test := range []struct {
		name   string
		cutOff bool
		change func(*bbolt.Tx) error
	}{
		{"no meta", false, func(tx *bbolt.Tx) error { return tx.DeleteBucket(metaBucket) }},
		{"no journal", false, func(tx *bbolt.Tx) error { return tx.DeleteBucket(journalBucket) }},
		{"no tools", false, func(tx *bbolt.Tx) error { return tx.DeleteBucket(toolsBucket) }},
		{"no runs", false, func(tx *bbolt.Tx) error { return tx.DeleteBucket(runsBucket) }},
		{"no header", false, func(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Delete(headerKey) }},
		{"no snapshot", false, func(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Delete(snapshotKey) }},
		{"a header without a lineage", false, func(tx *bbolt.Tx) error {
			return put(tx.Bucket(metaBucket), headerKey, header{Format: 1, Key: []byte("k")})
		}},
		{"a base of the future", false, func(tx *bbolt.Tx) error { return put(tx.Bucket(metaBucket), baseKey, 1000) }},
		{"a base that is not there", false, func(tx *bbolt.Tx) error { return put(tx.Bucket(metaBucket), baseKey, 10) }},
		{"a snapshot of the future", false, func(tx *bbolt.Tx) error { return put(tx.Bucket(metaBucket), snapshotKey, 1000) }},
		{"a gap in the journal", true, func(tx *bbolt.Tx) error { return tx.Bucket(journalBucket).Delete(seqKey(150)) }},
		{"the last entry is missing", true, func(tx *bbolt.Tx) error { return tx.Bucket(journalBucket).Delete(seqKey(200)) }},
		{"an entry under a wrong number", true, func(tx *bbolt.Tx) error {
			_, value := numberEntry(nil, 151, []byte(`"kind":"skipped"}`))
			return tx.Bucket(journalBucket).Put(seqKey(150), seal(seqKey(150), value))
		}},
		{"an entry that is no JSON", true, func(tx *bbolt.Tx) error {
			return tx.Bucket(journalBucket).Put(seqKey(150), seal(seqKey(150), []byte("         {")))
		}},
		{"a tool that is no JSON", false, func(tx *bbolt.Tx) error {
			return tx.Bucket(toolsBucket).Put(tool, seal(tool, []byte("         {")))
		}},
		{"a tool without a checksum", false, func(tx *bbolt.Tx) error { return tx.Bucket(toolsBucket).Put(tool, []byte("{}")) }},
		{"a tool under a wrong ID", false, func(tx *bbolt.Tx) error {
			value, err := encodeTool(&store.Tool{ID: "helm.tool-2"})
			return errors.Join(err, tx.Bucket(toolsBucket).Put(tool, seal(tool, value)))
		}},
		{"a tool that is cut short", false, func(tx *bbolt.Tx) error {
			value, err := encodeTool(&store.Tool{ID: "helm.tool-1", Options: []byte(`{"n":1}`)})
			return errors.Join(err, tx.Bucket(toolsBucket).Put(tool, seal(tool, value[:len(value)-3])))
		}},
		{"a tool is missing", false, func(tx *bbolt.Tx) error {
			first, _ := tx.Bucket(toolsBucket).Cursor().First()
			return tx.Bucket(toolsBucket).Delete(first)
		}},
		{"a run is missing", false, func(tx *bbolt.Tx) error {
			first, _ := tx.Bucket(runsBucket).Cursor().First()
			return tx.Bucket(runsBucket).Delete(first)
		}},
		{"a bucket within a bucket", false, func(tx *bbolt.Tx) error {
			_, err := tx.Bucket(toolsBucket).CreateBucket([]byte("x.y"))
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			raw, _ := realStore(t, test.cutOff)
			path := filepath.Join(t.TempDir(), "state.db")
			if err := os.WriteFile(path, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			edit(t, path, test.change)
			_, err := readAll(t, New(path, Options{}))
			if !errors.Is(err, store.ErrCorrupt) {
				t.Fatalf("%v, want ErrCorrupt", err)
			}
			var hint interface{ Hint() string }
			if !strings.Contains(err.Error(), path) || !errors.As(err, &hint) || hint.Hint() == "" {
				t.Errorf("%q must name the file and give a hint", err)
			}
		})
	}
}

func TestNewerFormatIsRefusedWithBothNumbers(t *testing.T) {
	raw, _ := realStore(t, false)
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(tx *bbolt.Tx) error {
		// Nothing but the number need be as it is now.
		if err := tx.DeleteBucket(toolsBucket); err != nil {
			return err
		}
		return put(tx.Bucket(metaBucket), headerKey, map[string]any{"format": 7, "lineage": []int{1}})
	})
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := New(path, Options{})
	_, loadErr := s.Load(t.Context())
	_, openErr := s.Open(t.Context(), storetest.Holder("apply"), nil)
	for _, err := range []error{loadErr, openErr} {
		if want := path + ": the store was written by a newer dtm: its format is 7, this dtm knows 1"; !errors.Is(err, store.ErrNewer) || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed (%v)", err)
	}
}
