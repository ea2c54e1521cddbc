package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/s3"
	"github.com/devstream-io/dtm/store/storetest"
)

// rewritten is a store whose server does as change says with the objects it hands out: nil is not there.
func rewritten(t *testing.T, server *server, key string, change func(name string, body []byte) []byte) *s3.Store {
	t.Helper()
	return changing(t, server, key, change).store(t, key, s3.Tuning{})
}

// changing is the way to that server.
func changing(t *testing.T, server *server, key string, change func(name string, body []byte) []byte) *front {
	t.Helper()
	f := server.front(t)
	f.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			server.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		server.ServeHTTP(rec, r)
		got := rec.Result()
		body, err := io.ReadAll(got.Body)
		if err != nil {
			t.Error(err)
		}
		if got.StatusCode == http.StatusOK {
			body = change(strings.TrimPrefix(r.URL.Path, "/"+bucketName+"/"+key+"/"), body)
		}
		if body == nil {
			s3Error(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		for _, name := range []string{"Etag", "Last-Modified", "Date", "Content-Type"} {
			w.Header().Set(name, got.Header.Get(name))
		}
		w.WriteHeader(got.StatusCode)
		_, _ = w.Write(body)
	})
	return f
}

func journalName(first int) string { return fmt.Sprintf("journal/%020d.json", first) }

func TestDamageIsNamed(t *testing.T) {
	server := newServer(t)
	all := oneRun(11)
	// Groups of two; snapshots at 4 and 8; entries 9 to 11 behind them.
	plain := server.front(t).store(t, "damage", s3.Tuning{FoldEntries: 4})
	if _, err := recordRest(t, plain, all); err != nil {
		t.Fatal(err)
	}
	check(t, plain, all)

	gone := func(name string) func(string, []byte) []byte {
		return func(n string, body []byte) []byte {
			if n == name {
				return nil
			}
			return body
		}
	}
	replace := func(name, from, to string) func(string, []byte) []byte {
		return func(n string, body []byte) []byte {
			if n != name {
				return body
			}
			if !bytes.Contains(body, []byte(from)) {
				t.Errorf("%s has no %s: %s", n, from, body)
			}
			return bytes.Replace(body, []byte(from), []byte(to), 1)
		}
	}
	for _, test := range []struct {
		name   string
		change func(string, []byte) []byte
		err    error
		text   string
	}{
		{"head gone", gone("head.json"), store.ErrCorrupt, "emptied by hand?"},
		{"head cut off", func(n string, b []byte) []byte {
			if n == "head.json" {
				return b[:len(b)/2]
			}
			return b
		}, store.ErrCorrupt, "head.json cannot be decoded"},
		{"head written by an editor", replace("head.json", `{"format"`, `{ "format"`), store.ErrCorrupt, "head.json is not as dtm has written it"},
		{"head changed", replace("head.json", `"serial":11`, `"serial":10`), store.ErrCorrupt, "head.json does not agree with its checksum"},
		{"head of a newer dtm", replace("head.json", `"format":1`, `"format":2`), store.ErrNewer, "the format of head.json is 2"},
		{"snapshot gone", gone(fmt.Sprintf("snapshot/%020d.json", 8)), store.ErrCorrupt, "is missing"},
		{"snapshot of a newer dtm", replace(fmt.Sprintf("snapshot/%020d.json", 8), `"format":1`, `"format":2`), store.ErrNewer, "the format of snapshot/"},
		{"snapshot changed", replace(fmt.Sprintf("snapshot/%020d.json", 8), "helm.", "help."), store.ErrCorrupt, "checksum"},
		{"last group gone", gone(journalName(11)), store.ErrCorrupt, journalName(11) + " is missing: entries up to 11 were recorded"},
		{"group gone", gone(journalName(9)), store.ErrCorrupt, journalName(9) + " is missing"},
		{"letter changed", replace(journalName(9), "run", "ruin"), store.ErrCorrupt, "checksum"},
		{"not JSON", func(n string, b []byte) []byte { return bytes.Replace(b, []byte("{"), nil, 1) }, store.ErrCorrupt, "cannot be decoded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := rewritten(t, server, "damage", test.change)
			_, err := s.Load(t.Context())
			text, hint := problem(t, err)
			if !errors.Is(err, test.err) || !strings.Contains(text, test.text) || hint == "" {
				t.Errorf("load: %s\n  hint: %s", text, hint)
			}
			for _, err := range s.Runs(t.Context()) {
				if !errors.Is(err, test.err) {
					t.Errorf("runs: %v", err)
				}
			}
			if _, err := s.Open(t.Context(), storetest.Holder("apply"), nil); !errors.Is(err, test.err) {
				t.Errorf("open: %v", err)
			}
		})
	}
	t.Run("group before the snapshot gone", func(t *testing.T) {
		s := rewritten(t, server, "damage", gone(journalName(3)))
		if _, err := s.Load(t.Context()); err != nil {
			t.Errorf("load needs no entries that are in the snapshot: %v", err)
		}
		n, last := 0, error(nil)
		for _, err := range s.Entries(t.Context(), "run") {
			if last = err; err == nil {
				n++
			}
		}
		if n != 2 || !errors.Is(last, store.ErrCorrupt) {
			t.Errorf("%d entries, then %v", n, last)
		}
	})
	// Nothing of this changed anything.
	check(t, plain, all)
	mustOpen(t, plain, "apply")
}

// A group that somebody puts where another was is no continuation of the group before it.
func TestGroupOfAnotherJournalIsNoticed(t *testing.T) {
	server := newServer(t)
	f := server.front(t)
	bodies := map[string][]byte{}
	for _, key := range []string{"one", "other"} {
		if _, err := recordRest(t, f.store(t, key, s3.Tuning{}), oneRun(6)); err != nil {
			t.Fatal(err)
		}
		s := rewritten(t, server, key, func(name string, body []byte) []byte {
			bodies[key+"/"+name] = body
			return body
		})
		if _, err := s.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, first := range []int{1, 3, 5} {
		s := rewritten(t, server, "one", func(name string, body []byte) []byte {
			if name == journalName(first) {
				return bodies["other/"+name]
			}
			return body
		})
		if _, err := s.Load(t.Context()); !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), "does not follow") {
			t.Errorf("group %d: %v", first, err)
		}
	}
}
