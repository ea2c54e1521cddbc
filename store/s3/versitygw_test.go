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
	"github.com/devstream-io/dtm/store/s3"
	"github.com/devstream-io/dtm/store/storetest"
)

// startVersity starts a versitygw with an empty bucket that keeps versions.
func startVersity(t *testing.T) (address string) {
	t.Helper()
	credentials(t, accessKey, secretKey)
	return parts.ServeS3(t, bucketName, accessKey, secretKey)
}

func TestStoreOnARealServer(t *testing.T) {
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

	t.Run("unknown credentials", func(t *testing.T) {
		credentials(t, "AKIDNOBODYNOBODY", secretKey)
		_, err := direct(t, "unknown").Load(t.Context())
		if _, hint := problem(t, err); !strings.Contains(hint, "does not know these credentials") {
			t.Errorf("%v\n  hint: %s", err, hint)
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
