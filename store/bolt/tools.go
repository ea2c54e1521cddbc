package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"runtime"
	"slices"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

// storedTool is a tool without its two big values. They follow the JSON as they are, each behind a newline: encoding/json
// looks at every byte of a raw value three times, which was two thirds of a Load, and the checksum has looked already.
type storedTool struct {
	store.Tool
	// Sizes are the lengths of Options and Resource.
	Sizes [2]int `json:"sizes"`
}

type pair struct{ key, value []byte }

// encodeTool returns the value behind room for the sum.
func encodeTool(tool *store.Tool) ([]byte, error) {
	var options, resource bytes.Buffer
	for _, part := range []struct {
		to  *bytes.Buffer
		raw []byte
	}{{&options, tool.Options}, {&resource, tool.Resource}} {
		if len(part.raw) == 0 {
			continue
		}
		if err := json.Compact(part.to, part.raw); err != nil {
			return nil, err
		}
	}
	head := storedTool{Tool: *tool, Sizes: [2]int{options.Len(), resource.Len()}}
	head.Options, head.Resource = nil, nil
	value, err := marshal(head)
	if err != nil {
		return nil, err
	}
	value = append(append(value, '\n'), options.Bytes()...)
	return append(append(value, '\n'), resource.Bytes()...), nil
}

// toolKey is what a tool is stored under: its ID, or what tells nothing.
func toolKey(ring *keyring.Ring, id schema.ID) []byte { return []byte(ring.Label(string(id))) }

// decodeTool keeps nothing of key and value.
func decodeTool(ring *keyring.Ring, bucket, key, value []byte, tool *store.Tool) error {
	raw, err := decrypt(ring, bucket, key, value)
	if err != nil {
		return err
	}
	text, raws, _ := bytes.Cut(raw, []byte("\n"))
	var head storedTool
	if err := json.Unmarshal(text, &head); err != nil {
		return damaged("the value of %s cannot be decoded: %v", printable(key), err)
	}
	options, resource := head.Sizes[0], head.Sizes[1]
	if options < 0 || resource < 0 || options+1+resource != len(raws) {
		return damaged("the value of %s has not the length it says", printable(key))
	}
	// What is encrypted is where it belongs, or it could not have been decrypted.
	if ring == nil && string(head.ID) != string(key) {
		return damaged("tool %s is stored under %s", head.ID, printable(key))
	}
	*tool = head.Tool
	// One copy for both; the capacity keeps them apart.
	if ring == nil {
		raws = bytes.Clone(raws)
	}
	if options > 0 {
		tool.Options = raws[:options:options]
	}
	if resource > 0 {
		tool.Resource = raws[options+1:]
	}
	return nil
}

// readTools reads all tools of a bucket. What is left of the time of a Load is still encoding/json, so it is spread
// over the processors.
func readTools(ctx context.Context, ring *keyring.Ring, b *bbolt.Bucket, name []byte) (map[schema.ID]*store.Tool, error) {
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
			if err := decodeTool(ring, name, pairs[i].key, pairs[i].value, &decoded[i]); err != nil {
				return err
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
