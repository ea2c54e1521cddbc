package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/s3"
	"github.com/devstream-io/dtm/store/storetest"
)

const oldState = "hello_golang-github:\n  name: hello\n"

func takeOver() []store.Entry {
	return []store.Entry{
		{Kind: store.Started, Run: "takeover", Command: "take over"},
		{Kind: store.TakenOver, Run: "takeover", Tool: "golang-github.hello", Resource: []byte(`{"id":"hello"}`)},
		{Kind: store.Finished, Run: "takeover", Result: store.Succeeded},
	}
}

func digestKey() []byte { return []byte("the key of the entries' digests.") }

// leave puts an object somewhere in the bucket, as DevStream did.
func (s *server) leave(t *testing.T, key, body string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.backend.PutObject(t.Context(), bucketName, key, nil, strings.NewReader(body), int64(len(body))); err != nil {
		t.Fatal(err)
	}
}

// hasOld checks what Old says; want is "-" for nothing.
func hasOld(t *testing.T, s *s3.Store, want string) {
	t.Helper()
	got, err := s.Old(t.Context())
	text := string(got)
	if got == nil {
		text = "-"
	}
	if err != nil || text != want {
		t.Errorf("old state %q, %v, want %q", text, err, want)
	}
}

func tookOver(t *testing.T, s *s3.Store) {
	t.Helper()
	state, err := s.Load(t.Context())
	if err != nil || state.Serial != 3 || state.Tools["golang-github.hello"] == nil || !state.Tools["golang-github.hello"].TakenOver {
		t.Errorf("%+v, %v", state, err)
	}
	if !bytes.Equal(state.Key, digestKey()) {
		t.Errorf("the key is %q", state.Key)
	}
	hasOld(t, s, "-")
	if err := s.Import(t.Context(), storetest.Holder("apply"), digestKey(), takeOver()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second import: %v, want ErrExist", err)
	}
}

func TestOldStateIsTakenOver(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	for name, body := range map[string]string{"full": oldState, "empty": ""} {
		key := "old/" + name
		s := f.store(t, key, s3.Tuning{})
		hasOld(t, s, "-")
		server.leave(t, key, body)
		hasOld(t, s, body)
		if err := s.Import(t.Context(), storetest.Holder("apply"), digestKey(), takeOver()); err != nil {
			t.Fatal(err)
		}
		tookOver(t, s)
		all := server.all(t, key)
		if string(all[key]) != body || string(all[key+".bak"]) != body {
			t.Errorf("%q", all)
		}
		if held, err := s.Lock(t.Context()); err != nil || held != nil {
			t.Errorf("lock %+v, %v", held, err)
		}
	}
}

func TestBackupOfAnotherStateIsNotOverwritten(t *testing.T) {
	server := newServer(t)
	s := server.front(t).store(t, "old", s3.Tuning{})
	server.leave(t, "old", oldState)
	server.leave(t, "old.bak", "something else")
	err := s.Import(t.Context(), storetest.Holder("apply"), digestKey(), takeOver())
	if text, hint := problem(t, err); !errors.Is(err, fs.ErrExist) || !strings.Contains(text, "old.bak") || !strings.Contains(hint, "move it away") {
		t.Errorf("%s\n  hint: %s", text, hint)
	}
	hasOld(t, s, oldState)
}

func TestStoreWithEntriesHasNoOldState(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	s := f.store(t, "begun", s3.Tuning{})
	recordRuns(t, s, 1, 1)
	server.leave(t, "begun", oldState)
	hasOld(t, s, "-")
	if err := s.Import(t.Context(), storetest.Holder("apply"), digestKey(), takeOver()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("import: %v, want ErrExist", err)
	}
	// A store that was opened only does not hide it.
	server.leave(t, "opened", oldState)
	opened := f.store(t, "opened", s3.Tuning{})
	session := mustOpen(t, opened, "apply")
	var locked *store.LockedError
	if err := opened.Import(t.Context(), storetest.Holder("apply"), digestKey(), takeOver()); !errors.As(err, &locked) {
		t.Errorf("import while a session is open: %v, want *LockedError", err)
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	hasOld(t, opened, oldState)
	if err := opened.Import(t.Context(), storetest.Holder("apply"), digestKey(), takeOver()); err != nil {
		t.Error(err)
	}
	tookOver(t, opened)
}

// asFiles is the server as one that keeps objects as files: there is nothing below an object.
func (s *server) asFiles(t *testing.T, key string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, key+"/") && r.Method == http.MethodPut {
			if _, ok := s.all(t, key)[key]; ok {
				s3Error(w, http.StatusConflict, "ObjectParentIsFile")
				return
			}
		}
		s.ServeHTTP(w, r)
	})
}

func TestTakeOverMayFailAtAnyRequest(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]bool{"objects": false, "files": true} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t)
			for _, o := range []outcome{refused, cut, unheard} {
				seen := 0
				f := server.front(t)
				for n, more := 1, true; more; n++ {
					key := fmt.Sprintf("old-%d-%d", o, n)
					server.leave(t, key, oldState)
					if files {
						f.handler = server.asFiles(t, key)
					}
					s := f.store(t, key, s3.Tuning{Attempts: 1})
					f.failing(once(n, o))
					err := s.Import(t.Context(), storetest.Holder("apply"), digestKey(), takeOver())
					more = len(f.requests()) >= n
					f.failing(nil)
					server.ahead.Store(int64(2 * time.Minute))
					if err != nil {
						seen++
						// It is as before, or it was done and nobody has heard.
						if old, oldErr := s.Old(t.Context()); oldErr != nil || old != nil && string(old) != oldState {
							t.Errorf("%s at request %d: %q, %v", o, n, old, oldErr)
						} else if old != nil {
							if err := s.Import(t.Context(), storetest.Holder("apply"), digestKey(), takeOver()); err != nil {
								t.Errorf("%s at request %d, a second time: %v", o, n, err)
							}
						}
					}
					tookOver(t, s)
					if got := string(server.all(t, key+".bak")[key+".bak"]); got != oldState {
						t.Errorf("%s at request %d: backup %q", o, n, got)
					}
					server.ahead.Store(0)
				}
				if seen < 8 {
					t.Errorf("%s was noticed %d times only: does this test still test?", o, seen)
				}
			}
		})
	}
}
