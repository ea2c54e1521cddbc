package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
	"github.com/devstream-io/dtm/store/mem"
)

// nap is how long each tool takes.
const nap = 100 * time.Millisecond

// sleeper is a plugin whose verbs take time and nothing else.
type sleeper struct{}

type nothing struct{}

func (sleeper) Create(ctx context.Context, _ nothing) (nothing, error) {
	select {
	case <-time.After(nap):
		return nothing{}, nil
	case <-ctx.Done():
		return nothing{}, ctx.Err()
	}
}

func (sleeper) Read(context.Context, nothing, nothing) (nothing, error) { return nothing{}, nil }

func (s sleeper) Update(ctx context.Context, want, _, _ nothing) (nothing, error) {
	return s.Create(ctx, want)
}

func (sleeper) Delete(context.Context, nothing, nothing) error { return nil }

// makespan applies random toolchains of tools that sleep, and compares with what no schedule can beat: the longest path,
// and the work that there is for each worker.
func (b *bench) makespan(ctx context.Context) error {
	const tools = 100
	seeds, tries := max(5, b.rounds), 3
	if b.most() < tools {
		seeds, tries = 1, 1 // only to see that it works
	}
	for _, parallel := range []int{4, parallel} {
		for _, kind := range []string{"memory", "bbolt"} {
			var took, must []time.Duration
			var ratios []float64
			for seed := range seeds {
				config, path := sleepers(min(tools, b.most()), uint64(seed))
				bound := nap * time.Duration(max(path, (len(config.Tools)+parallel-1)/parallel))
				// A disk that stalls for others is not ours: the least of a few tries.
				var t time.Duration
				for range tries {
					try, err := b.sleep(ctx, config, kind, parallel)
					if err != nil {
						return err
					}
					t = least(t, try)
				}
				took, must, ratios = append(took, t), append(must, bound), append(ratios, t.Seconds()/bound.Seconds())
				b.say("makespan, %s, parallel %d, seed %d: %s, at least %s", kind, parallel, seed, span(t), span(bound))
			}
			of := func(word string, ratio float64) {
				at := slices.Index(ratios, ratio)
				b.table.against(fmt.Sprintf("makespan of %d tools of 100 ms, random, %d at a time, store in %s: %s of %d graphs", min(tools, b.most()), parallel, kind, word, seeds),
					span(took[at]), span(must[at]), ratio, 1.05)
			}
			of("median", median(ratios))
			of("worst", slices.Max(ratios))
		}
	}
	return nil
}

// sleepers is a random toolchain, each tool with up to three needs among the 20 before it, and the length of its longest
// path in tools.
func sleepers(n int, seed uint64) (*schema.Config, int) {
	r := rand.New(rand.NewPCG(seed, 4))
	config := &schema.Config{Tools: make([]schema.Tool, n)}
	depth := make([]int, n)
	for i := range config.Tools {
		t := &config.Tools[i]
		t.ID, t.Options, depth[i] = schema.MakeID("sleeper", instance(i)), json.RawMessage("{}"), 1
		for _, need := range pick(r, i, 20)[:min(r.IntN(4), i)] {
			t.DependsOn = append(t.DependsOn, config.Tools[need].ID)
			depth[i] = max(depth[i], depth[need]+1)
		}
	}
	return config, slices.Max(depth)
}

// sleep applies the toolchain to a new store and returns how long that took, with opening and closing the store.
func (b *bench) sleep(ctx context.Context, config *schema.Config, kind string, parallel int) (time.Duration, error) {
	set, err := plugins.NewSet(plugins.New("sleeper", "", sleeper{}))
	if err != nil {
		return 0, err
	}
	dir, err := b.folder()
	if err != nil {
		return 0, err
	}
	defer b.drop(dir)
	var journal store.Store = mem.New()
	if kind == "bbolt" {
		journal = bolt.New(filepath.Join(dir, stateFile), bolt.Options{})
	}
	e := &engine.Engine{
		Plugins: set, Definition: func(string) *schema.Definition { return nil },
		LookupEnv: os.LookupEnv, Now: time.Now, Parallel: parallel,
	}
	state, err := journal.Load(ctx)
	if err != nil {
		return 0, err
	}
	plan, err := e.Plan(ctx, config, state, engine.PlanOptions{})
	if err != nil {
		return 0, err
	}
	began := time.Now()
	_, err = e.Apply(ctx, journal, plan, engine.ApplyOptions{})
	return time.Since(began), err
}
