package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/storetest"
)

// contents is all that a store has to say.
type contents struct {
	State   *store.State
	Runs    []store.Run
	Entries []store.Entry
	At      []*store.State
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
		at, err := s.At(t.Context(), run.ID)
		if err != nil {
			return c, err
		}
		c.At = append(c.At, at)
	}
	return c, nil
}

// realStore returns the bytes of a store of 200 entries after two sessions, and what is in it. If the last one was cut off,
// half of it is not in the snapshot.
func realStore(t *testing.T, cutOff bool) ([]byte, contents) {
	t.Helper()
	return realStoreWith(t, Options{}, cutOff)
}

// secretive are options of a store that has forgotten runs and is encrypted.
func secretive() Options { return Options{Keep: 3, Keys: storetest.Recipient()} }

func realStoreWith(t *testing.T, opts Options, cutOff bool) ([]byte, contents) {
	t.Helper()
	s := New(filepath.Join(t.TempDir(), "state.db"), opts)
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
func rightOrCorrupt(t *testing.T, what string, raw []byte, want contents, opts Options) (right bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s := New(path, opts)
	got, err := readAll(t, s)
	switch {
	case err == nil:
		// The header before the last one may know of a run that has been forgotten since.
		if len(got.Runs) > len(want.Runs) {
			got = got.newest(len(want.Runs))
		}
		// Not cmp.Diff: it takes a tenth of a second, and this is called thousands of times.
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s: read wrongly", what)
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
	if !reflect.DeepEqual(want.State, session.State()) {
		t.Errorf("%s: opened wrongly", what)
	}
	if err := session.Close(); err != nil {
		t.Errorf("%s: close: %v", what, err)
	}
	return right
}

func TestDamagedBytesAreNoticedOrDoNotMatter(t *testing.T) {
	for _, test := range []struct {
		cutOff bool
		opts   Options
	}{{false, Options{}}, {true, Options{}}, {false, secretive()}} {
		raw, want := realStoreWith(t, test.opts, test.cutOff)
		page := os.Getpagesize()
		inUse := len(bytes.TrimRight(raw, "\x00"))
		var at []int
		// Every structure of bbolt begins at the beginning of a page.
		for p := range inUse / page {
			for i := p % 13; i < 80; i += min(p+1, 13) {
				at = append(at, p*page+i)
			}
		}
		rng := rand.New(rand.NewPCG(1, 2))
		for range 100 {
			at = append(at, rng.IntN(inUse))
		}
		if !test.opts.Keys.IsZero() {
			at = slices.DeleteFunc(at, func(at int) bool { return at%4 > 0 }) // opening a ring takes its time
		}
		if testing.Short() {
			at = slices.DeleteFunc(at, func(at int) bool { return at%16 > 0 })
		}
		right := 0
		for i, at := range at {
			flip := []byte{0xff, 1 << (i % 8)}[i%2]
			bad := bytes.Clone(raw)
			bad[at] ^= flip
			if rightOrCorrupt(t, fmt.Sprintf("byte %d of page %d flipped by %#x", at%page, at/page, flip), bad, want, test.opts) {
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
	for _, test := range []struct {
		cutOff bool
		opts   Options
	}{{true, Options{}}, {false, secretive()}} {
		damagePages(t, test.cutOff, test.opts)
	}
}

func damagePages(t *testing.T, cutOff bool, opts Options) {
	t.Helper()
	raw, want := realStoreWith(t, opts, cutOff)
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
		rightOrCorrupt(t, fmt.Sprintf("page %d is zero", p), zero, want, opts)
		rightOrCorrupt(t, fmt.Sprintf("page %d is noise", p), noise, want, opts)
		rightOrCorrupt(t, fmt.Sprintf("page %d is page %d", p, from), other, want, opts)
	}
}

func TestTruncatedFilesAreNoticedOrNothingIsMissing(t *testing.T) {
	raw, want := realStore(t, false)
	for size := 0; size < len(raw); size += 4096 {
		for _, n := range []int{size, size + 1, size + 4095} {
			if n < len(raw) {
				rightOrCorrupt(t, fmt.Sprintf("%d of %d bytes", n, len(raw)), raw[:n], want, Options{})
			}
		}
	}
}

func TestOneHeaderPageIsEnough(t *testing.T) {
	raw, want := realStore(t, false)
	s := New(filepath.Join(t.TempDir(), "state.db"), Options{})
	if err := os.WriteFile(s.path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Rekey(t.Context(), storetest.Holder("rekey"), storetest.Recipient()); err != nil {
		t.Fatal(err)
	}
	rekeyed, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		raw  []byte
		opts Options
	}{"recorded": {raw, Options{}}, "rekeyed": {rekeyed, Options{Keys: storetest.Recipient()}}} {
		for page := range 2 {
			bad := bytes.Clone(test.raw)
			clear(bad[page*os.Getpagesize() : (page+1)*os.Getpagesize()])
			if !rightOrCorrupt(t, fmt.Sprintf("%s: header page %d is gone", name, page), bad, want, test.opts) {
				t.Errorf("%s: header page %d is gone: refused", name, page)
			}
		}
	}
}
