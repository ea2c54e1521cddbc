package bolt_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
	"github.com/devstream-io/dtm/store/storetest"
)

// BenchmarkRecord records entries from p goroutines, each waiting for its own. "bare" writes the same bytes into a bbolt
// that is grouped the same way and does nothing else: that much is the disk's and bbolt's.
//
// What was found (two shared cores, a disk that syncs in some 50 µs): 1,000 entries by 10 goroutines take 41 to 47 ms, and
// 38 to 43 ms bare. Ours is some 10 µs of processor an entry, half of it encoding/json, which the callers do while they
// wait for the disk anyway. It shows only from 64 goroutines on, where a group is so big that the sync hardly counts (18 ms
// against 9 ms). The profile beyond that is bbolt's: reading back and splitting the last page, five page writes, two syncs.
// Taking the pages for each commit and looking whether somebody else was there is some 10 µs of it; while commits follow
// each other without a pause, leaving the pages to readers now and then is two parts in a hundred.
func BenchmarkRecord(b *testing.B) {
	entries := storetest.Journal(1, 1000, 50)
	for _, p := range []int{1, 4, 10, 64} {
		b.Run(fmt.Sprintf("p=%d", p), func(b *testing.B) {
			s := bolt.New(filepath.Join(b.TempDir(), "state.db"), bolt.Options{})
			session, err := s.Open(b.Context(), storetest.Holder("bench"), nil)
			if err != nil {
				b.Fatal(err)
			}
			defer session.Close()
			spread(b, p, func(i int) error { return session.Record(b.Context(), entries[i%len(entries)]) })
		})
		b.Run(fmt.Sprintf("bare/p=%d", p), func(b *testing.B) {
			db, err := bbolt.Open(filepath.Join(b.TempDir(), "bare.db"), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoStatistics: true})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			values := make([][]byte, len(entries))
			for i, e := range entries {
				if values[i], err = json.Marshal(e); err != nil {
					b.Fatal(err)
				}
			}
			w := &bare{db: db}
			spread(b, p, func(i int) error { return w.put(values[i%len(values)]) })
		})
	}
}

// spread calls f b.N times, from p goroutines.
func spread(b *testing.B, p int, f func(i int) error) {
	b.ReportAllocs()
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range p {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := f(int(i)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
}

// bare is group commit and nothing else.
type bare struct {
	db        *bbolt.DB
	mu        sync.Mutex
	gathering *bareGroup
	writing   sync.Mutex
	seq       uint64
}

type bareGroup struct {
	values [][]byte
	done   chan struct{}
	err    error
}

func (w *bare) put(value []byte) error {
	w.mu.Lock()
	g := w.gathering
	first := g == nil
	if first {
		g = &bareGroup{done: make(chan struct{})}
		w.gathering = g
	}
	g.values = append(g.values, value)
	w.mu.Unlock()
	if first {
		w.writing.Lock()
		w.mu.Lock()
		w.gathering = nil
		w.mu.Unlock()
		g.err = w.db.Update(func(tx *bbolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists([]byte("journal"))
			if err != nil {
				return err
			}
			bucket.FillPercent = 1
			for _, v := range g.values {
				w.seq++
				if err := bucket.Put(binary.BigEndian.AppendUint64(nil, w.seq), v); err != nil {
					return err
				}
			}
			return nil
		})
		close(g.done)
		w.writing.Unlock()
	}
	<-g.done
	return g.err
}

// tenThousandTools are a journal in which each tool was made once.
func tenThousandTools() []store.Entry {
	shape := storetest.Journal(1, 2000, 50)
	var applied []store.Entry
	for _, e := range shape {
		if e.Kind == store.Applied {
			applied = append(applied, e)
		}
	}
	entries := []store.Entry{{Kind: store.Started, Run: "run-1"}}
	for i := range 10_000 {
		e := applied[i%len(applied)]
		e.Run, e.Tool = "run-1", schema.MakeID("helm", fmt.Sprintf("tool-%d", i))
		intent := e
		intent.Kind, intent.Resource = store.Intent, nil
		entries = append(entries, intent, e)
	}
	return append(entries, store.Entry{Kind: store.Finished, Run: "run-1", Result: store.Succeeded})
}

// BenchmarkLoad10000Tools: 42 ms on two cores. It was 90 ms while options and resources were part of a tool's JSON, nearly
// all of it in encoding/json (see storedTool).
func BenchmarkLoad10000Tools(b *testing.B) {
	path := filepath.Join(b.TempDir(), "state.db")
	if err := bolt.Import(b.Context(), path, nil, tenThousandTools(), bolt.Options{}); err != nil {
		b.Fatal(err)
	}
	s := bolt.New(path, bolt.Options{})
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			state, err := s.Load(b.Context())
			if err != nil || len(state.Tools) != 10_000 {
				b.Fatal(len(state.Tools), err)
			}
		}
	})
	// What opening costs over loading is checking every page.
	b.Run("open and close", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			session, err := s.Open(b.Context(), storetest.Holder("bench"), nil)
			if err != nil {
				b.Fatal(err)
			}
			if err := session.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFold10000Tools is the price of Close after a run that has made ten thousand tools.
func BenchmarkFold10000Tools(b *testing.B) {
	entries := tenThousandTools()
	for b.Loop() {
		b.StopTimer()
		s := bolt.New(filepath.Join(b.TempDir(), "state.db"), bolt.Options{})
		session, err := s.Open(b.Context(), storetest.Holder("bench"), nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := session.Record(b.Context(), entries[:19_999]...); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := session.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
