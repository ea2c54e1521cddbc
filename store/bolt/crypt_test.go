package bolt

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
	"github.com/devstream-io/dtm/store/storetest"
)

// move puts a value under another key, with a sum that is right.
func move(b *bbolt.Bucket, from, to []byte) error {
	value := bytes.Clone(b.Get(from))
	return b.Put(to, seal(to, value))
}

func TestWhatIsEncryptedCannotBePutElsewhere(t *testing.T) {
	for name, change := range map[string]func(*bbolt.Tx) error{
		"an entry": func(tx *bbolt.Tx) error { return move(tx.Bucket(journalBucket), seqKey(198), seqKey(199)) },
		"a tool": func(tx *bbolt.Tx) error {
			c := tx.Bucket(toolsBucket).Cursor()
			one, _ := c.First()
			two, _ := c.Next()
			return move(tx.Bucket(toolsBucket), bytes.Clone(one), bytes.Clone(two))
		},
		"a run": func(tx *bbolt.Tx) error {
			c := tx.Bucket(runsBucket).Cursor()
			one, _ := c.First()
			two, _ := c.Next()
			return move(tx.Bucket(runsBucket), bytes.Clone(one), bytes.Clone(two))
		},
		"a tool of the base": func(tx *bbolt.Tx) error {
			tools, base := tx.Bucket(toolsBucket), tx.Bucket(baseBucket)
			c := base.Cursor()
			for key, _ := c.First(); key != nil; key, _ = c.Next() {
				if value := tools.Get(key); value != nil {
					return base.Put(bytes.Clone(key), bytes.Clone(value))
				}
			}
			return errors.New("no tool is in both")
		},
		"a value in clear": func(tx *bbolt.Tx) error {
			_, value := numberEntry(nil, 199, []byte(`"kind":"skipped","run":"run-1"}`))
			return tx.Bucket(journalBucket).Put(seqKey(199), value)
		},
	} {
		t.Run(name, func(t *testing.T) {
			raw, _ := realStoreWith(t, secretive(), false)
			path := filepath.Join(t.TempDir(), "state.db")
			if err := os.WriteFile(path, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			edit(t, path, change)
			if _, err := readAll(t, New(path, secretive())); !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("%v, want ErrCorrupt", err)
			}
		})
	}
}

func TestTheHeaderOfAnotherStoreDoesNotOpenThis(t *testing.T) {
	raw, _ := realStoreWith(t, secretive(), false)
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(tx *bbolt.Tx) error {
		ring, err := keyring.New(storetest.Recipient())
		if err != nil {
			return err
		}
		var head header
		meta := tx.Bucket(metaBucket)
		if err := unmarshal(nil, metaBucket, headerKey, meta.Get(headerKey), &head); err != nil {
			return err
		}
		head.Keyring = ring.Wrapped()
		return put(meta, headerKey, head)
	})
	if _, err := New(path, secretive()).Load(t.Context()); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("%v, want ErrCorrupt", err)
	}
}

func TestTheFormatOfAnEncryptedStoreIsLegible(t *testing.T) {
	raw, _ := realStoreWith(t, secretive(), false)
	if !bytes.Contains(raw, []byte(`{"format":1,"keyring":"`)) {
		t.Error("the header is not in clear")
	}
}

func TestKeysThatCannotDecryptMakeNoStore(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.db")
	public := keyring.Keys{Recipients: storetest.Recipient().Recipients}
	if _, err := New(path, Options{Keys: public}).Open(t.Context(), storetest.Holder("apply"), nil); !errors.Is(err, keyring.ErrKeys) {
		t.Errorf("open: %v, want ErrKeys", err)
	}
	if err := Import(t.Context(), path, nil, nil, Options{Keys: public}); !errors.Is(err, keyring.ErrKeys) {
		t.Errorf("import: %v, want ErrKeys", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	s, want := rekeyable(t)
	if err := s.Rekey(t.Context(), storetest.Holder("rekey"), public); !errors.Is(err, keyring.ErrKeys) {
		t.Errorf("rekey: %v, want ErrKeys", err)
	}
	asBefore(t, s, want)
}

func rekeyable(t *testing.T) (*Store, contents) {
	t.Helper()
	raw, _ := realStoreWith(t, secretive(), true)
	s := New(filepath.Join(t.TempDir(), "state.db"), secretive())
	if err := os.WriteFile(s.path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	want, err := readAll(t, s)
	if err != nil {
		t.Fatal(err)
	}
	return s, want
}

// asBefore checks that the store is what it was and nothing lies beside it.
func asBefore(t *testing.T, s *Store, want contents) {
	t.Helper()
	if got, err := readAll(t, s); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("it is not as it was (%v)", err)
	}
	if left, err := os.ReadDir(filepath.Dir(s.path)); err != nil || len(left) != 1 {
		t.Errorf("beside it: %v, %v", left, err)
	}
}

func TestRekeyKeepsWhatWasForgottenTheModeAndALink(t *testing.T) {
	s, want := rekeyable(t)
	if err := os.Chmod(s.path, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(s.path, link); err != nil {
		t.Fatal(err)
	}
	if err := New(link, secretive()).Rekey(t.Context(), storetest.Holder("rekey"), keyring.Keys{}); err != nil {
		t.Fatal(err)
	}
	asBefore(t, New(s.path, Options{Keep: 3}), want)
	asBefore(t, New(s.path, Options{}), want)
	if info, err := os.Stat(s.path); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link has become %v, %v", info.Mode(), err)
	}
}

func TestRekeyThatFailsChangesNothing(t *testing.T) {
	s, want := rekeyable(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Rekey(ctx, storetest.Holder("rekey"), keyring.Keys{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	asBefore(t, s, want)

	// What cannot be read is not copied, nor left out.
	edit(t, s.path, func(tx *bbolt.Tx) error {
		key := seqKey(tx.Bucket(journalBucket).Sequence() - 60)
		return tx.Bucket(journalBucket).Put(key, seal(key, []byte("         nothing")))
	})
	before, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Rekey(t.Context(), storetest.Holder("rekey"), keyring.Keys{}); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("damaged: %v, want ErrCorrupt", err)
	}
	if after, err := os.ReadFile(s.path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed (%v)", err)
	}
}
