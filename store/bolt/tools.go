package bolt

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// readTools reads the snapshot of the tools. Nearly all of the time of a Load is spent in encoding/json, which looks at
// every byte of the options and resources three times, so it is spread over the processors: ten thousand tools take 90 ms
// on one, and half of that on two.
func readTools(ctx context.Context, b *bbolt.Bucket) (map[schema.ID]*store.Tool, error) {
	type pair struct{ key, value []byte }
	pairs := make([]pair, 0, min(b.Sequence(), 1<<16))
	err := b.ForEach(func(key, value []byte) error {
		pairs = append(pairs, pair{key, value})
		return nil
	})
	if err == nil && uint64(len(pairs)) != b.Sequence() {
		err = damaged("there are %d tools, but there should be %d", len(pairs), b.Sequence())
	}
	if err != nil || len(pairs) == 0 {
		return map[schema.ID]*store.Tool{}, err
	}
	decoded := make([]store.Tool, len(pairs))
	decode := func(from, to int) error {
		for i := from; i < to; i++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := unmarshal(pairs[i].key, pairs[i].value, &decoded[i]); err != nil {
				return err
			}
			if string(decoded[i].ID) != string(pairs[i].key) {
				return damaged("tool %s is stored under %s", decoded[i].ID, printable(pairs[i].key))
			}
		}
		return nil
	}
	// A few hundred are done before a goroutine has started.
	size := max(256, (len(pairs)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	errs := make([]error, (len(pairs)+size-1)/size)
	var wg sync.WaitGroup
	for i := range errs {
		// The values are in the memory map, so each goroutine must be ready for a fault.
		wg.Go(func() {
			errs[i] = guard(func() error { return decode(i*size, min((i+1)*size, len(pairs))) })
		})
	}
	wg.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return nil, errs[i]
	}
	tools := make(map[schema.ID]*store.Tool, len(pairs))
	for i := range decoded {
		tools[decoded[i].ID] = &decoded[i]
	}
	return tools, nil
}
