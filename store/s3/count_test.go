package s3_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/s3"
)

func TestAThousandToolsCostAtMost250Writes(t *testing.T) {
	f := newServer(t).front(t)
	f.latency = 2 * time.Millisecond
	s := f.store(t, "thousand", s3.Tuning{})
	applyThousand(t, s)
	writes := count(f, "PUT ")
	t.Logf("%d writes, %d other requests", writes, len(f.requests())-writes)
	if writes > 250 {
		t.Errorf("%d writes", writes)
	}

	f.failing(nil)
	state, err := s.Load(t.Context())
	if err != nil || len(state.Tools) != 1000 {
		t.Fatalf("%v, %+v", err, state)
	}
	t.Logf("load: %q", f.requests())
	if got := len(f.requests()); got > 3 {
		t.Errorf("a load makes %d requests", got)
	}
}

// applyThousand records as the engine does with a parallelism of ten.
func applyThousand(t testing.TB, s *s3.Store) {
	t.Helper()
	session := mustOpen(t, s, "apply")
	mustRecord(t, session, "begin")
	tools := make(chan int)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for i := range tools {
				e := store.Entry{Kind: store.Intent, Run: "run", Tool: schema.MakeID("localfile", fmt.Sprintf("t-%d", i)), Action: store.ActionCreate, Options: []byte(`{"path":"x"}`)}
				for _, e.Kind = range []store.EntryKind{store.Intent, store.Applied} {
					if err := session.Record(t.Context(), e); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for i := range 1000 {
		tools <- i
	}
	close(tools)
	wg.Wait()
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
}

// One that records alone waits for nobody: its group is written at once.
func TestSmallSessionCostsFewRequests(t *testing.T) {
	f := newServer(t).front(t)
	s := f.store(t, "small", s3.Tuning{})
	mustOpen(t, s, "apply").Close()
	f.failing(nil)
	session := mustOpen(t, s, "apply")
	for range 4 {
		mustRecord(t, session, "one")
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	// Lock read and taken, head, journal's end; four groups; head and lock.
	if got := f.requests(); len(got) != 10 {
		t.Errorf("%d requests: %q", len(got), got)
	}
	if lists := count(f, "GET ?"); lists != 0 {
		t.Errorf("%d lists", lists)
	}
	f.failing(nil)
	if _, err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.requests(); len(got) != 6 {
		t.Errorf("a load of four groups: %q", got)
	}
}

func count(f *front, prefix string) (n int) {
	for _, request := range f.requests() {
		if strings.HasPrefix(request, prefix) {
			n++
		}
	}
	return n
}
