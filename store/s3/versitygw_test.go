package s3_test

import (
	"errors"
	"fmt"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
	"github.com/devstream-io/dtm/store/s3"
	"github.com/devstream-io/dtm/store/storetest"
)

// startVersity starts a versitygw with an empty bucket that keeps versions.
func startVersity(t *testing.T) (address string) {
	t.Helper()
	return parts.ServeS3(t, bucketName, accessKey, secretKey)
}

func TestStoreOnARealServer(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes long with -race")
	}
	address := startVersity(t)
	direct := func(t *testing.T, key string) *s3.Store {
		t.Helper()
		s, err := s3.New(t.Context(), s3.Options{Bucket: bucketName, Key: key, Endpoint: "http://" + address, PathStyle: true})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		return func() store.Store { return direct(t, fmt.Sprintf("%x", t.Name())) }
	})

	with := func(t *testing.T, key string, keep int, keys keyring.Keys, tuning s3.Tuning) *s3.Store {
		t.Helper()
		s, err := s3.NewTuned(t.Context(), s3.Options{Bucket: bucketName, Key: key, Endpoint: "http://" + address, PathStyle: true, Keep: keep, Keys: keys}, tuning)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Run("prunes", func(t *testing.T) {
		storetest.RunPruned(t, func(t *testing.T, keep int) storetest.Opener {
			key := fmt.Sprintf("%x", t.Name())
			return func() store.Store { return with(t, key, keep, keyring.Keys{}, pruning) }
		})
	})

	t.Run("is encrypted", func(t *testing.T) {
		var last *s3.Store
		storetest.RunEncrypted(t, func(t *testing.T, keys keyring.Keys) storetest.Opener {
			last = with(t, fmt.Sprintf("%x", t.Name()), 0, keys, s3.Tuning{})
			s := last
			return func() store.Store { return s }
		}, func() []byte {
			all, err := s3.Everything(t.Context(), last)
			if err != nil {
				t.Fatal(err)
			}
			return all
		})
	})

	t.Run("the state of DevStream is taken over", func(t *testing.T) {
		s := with(t, "team/devstream.state", 0, keyring.Keys{}, s3.Tuning{})
		hasOld(t, s, "-")
		if err := s3.Leave(t.Context(), s, oldState); err != nil {
			t.Fatal(err)
		}
		hasOld(t, s, oldState)
		if state, err := s.Load(t.Context()); err != nil || state.Serial != 0 {
			t.Errorf("%+v, %v", state, err)
		}
		if held, err := s.Lock(t.Context()); err != nil || held != nil {
			t.Errorf("%+v, %v", held, err)
		}
		if err := s.Import(t.Context(), storetest.Holder("apply"), digestKey(), takeOver()); err != nil {
			t.Fatal(err)
		}
		tookOver(t, s)
		recordRuns(t, s, 2, 2)
	})

	t.Run("a take-over that broke off behind the removal goes on", func(t *testing.T) {
		s := with(t, "broken.state", 0, keyring.Keys{}, s3.Tuning{})
		if err := s3.Leave(t.Context(), with(t, "broken.state.bak", 0, keyring.Keys{}, s3.Tuning{}), oldState); err != nil {
			t.Fatal(err)
		}
		hasOld(t, s, oldState)
		if err := s.Import(t.Context(), storetest.Holder("apply"), digestKey(), takeOver()); err != nil {
			t.Fatal(err)
		}
		tookOver(t, s)
	})

	t.Run("any one request may fail for good and the next run converges", func(t *testing.T) {
		target, err := url.Parse("http://" + address)
		if err != nil {
			t.Fatal(err)
		}
		f := newFront(t, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		}})
		all := oneRun(6)
		for _, o := range []outcome{refused, cut, unheard} {
			for n, more := 1, true; more; n++ {
				key := fmt.Sprintf("faults/%d-%d", o, n)
				s := f.store(t, key, s3.Tuning{FoldEntries: 4})
				f.failing(once(n, o))
				if _, err := recordRest(t, s, all); err != nil {
					t.Errorf("%s at request %d: %v", o, n, err)
				}
				more = len(f.requests()) > n
				check(t, direct(t, key), all)
			}
		}
	})

	t.Run("no such bucket", func(t *testing.T) {
		s, err := s3.New(t.Context(), s3.Options{Bucket: "elsewhere", Key: "k", Endpoint: "http://" + address, PathStyle: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Load(t.Context())
		if _, hint := problem(t, err); !strings.Contains(hint, "create the bucket") || errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%v\n  hint: %s", err, hint)
		}
	})
}

func TestUnknownCredentialsAreExplainedOnARealServer(t *testing.T) {
	address := startVersity(t)
	credentials(t, "AKIDNOBODYNOBODY", secretKey)
	s, err := s3.New(t.Context(), s3.Options{Bucket: bucketName, Key: "unknown", Region: "us-east-1", Endpoint: "http://" + address, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Load(t.Context())
	if _, hint := problem(t, err); !strings.Contains(hint, "does not know these credentials") {
		t.Errorf("%v\n  hint: %s", err, hint)
	}
}
