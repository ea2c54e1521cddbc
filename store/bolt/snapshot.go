package bolt

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// The buckets. A bucket's sequence tells what must be in it, so that a page that lost its last keys is noticed: in the
// journal it is the last Seq, in tools and runs the number of keys.
var (
	journalBucket = []byte("journal") // Seq, big-endian -> store.Entry
	toolsBucket   = []byte("tools")   // ID -> storedTool
	runsBucket    = []byte("runs")    // ID -> store.Run
	metaBucket    = []byte("meta")    // the keys below

	headerKey   = []byte("header")   // header; whatever the format becomes, a header with its number must stay here
	snapshotKey = []byte("snapshot") // the Seq up to which tools and runs are folded
)

type header struct {
	Format  int    `json:"format"`
	Lineage string `json:"lineage"`
	Key     []byte `json:"key"`

	snapshot uint64
}

func readHeader(tx *bbolt.Tx) (header, error) {
	var h header
	meta, err := bucket(tx, metaBucket)
	if err != nil {
		return h, err
	}
	value := meta.Get(headerKey)
	var format struct {
		Format int `json:"format"`
	}
	if err := unmarshal(headerKey, value, &format); err != nil {
		return h, err
	}
	if format.Format > store.Format {
		return h, newer(format.Format)
	}
	if err := unmarshal(headerKey, value, &h); err != nil {
		return h, err
	}
	if h.Format < 1 || h.Lineage == "" || len(h.Key) == 0 {
		return h, damaged("the header is not complete")
	}
	return h, unmarshal(snapshotKey, meta.Get(snapshotKey), &h.snapshot)
}

func bucket(tx *bbolt.Tx, name []byte) (*bbolt.Bucket, error) {
	if b := tx.Bucket(name); b != nil {
		return b, nil
	}
	return nil, damaged("there is no bucket %q", name)
}

// folded is the state, and what of it the snapshot does not have yet.
type folded struct {
	state *store.State
	// tools and runs are those that have changed since the snapshot; a run has its present value.
	tools map[schema.ID]struct{}
	runs  map[string]*store.Run
	// behind is the number of entries since the snapshot.
	behind int
}

// readFolded reads the snapshot and folds the rest of the journal.
func readFolded(ctx context.Context, tx *bbolt.Tx, head header) (*folded, error) {
	f := &folded{state: store.NewState(), runs: map[string]*store.Run{}, tools: map[schema.ID]struct{}{}}
	f.state.Lineage, f.state.Key, f.state.Serial = head.Lineage, head.Key, head.snapshot
	tools, err := bucket(tx, toolsBucket)
	if err != nil {
		return nil, err
	}
	if f.state.Tools, err = readTools(ctx, tools); err != nil {
		return nil, err
	}
	return f, f.readTail(ctx, tx)
}

func (f *folded) readTail(ctx context.Context, tx *bbolt.Tx) error {
	journal, err := bucket(tx, journalBucket)
	if err != nil {
		return err
	}
	runs, err := bucket(tx, runsBucket)
	if err != nil {
		return err
	}
	c := journal.Cursor()
	for key, value := c.Seek(seqKey(f.state.Serial + 1)); key != nil; key, value = c.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		e, err := decodeEntry(key, value)
		if err != nil {
			return err
		}
		if e.Seq != f.state.Serial+1 {
			return damaged("entry %d is missing", f.state.Serial+1)
		}
		if err := f.apply(runs, e); err != nil {
			return err
		}
	}
	if f.state.Serial != journal.Sequence() {
		return damaged("the journal ends at entry %d, but should at %d", f.state.Serial, journal.Sequence())
	}
	return nil
}

// apply folds one entry. The bucket is asked for a run that is not known yet.
func (f *folded) apply(runs *bbolt.Bucket, e store.Entry) error {
	f.state.Apply(e)
	f.behind++
	if e.Tool != "" {
		f.tools[e.Tool] = struct{}{}
	}
	if e.Run == "" {
		return nil
	}
	run := f.runs[e.Run]
	if run == nil {
		run = new(store.Run)
		if value := runs.Get([]byte(e.Run)); value != nil {
			if err := unmarshal([]byte(e.Run), value, run); err != nil {
				return err
			}
		}
		f.runs[e.Run] = run
	}
	run.Apply(e)
	return nil
}

// write brings the snapshot up to date.
func (f *folded) write(tx *bbolt.Tx) error {
	tools, runs, meta := tx.Bucket(toolsBucket), tx.Bucket(runsBucket), tx.Bucket(metaBucket)
	tools.FillPercent, runs.FillPercent = 0.9, 1
	for _, id := range slices.Sorted(maps.Keys(f.tools)) {
		key := []byte(id)
		tool := f.state.Tools[id]
		if tool == nil {
			if err := tools.Delete(key); err != nil {
				return err
			}
			continue
		}
		value, err := encodeTool(tool)
		if err == nil {
			err = tools.Put(key, value)
		}
		if err != nil {
			return err
		}
	}
	if err := tools.SetSequence(uint64(len(f.state.Tools))); err != nil {
		return err
	}
	n := runs.Sequence()
	for _, id := range slices.Sorted(maps.Keys(f.runs)) {
		key := []byte(id)
		if runs.Get(key) == nil {
			n++
		}
		if err := put(runs, key, f.runs[id]); err != nil {
			return err
		}
	}
	if err := runs.SetSequence(n); err != nil {
		return err
	}
	return put(meta, snapshotKey, f.state.Serial)
}

// written forgets what the snapshot has now.
func (f *folded) written() {
	clear(f.tools)
	clear(f.runs)
	f.behind = 0
}

func put(b *bbolt.Bucket, key []byte, v any) error {
	value, err := marshal(key, v)
	if err != nil {
		return err
	}
	return b.Put(key, value)
}

// appendEntry adds one entry behind the last.
func (f *folded) appendEntry(journal, runs *bbolt.Bucket, e store.Entry, encoded []byte) error {
	e.Seq = f.state.Serial + 1
	key, value := numberEntry(e.Seq, encoded)
	// Keys only ever come at the end, so no page needs room for more.
	journal.FillPercent = 1
	if err := journal.Put(key, value); err != nil {
		return err
	}
	if err := journal.SetSequence(binary.BigEndian.Uint64(key)); err != nil {
		return err
	}
	return f.apply(runs, e)
}
