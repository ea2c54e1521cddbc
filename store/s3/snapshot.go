package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/devstream-io/dtm/store"
)

// snapshot is an object: the fold of the journal up to an entry.
type snapshot struct {
	Seq     uint64 `json:"seq"`
	Lineage string `json:"lineage"`
	// Link is the Nonce of the group that ends with Seq.
	Link  string        `json:"link"`
	Tools []*store.Tool `json:"tools"`
	Runs  []*run        `json:"runs"`
	Nonce string        `json:"nonce"`
}

// run is a summary, and where its entries begin.
type run struct {
	store.Run
	// Group is the first entry of the group that holds the run's first entry, which is what its object is called by.
	Group uint64 `json:"group"`
}

// folded is the state, and how it came about.
type folded struct {
	head  *head // nil if the store does not exist
	state *store.State
	runs  map[string]*run
	// link is the Nonce of the last group, or the lineage.
	link string
	// behind and groups are how many entries and objects came since the snapshot.
	behind, groups int
}

func snapshotName(seq uint64) string { return fmt.Sprintf("snapshot/%020d.json", seq) }

// read follows the journal from the snapshot to its end.
func (s *Store) read(ctx context.Context) (*folded, error) {
	h, err := s.readHead(ctx)
	if err != nil {
		return nil, err
	}
	if h == nil {
		return s.missing(ctx)
	}
	f, err := s.readSnapshot(ctx, h)
	if err != nil {
		return nil, err
	}
	for {
		g, err := s.readGroup(ctx, f.state.Serial+1)
		if err != nil {
			return nil, err
		}
		if g == nil {
			break
		}
		if g.Prev != f.link {
			return nil, damaged("%s does not follow the entries before it", groupName(g.First))
		}
		f.apply(g)
	}
	if f.state.Serial < h.Serial {
		return nil, damaged("%s is missing: entries up to %d were recorded", groupName(f.state.Serial+1), h.Serial)
	}
	return f, nil
}

// readSnapshot returns what the head's snapshot says, or the empty state if it names none.
func (s *Store) readSnapshot(ctx context.Context, h *head) (*folded, error) {
	f := &folded{head: h, state: store.NewState(), runs: map[string]*run{}, link: h.Lineage}
	f.state.Lineage, f.state.Key, f.state.Serial = h.Lineage, h.Key, h.Snapshot
	if h.Snapshot == 0 {
		return f, nil
	}
	name := snapshotName(h.Snapshot)
	got, err := s.client.get(ctx, name)
	if err != nil {
		return nil, err
	}
	if got == nil {
		return nil, damaged("%s is missing", name)
	}
	var snap snapshot
	if err := unseal(name, got.body, &snap); err != nil {
		return nil, err
	}
	if snap.Seq != h.Snapshot || snap.Lineage != h.Lineage || snap.Link == "" {
		return nil, damaged("%s belongs to another journal", name)
	}
	f.link = snap.Link
	for _, tool := range snap.Tools {
		f.state.Tools[tool.ID] = tool
	}
	for _, r := range snap.Runs {
		f.runs[r.ID] = r
	}
	return f, nil
}

func (f *folded) apply(g *group) {
	for _, e := range g.Entries {
		f.state.Apply(e)
		if e.Run == "" {
			continue
		}
		r := f.runs[e.Run]
		if r == nil {
			r = &run{Group: g.First}
			f.runs[e.Run] = r
		}
		r.Apply(e)
	}
	f.link = g.Nonce
	f.behind += len(g.Entries)
	f.groups++
}

// fold writes a snapshot and has the head name it.
func (s *Store) fold(ctx context.Context, f *folded) error {
	snap := snapshot{Seq: f.state.Serial, Lineage: f.state.Lineage, Link: f.link, Nonce: nonce()}
	for _, id := range slices.Sorted(maps.Keys(f.state.Tools)) {
		snap.Tools = append(snap.Tools, f.state.Tools[id])
	}
	snap.Runs = slices.SortedFunc(maps.Values(f.runs), func(a, b *run) int { return cmp.Compare(a.First, b.First) })
	name := snapshotName(snap.Seq)
	body, err := seal(name, snap)
	if err != nil {
		return err
	}
	_, err = s.client.put(ctx, name, body, "")
	if errors.Is(err, errTaken) {
		// A session that died before it had told the head wrote the same fold; unless somebody has put another one there.
		err = s.sameSnapshot(ctx, f)
	}
	if err != nil {
		return err
	}
	if err := s.advance(ctx, f, snap.Seq); err != nil {
		return err
	}
	f.behind, f.groups = 0, 0
	return nil
}

func (s *Store) sameSnapshot(ctx context.Context, f *folded) error {
	at := *f.head
	at.Snapshot = f.state.Serial
	there, err := s.readSnapshot(ctx, &at)
	if err != nil {
		return err
	}
	if there.link != f.link {
		return damaged("%s belongs to another journal", snapshotName(at.Snapshot))
	}
	return nil
}
