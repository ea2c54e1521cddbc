package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/storetest"
)

// contents is all that a store has to say.
type contents struct {
	State   *store.State
	Runs    []store.Run
	Entries []store.Entry
}

func readAll(t *testing.T, s *Store) (c contents, err error) {
	t.Helper()
	if c.State, err = s.Load(t.Context()); err != nil {
		return c, err
	}
	for run, err := range s.Runs(t.Context()) {
		if err != nil {
			return c, err
		}
		c.Runs = append(c.Runs, run)
	}
	for _, run := range c.Runs {
		for e, err := range s.Entries(t.Context(), run.ID) {
			if err != nil {
				return c, err
			}
			c.Entries = append(c.Entries, e)
		}
	}
	return c, nil
}

// realStore returns the bytes of a store of 200 entries after two sessions, and what is in it. If the last one was cut off,
// half of it is not in the snapshot.
func realStore(t *testing.T, cutOff bool) ([]byte, contents) {
	t.Helper()
	s := New(filepath.Join(t.TempDir(), "state.db"), Options{})
	all := storetest.Journal(1, 200, 20)
	var raw []byte
	for _, part := range [][]store.Entry{all[:100], all[100:]} {
		session, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(part); i += 5 {
			if err := session.Record(t.Context(), part[i:i+5]...); err != nil {
				t.Fatal(err)
			}
		}
		if raw, err = os.ReadFile(s.path); err != nil {
			t.Fatal(err)
		}
		if err := session.Close(); err != nil {
			t.Fatal(err)
		}
	}
	want, err := readAll(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if !cutOff {
		if raw, err = os.ReadFile(s.path); err != nil {
			t.Fatal(err)
		}
	}
	return raw, want
}

// rightOrCorrupt checks that a file is either read rightly or refused with ErrCorrupt, for reading and for writing, and that
// refusing changes nothing of it.
func rightOrCorrupt(t *testing.T, what string, raw []byte, want contents) (right bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s := New(path, Options{})
	got, err := readAll(t, s)
	switch {
	case err == nil:
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: read wrongly (-want +got):\n%s", what, diff)
		}
		right = true
	case !errors.Is(err, store.ErrCorrupt):
		t.Errorf("%s: %v, want ErrCorrupt", what, err)
	}
	session, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
	if err != nil {
		if !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: open: %v, want ErrCorrupt", what, err)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, raw) {
			t.Errorf("%s: a damaged file was changed (%v)", what, err)
		}
		return right
	}
	if diff := cmp.Diff(want.State, session.State(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: opened wrongly (-want +got):\n%s", what, diff)
	}
	if err := session.Close(); err != nil {
		t.Errorf("%s: close: %v", what, err)
	}
	return right
}

func TestDamagedBytesAreNoticedOrDoNotMatter(t *testing.T) {
	for _, cutOff := range []bool{false, true} {
		raw, want := realStore(t, cutOff)
		page := os.Getpagesize()
		var at []int
		// Every structure of bbolt begins at the beginning of a page.
		for p := 0; p < len(raw); p += page {
			for i := 0; i < 80; i += 1 + p/page%3 {
				at = append(at, p+i)
			}
		}
		rng := rand.New(rand.NewPCG(1, 2))
		for range 800 {
			at = append(at, rng.IntN(len(raw)))
		}
		right := 0
		for i, at := range at {
			flip := []byte{0xff, 1 << (i % 8)}[i%2]
			bad := bytes.Clone(raw)
			bad[at] ^= flip
			if rightOrCorrupt(t, fmt.Sprintf("byte %d of page %d flipped by %#x", at%page, at/page, flip), bad, want) {
				right++
			}
		}
		t.Logf("of %d damaged files %d were read rightly", len(at), right)
		if right == 0 || right == len(at) {
			t.Error("this test tests nothing")
		}
	}
}

func TestDamagedPagesAreNoticedOrDoNotMatter(t *testing.T) {
	raw, want := realStore(t, true)
	page := os.Getpagesize()
	rng := rand.New(rand.NewPCG(3, 4))
	for p := 0; p < len(raw)/page; p++ {
		zero, noise, other := bytes.Clone(raw), bytes.Clone(raw), bytes.Clone(raw)
		clear(zero[p*page : (p+1)*page])
		for i := range page {
			noise[p*page+i] = byte(rng.Uint32())
		}
		from := rng.IntN(len(raw) / page)
		copy(other[p*page:(p+1)*page], raw[from*page:])
		rightOrCorrupt(t, fmt.Sprintf("page %d is zero", p), zero, want)
		rightOrCorrupt(t, fmt.Sprintf("page %d is noise", p), noise, want)
		rightOrCorrupt(t, fmt.Sprintf("page %d is page %d", p, from), other, want)
	}
}

func TestTruncatedFilesAreNoticedOrNothingIsMissing(t *testing.T) {
	raw, want := realStore(t, false)
	for size := 0; size < len(raw); size += 512 {
		for _, n := range []int{size, size + 1, size + 511} {
			if n < len(raw) {
				rightOrCorrupt(t, fmt.Sprintf("%d of %d bytes", n, len(raw)), raw[:n], want)
			}
		}
	}
}

func TestOneHeaderPageIsEnough(t *testing.T) {
	raw, want := realStore(t, false)
	for page := range 2 {
		bad := bytes.Clone(raw)
		clear(bad[page*os.Getpagesize() : (page+1)*os.Getpagesize()])
		if !rightOrCorrupt(t, fmt.Sprintf("header page %d is gone", page), bad, want) {
			t.Errorf("header page %d is gone: refused", page)
		}
	}
}

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
		{"a snapshot of the future", false, func(tx *bbolt.Tx) error { return put(tx.Bucket(metaBucket), snapshotKey, 1000) }},
		{"a gap in the journal", true, func(tx *bbolt.Tx) error { return tx.Bucket(journalBucket).Delete(seqKey(150)) }},
		{"the last entry is missing", true, func(tx *bbolt.Tx) error { return tx.Bucket(journalBucket).Delete(seqKey(200)) }},
		{"an entry under a wrong number", true, func(tx *bbolt.Tx) error {
			return put(tx.Bucket(journalBucket), seqKey(150), store.Entry{Seq: 151})
		}},
		{"an entry that is no JSON", true, func(tx *bbolt.Tx) error {
			return tx.Bucket(journalBucket).Put(seqKey(150), seal(seqKey(150), []byte("         {")))
		}},
		{"a tool that is no JSON", false, func(tx *bbolt.Tx) error {
			return tx.Bucket(toolsBucket).Put(tool, seal(tool, []byte("         {")))
		}},
		{"a tool without a checksum", false, func(tx *bbolt.Tx) error { return tx.Bucket(toolsBucket).Put(tool, []byte("{}")) }},
		{"a tool under a wrong ID", false, func(tx *bbolt.Tx) error {
			return put(tx.Bucket(toolsBucket), tool, store.Tool{ID: "helm.tool-2"})
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
			if !bytes.Contains([]byte(err.Error()), []byte(path)) || !errors.As(err, &hint) || hint.Hint() == "" {
				t.Errorf("%q must name the file and give a hint", err)
			}
			t.Log(err)
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
	} else {
		t.Log(err)
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
