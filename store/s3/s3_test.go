package s3_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
	"github.com/devstream-io/dtm/store/s3"
	"github.com/devstream-io/dtm/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	f := newServer(t).front(t)
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		return func() store.Store { return f.store(t, t.Name(), s3.Tuning{}) }
	})
}

// Snapshots fall between any two groups here.
func TestStoreWithSnapshotsAllTheTime(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes long with -race")
	}
	f := newServer(t).front(t)
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		return func() store.Store { return f.store(t, t.Name(), s3.Tuning{FoldEntries: 3}) }
	})
}

// atOnce is a grace of nothing at all: the server's clock is known to the second only.
const atOnce = -2 * time.Second

// What is doomed is deleted at once here, and a reader always looks whether the head has changed.
var pruning = s3.Tuning{FoldEntries: 3, Grace: atOnce, Snapshots: 4, Deletes: 7}

func TestStoreThatPrunes(t *testing.T) {
	t.Parallel()
	f := newServer(t).front(t)
	for name, tuning := range map[string]s3.Tuning{"as in the program": {}, "all the time": pruning} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name == "all the time" {
				t.Skip("takes long with -race")
			}
			storetest.RunPruned(t, func(t *testing.T, keep int) storetest.Opener {
				return func() store.Store { return f.keeping(t, t.Name(), keep, keyring.Keys{}, tuning) }
			})
		})
	}
}

func TestStoreThatIsEncrypted(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes long with -race")
	}
	server := newServer(t)
	f := server.front(t)
	key := ""
	storetest.RunEncrypted(t, func(t *testing.T, keys keyring.Keys) storetest.Opener {
		at := t.Name()
		key = at
		// One for all: to open a ring with a passphrase takes a while, with -race a long one.
		s := f.keeping(t, at, 0, keys, s3.Tuning{FoldEntries: 30})
		return func() store.Store { return s }
	}, func() []byte {
		var all []byte
		for name, body := range server.all(t, key+"/") {
			all = append(append(all, strings.TrimPrefix(name, key)...), body...)
		}
		return all
	})
	t.Run("keeps all other promises", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) storetest.Opener {
			return func() store.Store { return f.keeping(t, t.Name(), 0, storetest.Recipient(), s3.Tuning{}) }
		})
	})
	t.Run("prunes", func(t *testing.T) {
		storetest.RunPruned(t, func(t *testing.T, keep int) storetest.Opener {
			return func() store.Store { return f.keeping(t, t.Name(), keep, storetest.Recipient(), pruning) }
		})
	})
}

// problem is an error of this package: what it says, and its hint.
func problem(t *testing.T, err error) (text, hint string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		hint = hinted.Hint()
	}
	if strings.Contains(err.Error()+hint, secretKey) {
		t.Errorf("a secret is shown: %v", err)
	}
	return err.Error(), hint
}

func TestErrorsSayWhatToDo(t *testing.T) {
	plain := func(*s3.Options) {}
	for _, test := range []struct {
		name       string
		prepare    func(t *testing.T)
		change     func(*s3.Options)
		text, hint string
	}{
		{"no such bucket", nil, func(o *s3.Options) { o.Bucket = "elsewhere" },
			"s3://elsewhere/errors: read lock.json: NoSuchBucket", "create the bucket"},
		{"unknown key", func(t *testing.T) { credentials(t, "AKIDNOBODYNOBODY", secretKey) }, plain,
			"s3://toolchains/errors: read lock.json: InvalidAccessKeyId", "does not know these credentials"},
		{"wrong secret", func(t *testing.T) { credentials(t, accessKey, "wrong") }, plain,
			"s3://toolchains/errors: read lock.json: SignatureDoesNotMatch", "does not know these credentials"},
		{"no credentials", func(t *testing.T) { credentials(t, "", "") }, plain,
			"s3://toolchains/errors: read lock.json: ", "there are no credentials"},
		{"no region", nil, func(o *s3.Options) { o.Region, o.Endpoint = "", "" },
			"the region of the bucket is not known", "AWS_REGION"},
		{"no bucket", nil, func(o *s3.Options) { o.Bucket = "" }, "the name of the bucket is missing", ""},
		{"no key", nil, func(o *s3.Options) { o.Key = "/" }, "the key is missing", "folder"},
		{"endpoint that is none", nil, func(o *s3.Options) { o.Endpoint = "localhost:9000" }, "the endpoint is not a URL", "https://"},
		{"endpoint with a password", nil, func(o *s3.Options) { o.Endpoint = "https://me:" + secretKey + "@localhost" }, "the endpoint is not a URL", "without user"},
		{"no such profile", nil, func(o *s3.Options) { o.Profile = "nobody" }, "nobody", "~/.aws/config"},
		{"nobody listens", nil, func(o *s3.Options) { o.Endpoint = "http://127.0.0.1:1" }, "connection refused", "network"},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts := newServer(t).front(t).options("errors")
			if test.prepare != nil {
				test.prepare(t)
			}
			test.change(&opts)
			s, err := s3.NewTuned(t.Context(), opts, s3.Tuning{})
			if err == nil {
				_, err = s.Open(t.Context(), storetest.Holder("apply"), nil)
			}
			text, hint := problem(t, err)
			if !strings.Contains(text, test.text) || !strings.Contains(hint, test.hint) {
				t.Errorf("%s\n  hint: %s", text, hint)
			}
		})
	}
}

func TestAccessDeniedNamesTheRightsThatAreNeeded(t *testing.T) {
	s := newServer(t)
	f := s.front(t)
	f.handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { s3Error(w, http.StatusForbidden, "AccessDenied") })
	_, err := f.store(t, "denied", s3.Tuning{}).Load(t.Context())
	if text, hint := problem(t, err); !strings.Contains(text, "AccessDenied") || !strings.Contains(hint, "s3:ListBucket") {
		t.Errorf("%s\n  hint: %s", text, hint)
	}
}

func TestServerThatIgnoresConditionsIsRefused(t *testing.T) {
	for _, header := range []string{"If-None-Match", "If-Match"} {
		t.Run(header, func(t *testing.T) {
			s := newServerWith(t) // one that checks signatures notices that a header is gone
			f := s.front(t)
			f.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Header.Del(header)
				s.ServeHTTP(w, r)
			})
			deaf := f.store(t, "deaf", s3.Tuning{})
			_, err := deaf.Open(t.Context(), storetest.Holder("apply"), nil)
			if text, hint := problem(t, err); !strings.Contains(text, "ignores the conditions") || !strings.Contains(hint, "another") {
				t.Errorf("%s\n  hint: %s", text, hint)
			}
			if state, err := deaf.Load(t.Context()); err != nil || state.Lineage != "" {
				t.Errorf("the store was created all the same: %+v, %v", state, err)
			}
		})
	}
}

func TestManyClientsNeverLoseAnEntry(t *testing.T) {
	for _, clients := range []int{2, 8} {
		f := newServer(t).front(t)
		key := "clients"
		var wg sync.WaitGroup
		const each = 3
		for i := range clients {
			s := f.store(t, key, s3.Tuning{})
			wg.Go(func() {
				for done := 0; done < each; {
					session, err := s.Open(t.Context(), storetest.Holder("apply"), nil)
					var locked *store.LockedError
					if errors.As(err, &locked) {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					e := []store.Entry{{Kind: store.Skipped, Run: "run", Error: string(rune('a' + i))}}
					if err := session.Record(t.Context(), e...); err != nil {
						t.Error(err)
					}
					if err := session.Close(); err != nil {
						t.Error(err)
					}
					done++
				}
			})
		}
		wg.Wait()
		counts := map[string]int{}
		for e, err := range f.store(t, key, s3.Tuning{}).Entries(t.Context(), "run") {
			if err != nil {
				t.Fatal(err)
			}
			counts[e.Error]++
		}
		for i := range clients {
			if got := counts[string(rune('a'+i))]; got != each {
				t.Errorf("%d of %d entries of client %d are there", got, each, i)
			}
		}
	}
}

// eventually polls.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within ten seconds: %s", what)
		case <-tick.C:
		}
	}
}
