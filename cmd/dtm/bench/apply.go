package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/devstream-io/dtm/store/bolt"
)

// parallel is dtm's default.
const parallel = 10

// apply compares `dtm apply` of new tools with the baseline.
func (b *bench) apply(ctx context.Context) error {
	for _, n := range b.sizes() {
		if err := b.applyAgainst(ctx, flat, n, 2); err != nil {
			return err
		}
	}
	return b.applyAgainst(ctx, chain, b.small, 1.5)
}

// applyAgainst measures dtm and the baseline in turns, so that whatever else the machine does meets both. The ratio is the
// median of those of the rounds, each to the baselines just before and just after.
func (b *bench) applyAgainst(ctx context.Context, s shape, n int, limit float64) error {
	workers := parallel
	if s == chain {
		workers = 1
	}
	var sizes recordSizes
	var ours, bare []time.Duration
	var ratios []float64
	// One round more, to warm up: it tells how large the records are.
	for round := range b.rounds + 1 {
		dir, err := b.toolchain(s, n)
		if err != nil {
			return err
		}
		took, err := b.applyIn(ctx, dir, n)
		if err != nil {
			return err
		}
		if round == 0 {
			if sizes, err = readSizes(ctx, filepath.Join(dir, stateFile)); err != nil {
				return err
			}
		}
		b.drop(dir)
		if dir, err = b.folder(); err != nil {
			return err
		}
		settle()
		least, err := process(ctx, dir, b.self, sizes.arguments(n, workers)...)
		if err != nil {
			return err
		}
		b.drop(dir)
		b.say("apply %s %d, round %d: dtm %s (CPU %s), baseline %s (CPU %s)", s, n, round,
			span(took.wall), span(took.cpu), span(least.wall), span(least.cpu))
		bare = append(bare, least.wall)
		if round > 0 {
			ours = append(ours, took.wall)
			ratios = append(ratios, 2*took.wall.Seconds()/(bare[round-1]+bare[round]).Seconds())
		}
	}
	b.table.against(fmt.Sprintf("`apply` of %d new tools, %s", n, s), span(median(ours)), span(median(bare)), median(ratios), limit)
	return nil
}

// applyIn applies the new toolchain in dir and makes sure that it was done.
func (b *bench) applyIn(ctx context.Context, dir string, n int) (sample, error) {
	settle()
	took, err := process(ctx, dir, b.dtm, "apply", "-y", "-f", yamlFile)
	if err != nil {
		return took, err
	}
	state, err := bolt.New(filepath.Join(dir, stateFile), bolt.Options{}).Load(ctx)
	if err != nil {
		return took, err
	}
	// That the run has begun, its plan, two entries a tool, and that it has ended.
	if least := uint64(2*n + 2); len(state.Tools) != n || state.Serial < least {
		return took, fmt.Errorf("%d tools and %d entries in the journal, not %d and at least %d", len(state.Tools), state.Serial, n, least)
	}
	files, err := os.ReadDir(filepath.Join(dir, "out"))
	if err == nil && len(files) != n {
		err = fmt.Errorf("%d files, not %d", len(files), n)
	}
	return took, err
}

// folder makes a new folder.
func (b *bench) folder() (string, error) { return os.MkdirTemp(b.dir, "") }

// drop removes a folder. What stays goes with b.dir.
func (b *bench) drop(dir string) { _ = os.RemoveAll(dir) }

// toolchain makes a new folder with a toolchain.
func (b *bench) toolchain(s shape, n int) (string, error) {
	dir, err := b.folder()
	if err != nil {
		return "", err
	}
	return dir, writeToolchain(dir, s.needs(n))
}
