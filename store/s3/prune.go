package s3

import (
	"cmp"
	"context"
	"maps"
	"reflect"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// What is no longer needed is deleted in two steps. A session that ends writes into the head what is to go: which runs are
// forgotten, where the journal begins now, and the names of the objects that are doomed. A later one deletes them, when
// everybody who had read an older head has finished, and so has every request of a session that lost its lock and could
// otherwise find a name free that was taken. The names are in the head, so they can be deleted in any order, and whoever
// breaks off leaves nothing that is not known. The names of groups are found without listing, by reading the journal
// from its beginning: that costs one request for each group, once, and spares the snapshots a list of all there are.
//
// To forget a run its entries need not be deleted: they go with the first snapshot that makes them superfluous.

const (
	// pruning is for how long a session that ends prunes at most.
	pruning = 20 * time.Second
	// deleters is how many deletes are under way at a time.
	deleters = 8
)

// finish writes what the next session begins with, and prunes.
func (s *Store) finish(ctx context.Context, f *folded) error {
	newest := f.head.Snapshot
	if t := s.tuning; f.behind > t.closingEntries || f.groups > t.closingGroups {
		if err := s.putSnapshot(ctx, f); err != nil {
			return err
		}
		newest = f.state.Serial
	}
	prune := s.prune(ctx, f, newest)
	return s.advance(ctx, f, func(next *head) {
		next.folded(newest)
		prune(next)
	})
}

// prune deletes what is doomed and returns what to do to the head: forget the runs that are too many, and doom what
// nothing needs any more. Whatever cannot be deleted or read stays, and is no error.
func (s *Store) prune(ctx context.Context, f *folded, newest uint64) func(*head) {
	ctx, cancel := context.WithTimeout(ctx, pruning)
	defer cancel()
	plan := *f.head
	plan.Snapshots = slices.Clone(plan.Snapshots)
	plan.folded(newest)
	plan.First = max(plan.First, f.oldest(s.keep))
	was := plan
	was.Snapshots = slices.Clone(plan.Snapshots)
	if d := plan.Doomed; d != nil && s.client.now().Sub(d.Since) >= s.tuning.grace && s.removeAll(ctx, d) == nil {
		plan.Doomed = nil
	}
	if plan.Doomed == nil {
		s.doom(ctx, &plan)
	}
	return func(next *head) {
		next.First = max(next.First, plan.First)
		// Whoever has taken the lock from us may have pruned as well.
		if next.Begin == was.Begin && slices.Equal(next.Snapshots, was.Snapshots) && reflect.DeepEqual(next.Doomed, was.Doomed) {
			next.Begin, next.Snapshots, next.Doomed = plan.Begin, plan.Snapshots, plan.Doomed
		}
	}
}

// oldest returns the first entry of the oldest of the newest runs, as many as are to be kept; 0 if there are no more.
func (f *folded) oldest(keep int) uint64 {
	if keep <= 0 || len(f.runs) <= keep {
		return 0
	}
	runs := slices.SortedFunc(maps.Values(f.runs), func(a, b *run) int { return cmp.Compare(b.First, a.First) })
	return runs[keep-1].First
}

// doom takes out of the head what is not needed to read it: groups and snapshots before the newest snapshot that is older
// than the oldest run, and of the snapshots behind it those that are too many.
func (s *Store) doom(ctx context.Context, h *head) {
	d := &doomed{Since: s.client.now()}
	base := uint64(0)
	if h.First > 0 {
		base = h.before(h.First - 1)
	}
	for len(d.Groups) < s.tuning.deletes && h.Begin <= base {
		g, err := s.readNext(ctx, h, h.Begin, "")
		if err != nil {
			break
		}
		d.Groups = append(d.Groups, g.First)
		h.Begin = g.Last + 1
	}
	drop := func(i int) {
		d.Snapshots = append(d.Snapshots, h.Snapshots[i])
		h.Snapshots = slices.Delete(h.Snapshots, i, i+1)
	}
	room := func() bool { return len(d.Groups)+len(d.Snapshots) < s.tuning.deletes }
	// The journal must begin behind a snapshot, also while it is not yet pruned to the end.
	for room() && len(h.Snapshots) > 0 && h.Snapshots[0]+1 < h.Begin {
		drop(0)
	}
	for room() && len(h.Snapshots) > max(s.tuning.snapshots, 3) {
		drop(superfluous(h.Snapshots))
	}
	if len(d.Groups)+len(d.Snapshots) > 0 {
		h.Doomed = d
	}
}

// superfluous returns the index of the snapshot without which the least is lost: the one between the nearest neighbours.
// The oldest and the newest stay.
func superfluous(seqs []uint64) int {
	least := 1
	for i := 2; i < len(seqs)-1; i++ {
		if seqs[i+1]-seqs[i-1] < seqs[least+1]-seqs[least-1] {
			least = i
		}
	}
	return least
}

// removeAll deletes what is doomed. After an error nothing more is begun.
func (s *Store) removeAll(ctx context.Context, d *doomed) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(deleters)
	for _, first := range d.Groups {
		g.Go(func() error { return s.client.remove(ctx, groupName(first)) })
	}
	for _, seq := range d.Snapshots {
		g.Go(func() error { return s.client.remove(ctx, snapshotName(seq)) })
	}
	return g.Wait()
}
