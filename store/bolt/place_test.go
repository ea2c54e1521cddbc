package bolt_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
	"github.com/devstream-io/dtm/store/storetest"
)

// made returns a store with ten entries.
func made(t *testing.T, dir string) *bolt.Store {
	t.Helper()
	s := quick(filepath.Join(dir, "state.db"))
	session, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Record(t.Context(), storetest.Journal(1, 10, 3)...); err != nil {
		t.Fatal(err)
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// asSomebody runs f as a user whom the modes of files mean something to; root they do not stop.
func asSomebody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		if err := syscall.Seteuid(65534); err != nil {
			t.Fatalf("root cannot become somebody else: %v", err)
		}
		defer func() {
			if err := syscall.Seteuid(0); err != nil {
				t.Fatal(err)
			}
		}()
	}
	f()
}

func hintOf(err error) string {
	var hint interface{ Hint() string }
	if errors.As(err, &hint) {
		return hint.Hint()
	}
	return ""
}

func TestLoadCreatesNothing(t *testing.T) {
	dir := t.TempDir()
	if _, err := quick(filepath.Join(dir, "state.db")).Load(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := quick(filepath.Join(dir, "missing", "state.db")).Load(t.Context()); err != nil {
		t.Error(err)
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("load has left %v", got)
	}
}

func TestFilesAreForTheirOwnerAloneAndNothingElseIsLeft(t *testing.T) {
	dir := t.TempDir()
	s := made(t, dir)
	if diff := cmp.Diff([]string{"state.db"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
	session, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for _, name := range []string{"state.db", "state.db.lock"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestStoreThatMayOnlyBeReadLoads(t *testing.T) {
	dir := t.TempDir()
	s := made(t, dir)
	// The testing package makes the folder above for its owner alone.
	if err := errors.Join(os.Chmod(s.String(), 0o444), os.Chmod(dir, 0o555), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
		t.Fatal(err)
	}
	asSomebody(t, func() {
		if state, err := s.Load(t.Context()); err != nil || state.Serial != 10 {
			t.Errorf("load: %v, %v", state, err)
		}
		for _, err := range s.Runs(t.Context()) {
			if err != nil {
				t.Errorf("runs: %v", err)
			}
		}
		_, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
		if !errors.Is(err, fs.ErrPermission) || hintOf(err) == "" {
			t.Errorf("open: %v, want a permission error with a hint", err)
		}
	})
	if diff := cmp.Diff([]string{"state.db"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestStoreThatMayNotBeReadIsAnErrorAndNotEmpty(t *testing.T) {
	dir := t.TempDir()
	s := made(t, dir)
	if err := errors.Join(os.Chmod(s.String(), 0), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
		t.Fatal(err)
	}
	asSomebody(t, func() {
		state, err := s.Load(t.Context())
		if !errors.Is(err, fs.ErrPermission) || errors.Is(err, store.ErrCorrupt) || strings.Count(err.Error(), s.String()) != 1 {
			t.Errorf("load: %v, %v, want a permission error that names the file once", state, err)
		}
	})
}

func TestWhatIsNotAStoreIsRefusedAndLeftAlone(t *testing.T) {
	for _, test := range []struct {
		name    string
		make    func(path string) error
		corrupt bool
		want    string
	}{
		{"an empty file", func(path string) error { return os.WriteFile(path, nil, 0o600) }, true, "the file is empty; was it truncated?"},
		{"a short text", func(path string) error { return os.WriteFile(path, []byte("a: 1\n"), 0o600) }, true, "this is not a file of dtm"},
		{"a long text", func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("a: 1\n"), 9000), 0o600) }, true, "this is not a file of dtm"},
		{"a folder", func(path string) error { return os.Mkdir(path, 0o700) }, false, "not a regular file"},
		{"a named pipe", func(path string) error { return syscall.Mkfifo(path, 0o600) }, false, "not a regular file"},
		{"a path through a file", func(path string) error { return os.WriteFile(filepath.Dir(path), nil, 0o600) }, false, "not a directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "here", "state.db")
			if test.name != "a path through a file" {
				if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := test.make(path); err != nil {
				t.Fatal(err)
			}
			before := content(t, path)
			s := quick(path)
			_, loadErr := s.Load(t.Context())
			_, openErr := s.Open(t.Context(), storetest.Holder("apply"), nil)
			for _, err := range []error{loadErr, openErr} {
				if err == nil || errors.Is(err, store.ErrCorrupt) != test.corrupt || !strings.HasSuffix(err.Error(), test.want) || strings.Count(err.Error(), path) != 1 {
					t.Errorf("%v, want ... %s", err, test.want)
				}
				if test.corrupt && hintOf(err) == "" {
					t.Errorf("%v has no hint", err)
				}
			}
			if after := content(t, path); before != after {
				t.Errorf("the file was changed from %.20q to %.20q", before, after)
			}
		})
	}
}

// content is what is at path, or what it is if not a file.
func content(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if errors.Is(err, syscall.ENOTDIR) {
		return "nothing"
	}
	if err != nil {
		t.Fatal(err)
	}
	if !info.Mode().IsRegular() {
		return info.Mode().String()
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestMissingFolderIsNotCreated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "state.db")
	_, err := quick(path).Open(t.Context(), storetest.Holder("apply"), nil)
	if err == nil || err.Error() != path+": the folder does not exist" || hintOf(err) != "create the folder: mkdir -p "+filepath.Dir(path) {
		t.Errorf("%v (%s)", err, hintOf(err))
	}
}

func TestLinksAreFollowed(t *testing.T) {
	dir := t.TempDir()
	s := made(t, dir)
	link := filepath.Join(dir, "link.db")
	if err := os.Symlink("state.db", link); err != nil {
		t.Fatal(err)
	}
	session, err := quick(link).Open(t.Context(), storetest.Holder("apply"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), storetest.Holder("apply"), nil); !errors.As(err, new(*store.LockedError)) {
		t.Errorf("open by the other name: %v, want *LockedError", err)
	}
	if diff := cmp.Diff([]string{"link.db", "state.db", "state.db.lock"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	nowhere := filepath.Join(dir, "nowhere.db")
	if err := os.Symlink("gone.db", nowhere); err != nil {
		t.Fatal(err)
	}
	if _, err := quick(nowhere).Open(t.Context(), storetest.Holder("apply"), nil); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("a link to nothing: %v", err)
	}
}

// A folder that cannot be written has no room for the session lock.
func TestSessionInAFolderThatCannotBeWrittenKeepsReadersOut(t *testing.T) {
	dir := t.TempDir()
	s := made(t, dir)
	if err := errors.Join(os.Chmod(s.String(), 0o666), os.Chmod(dir, 0o555), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
		t.Fatal(err)
	}
	asSomebody(t, func() {
		session, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := session.Record(t.Context(), storetest.Journal(1, 10, 3)...); err != nil {
			t.Error(err)
		}
		var locked *store.LockedError
		if _, err := s.Load(t.Context()); !errors.As(err, &locked) || locked.Holder != (store.Holder{}) {
			t.Errorf("load: %v, want *LockedError", err)
		}
		if _, err := s.Open(t.Context(), storetest.Holder("apply"), nil); !errors.As(err, &locked) {
			t.Errorf("open: %v, want *LockedError", err)
		}
		if held, err := s.Lock(t.Context()); err != nil || held == nil || *held != (store.Lock{}) {
			t.Errorf("lock: %+v, %v, want one without a name", held, err)
		}
		if err := s.Unlock(t.Context(), ""); !errors.Is(err, store.ErrNotLocked) {
			t.Errorf("unlock: %v", err)
		}
		if err := session.Close(); err != nil {
			t.Error(err)
		}
		if state, err := s.Load(t.Context()); err != nil || state.Serial != 20 {
			t.Errorf("load: %v, %v", state, err)
		}
		if held, err := s.Lock(t.Context()); err != nil || held != nil {
			t.Errorf("lock after close: %+v, %v", held, err)
		}
	})
	if diff := cmp.Diff([]string{"state.db"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestHolderThatCannotBeReadIsUnknown(t *testing.T) {
	s := made(t, t.TempDir())
	// Another program that uses bbolt.
	db, err := bbolt.Open(s.String(), 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, name := range []string{"", "{"} {
		if name != "" {
			if err := os.WriteFile(s.String()+".lock", []byte(name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var locked *store.LockedError
		if _, err := s.Load(t.Context()); !errors.As(err, &locked) || locked.Holder != (store.Holder{}) {
			t.Errorf("load: %v", err)
		}
	}
}

func TestNameOfADeadHolderDoesNotMatter(t *testing.T) {
	dir := t.TempDir()
	s := made(t, dir)
	if err := os.WriteFile(s.String()+".lock", []byte(`{"user":"dead","pid":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context()); err != nil {
		t.Error(err)
	}
	session, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var locked *store.LockedError
	if _, err := s.Open(t.Context(), storetest.Holder("destroy"), nil); !errors.As(err, &locked) || locked.Holder != storetest.Holder("apply") {
		t.Errorf("open: %v", err)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"state.db"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestFileThatIsTakenAwayIsNoticed(t *testing.T) {
	for name, take := range map[string]func(path string) error{
		"removed": os.Remove,
		"renamed": func(path string) error { return os.Rename(path, path+".old") },
		"replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+".b", nil, 0o600), os.Rename(path+".b", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := made(t, t.TempDir())
			session, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := take(s.String()); err != nil {
				t.Fatal(err)
			}
			if err := session.Record(t.Context(), store.Entry{Kind: store.Started, Run: "r"}); err == nil || !strings.Contains(err.Error(), "while it was in use") {
				t.Errorf("record: %v", err)
			}
			if err := session.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}
