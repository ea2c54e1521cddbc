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

// read follows the journal from the newest snapshot to its end.
func (s *Store) read(ctx context.Context) (*folded, error) {
	var f *folded
	err := s.reading(ctx, func(h *head) (err error) {
		f, err = s.follow(ctx, h)
		return err
	})
	return f, err
}

// reading calls read with the head, which is nil if the store does not exist. It calls it again with what the head has
// become if an object was missing, or the reading took so long that the object behind the last could have been deleted,
// which would look like the journal's end.
func (s *Store) reading(ctx context.Context, read func(*head) error) error {
	h, err := s.readHead(ctx)
	if err != nil {
		return err
	}
	for tries := 1; ; tries++ {
		began := s.tuning.now()
		err := read(h)
		var gone *goneError
		late := err == nil && since(began, s.tuning.now()) >= s.tuning.grace/2
		if !late && !errors.As(err, &gone) || h == nil || tries == 5 {
			return err
		}
		now, headErr := s.readHead(ctx)
		if headErr != nil {
			return headErr
		}
		if now == nil || now.Nonce == h.Nonce {
			return err
		}
		h = now
	}
}

func (s *Store) follow(ctx context.Context, h *head) (*folded, error) {
	if h == nil {
		return s.missing(ctx)
	}
	f, err := s.readSnapshot(ctx, h, h.Snapshot)
	if err != nil {
		return nil, err
	}
	for {
		g, err := s.readGroup(ctx, h, f.state.Serial+1)
		if err != nil {
			return nil, err
		}
		if g == nil {
			break
		}
		if g.Prev != f.link {
			return nil, g.unlinked()
		}
		f.apply(g)
	}
	if f.state.Serial < h.Serial {
		return nil, &goneError{fmt.Sprintf("%s is missing: entries up to %d were recorded", groupName(f.state.Serial+1), h.Serial)}
	}
	maps.DeleteFunc(f.runs, func(_ string, r *run) bool { return r.First < h.First })
	return f, nil
}

// readSnapshot returns what the snapshot at an entry says, or the empty state for 0.
func (s *Store) readSnapshot(ctx context.Context, h *head, seq uint64) (*folded, error) {
	f := &folded{head: h, state: store.NewState(), runs: map[string]*run{}, link: h.Lineage}
	f.state.Lineage, f.state.Key, f.state.Serial = h.Lineage, slices.Clone(h.Key), seq
	if seq == 0 {
		return f, nil
	}
	name := snapshotName(seq)
	got, err := s.client.get(ctx, name)
	if err != nil {
		return nil, err
	}
	if got == nil {
		return nil, &goneError{name + " is missing"}
	}
	var snap snapshot
	if err := h.unseal(name, got.body, &snap); err != nil {
		return nil, err
	}
	if snap.Seq != seq || snap.Lineage != h.Lineage || snap.Link == "" {
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
	if err := s.putSnapshot(ctx, f); err != nil {
		return err
	}
	seq := f.state.Serial
	return s.advance(ctx, f, func(next *head) { next.folded(seq) })
}

// putSnapshot writes a snapshot of all that f holds. Nobody reads it until the head names it.
func (s *Store) putSnapshot(ctx context.Context, f *folded) error {
	snap := snapshot{Seq: f.state.Serial, Lineage: f.state.Lineage, Link: f.link, Nonce: nonce()}
	for _, id := range slices.Sorted(maps.Keys(f.state.Tools)) {
		snap.Tools = append(snap.Tools, f.state.Tools[id])
	}
	snap.Runs = slices.SortedFunc(maps.Values(f.runs), func(a, b *run) int { return cmp.Compare(a.First, b.First) })
	name := snapshotName(snap.Seq)
	body, err := seal(f.head.ring, name, snap)
	if err != nil {
		return err
	}
	_, err = s.client.put(ctx, name, body, "")
	if errors.Is(err, errTaken) {
		// A session that died before it had told the head wrote the same fold; unless somebody has put another one there.
		err = s.sameSnapshot(ctx, f)
	}
	if err == nil {
		f.behind, f.groups = 0, 0
	}
	return err
}

func (s *Store) sameSnapshot(ctx context.Context, f *folded) error {
	there, err := s.readSnapshot(ctx, f.head, f.state.Serial)
	if err != nil {
		return err
	}
	if there.link != f.link {
		return damaged("%s belongs to another journal", snapshotName(f.state.Serial))
	}
	return nil
}
