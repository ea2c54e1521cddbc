package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

// The buckets. A bucket's sequence tells what must be in it, so that a page that lost its last keys is noticed: in the
// journal it is the last Seq, in tools, base and runs the number of keys.
var (
	journalBucket = []byte("journal") // Seq, big-endian -> store.Entry
	toolsBucket   = []byte("tools")   // ID, or its label -> storedTool
	runsBucket    = []byte("runs")    // ID -> store.Run
	metaBucket    = []byte("meta")    // the keys below
	baseBucket    = []byte("base")    // as tools; not there before a run was forgotten

	headerKey   = []byte("header")   // header; whatever the format becomes, a header with its number must stay here
	snapshotKey = []byte("snapshot") // the Seq up to which tools and runs are folded
	baseKey     = []byte("base")     // the Seq up to which base is folded and the journal forgotten; 0 if not there
	pruningKey  = []byte("pruning")  // there while a pruning is not complete
)

func bucket(tx *bbolt.Tx, name []byte) (*bbolt.Bucket, error) {
	if b := tx.Bucket(name); b != nil {
		return b, nil
	}
	return nil, damaged("there is no bucket %q", name)
}

// folded is the state, and what of it the snapshot does not have yet.
type folded struct {
	ring  *keyring.Ring
	state *store.State
	// tools and runs are those that have changed since the snapshot; a run has its present value.
	tools map[schema.ID]struct{}
	runs  map[string]*store.Run
	// behind is the number of entries since the snapshot.
	behind int
}

// newFolded has nothing but what the header says.
func newFolded(head header) *folded {
	f := &folded{ring: head.ring, state: store.NewState(), runs: map[string]*store.Run{}, tools: map[schema.ID]struct{}{}}
	f.state.Lineage, f.state.Key, f.state.Serial = head.Lineage, head.Key, head.snapshot
	return f
}

// readFolded reads the snapshot and folds the rest of the journal.
func readFolded(ctx context.Context, tx *bbolt.Tx, head header) (*folded, error) {
	f := newFolded(head)
	tools, err := bucket(tx, toolsBucket)
	if err != nil {
		return nil, err
	}
	if f.state.Tools, err = readTools(ctx, head.ring, tools, toolsBucket); err != nil {
		return nil, err
	}
	return f, f.readTail(ctx, tx, head)
}

func (f *folded) readTail(ctx context.Context, tx *bbolt.Tx, head header) error {
	journal, err := bucket(tx, journalBucket)
	if err != nil {
		return err
	}
	runs, err := bucket(tx, runsBucket)
	if err != nil {
		return err
	}
	if err := eachEntry(ctx, tx, head, f.state.Serial+1, journal.Sequence(), func(e store.Entry) error { return f.apply(runs, e) }); err != nil {
		return err
	}
	// Without a tail there may be no journal left to end anywhere.
	if last, _ := journal.Cursor().Last(); f.state.Serial != journal.Sequence() || last != nil && !bytes.Equal(last, seqKey(f.state.Serial)) {
		return damaged("the journal ends at %s, but should at %d", printable(last), journal.Sequence())
	}
	return nil
}

// eachEntry calls fn for the entries from and to, and all between.
func eachEntry(ctx context.Context, tx *bbolt.Tx, head header, from, to uint64, fn func(store.Entry) error) error {
	journal, err := bucket(tx, journalBucket)
	if err != nil {
		return err
	}
	c := journal.Cursor()
	for seq, key, value := from, []byte(nil), []byte(nil); seq <= to; seq++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if seq == from {
			key, value = c.Seek(seqKey(from))
		} else {
			key, value = c.Next()
		}
		if !bytes.Equal(key, seqKey(seq)) {
			return damaged("entry %d is missing", seq)
		}
		e, err := decodeEntry(head.ring, key, value)
		if err == nil {
			err = fn(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// apply folds one entry. The bucket is asked for a run that is not known yet.
func (f *folded) apply(runs *bbolt.Bucket, e store.Entry) error {
	f.touch(e)
	f.state.Apply(e)
	f.behind++
	if e.Run == "" {
		return nil
	}
	run := f.runs[e.Run]
	if run == nil {
		run = new(store.Run)
		if value := runs.Get([]byte(e.Run)); value != nil {
			if err := unmarshal(f.ring, runsBucket, []byte(e.Run), value, run); err != nil {
				return err
			}
		}
		f.runs[e.Run] = run
	}
	run.Apply(e)
	return nil
}

// touch notes which tools the entry may change. It is called before the entry is applied.
func (f *folded) touch(e store.Entry) {
	if e.Tool == "" {
		return
	}
	f.tools[e.Tool] = struct{}{}
	if e.Kind != store.Moved || f.state.Tools[e.Tool] == nil {
		return
	}
	f.tools[e.To] = struct{}{}
	for id, tool := range f.state.Tools {
		if mentions(tool, e.Tool) {
			f.tools[id] = struct{}{}
		}
	}
}

// mentions tells whether the tool depends on the other, or was to.
func mentions(tool *store.Tool, other schema.ID) bool {
	return slices.Contains(tool.DependsOn, other) ||
		slices.ContainsFunc(tool.Doubts(), func(d *store.Doubt) bool { return slices.Contains(d.DependsOn, other) })
}

// writeTools brings a bucket of tools up to date.
func (f *folded) writeTools(b *bbolt.Bucket, name []byte) error {
	ids := make(map[string]schema.ID, len(f.tools))
	for id := range f.tools {
		ids[string(toolKey(f.ring, id))] = id
	}
	b.FillPercent = 0.9
	n := b.Sequence()
	for _, label := range slices.Sorted(maps.Keys(ids)) {
		key, tool := []byte(label), f.state.Tools[ids[label]]
		was := b.Get(key) != nil
		switch {
		case tool == nil && !was:
		case tool == nil:
			n--
			if err := b.Delete(key); err != nil {
				return err
			}
		default:
			if !was {
				n++
			}
			value, err := encodeTool(tool)
			if err == nil {
				err = b.Put(key, encrypt(f.ring, name, key, value))
			}
			if err != nil {
				return err
			}
		}
	}
	return b.SetSequence(n)
}

// write brings the snapshot up to date.
func (f *folded) write(tx *bbolt.Tx) error {
	tools, runs, meta := tx.Bucket(toolsBucket), tx.Bucket(runsBucket), tx.Bucket(metaBucket)
	if err := f.writeTools(tools, toolsBucket); err != nil {
		return err
	}
	runs.FillPercent = 1
	n := runs.Sequence()
	for _, id := range slices.Sorted(maps.Keys(f.runs)) {
		key := []byte(id)
		if runs.Get(key) == nil {
			n++
		}
		value, err := marshal(f.runs[id])
		if err == nil {
			err = runs.Put(key, encrypt(f.ring, runsBucket, key, value))
		}
		if err != nil {
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

// put stores a value of the meta bucket, which is in clear.
func put(b *bbolt.Bucket, key []byte, v any) error {
	value, err := marshal(v)
	if err != nil {
		return err
	}
	return b.Put(key, seal(key, value))
}

// appendEntry adds one entry behind the last.
func (f *folded) appendEntry(journal, runs *bbolt.Bucket, e store.Entry, encoded []byte) error {
	e.Seq = f.state.Serial + 1
	key, value := numberEntry(f.ring, e.Seq, encoded)
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
