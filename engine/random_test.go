package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/storetest"
)

// wishes makes random configurations that follow one another. Every tool has names of its own, so no two tools ever want
// the same thing.
type wishes struct {
	*rand.Rand
	tools map[int]*wished
}

type wished struct {
	plugin      string
	value, name int
	zone        string
	refers      []int
	depends     []int
}

// next changes some tools. A tool refers to and depends on tools with smaller numbers, or greater ones every other time.
func (w *wishes) next() string {
	up := w.IntN(4) == 0
	for i := range 30 {
		t := w.tools[i]
		switch {
		case t == nil && w.IntN(3) == 0:
			t = &wished{plugin: [2]string{"thing", "named"}[i%2], zone: "here"}
			w.tools[i] = t
			w.wire(i, up)
		case t == nil:
		case w.IntN(6) == 0:
			delete(w.tools, i)
		case w.IntN(2) == 0:
			switch w.IntN(3) {
			case 0:
				t.value++
			case 1:
				// Only a plugin that tells identities never leaves anything, whatever comes after two crashes.
				if t.plugin == "named" {
					t.name++
				}
			case 2:
				t.zone = [2]string{"here", "there"}[w.IntN(2)]
			}
		}
	}
	// Whatever points to a tool that is gone, or in the other direction, is wired anew.
	for i := range 30 {
		if t := w.tools[i]; t != nil {
			for _, need := range append(append([]int{}, t.refers...), t.depends...) {
				if w.tools[need] == nil || need > i != up {
					w.wire(i, up)
					break
				}
			}
			if w.IntN(5) == 0 {
				w.wire(i, up)
			}
		}
	}
	return w.String()
}

func (w *wishes) wire(i int, up bool) {
	t := w.tools[i]
	t.refers, t.depends = nil, nil
	for range w.IntN(12) {
		need := w.IntN(30)
		if w.tools[need] == nil || need == i || need > i != up {
			continue
		}
		if w.tools[need].plugin == "thing" && w.IntN(2) == 0 {
			t.refers = append(t.refers, need)
		} else {
			t.depends = append(t.depends, need)
		}
	}
}

func (w *wishes) String() string {
	var b strings.Builder
	for i := range 30 {
		t := w.tools[i]
		if t == nil {
			continue
		}
		fmt.Fprintf(&b, "%s name=n%d.%d value=%d", t.id(i), i, t.name, t.value)
		for _, r := range t.refers {
			fmt.Fprintf(&b, "+@t%d.url", r)
		}
		fmt.Fprintf(&b, " zone=%s", t.zone)
		for _, d := range t.depends {
			fmt.Fprintf(&b, " <%s", w.tools[d].id(d))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (t *wished) id(i int) string { return fmt.Sprintf("%s.t%d", t.plugin, i) }

func TestRandomToolchainsThroughRandomAccidents(t *testing.T) {
	// A store in memory folds its journal at every load, so more seeds cost less than more rounds.
	const rounds = 12
	seeds := 8
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(seed), 1))
			w := &wishes{Rand: r, tools: map[int]*wished{}}
			h := newHouse(t)
			h.planned.AllowEmpty = true
			h.engine.Parallel = []int{1, 4}[seed%2]
			for range rounds {
				h.accident(r, w.next())
				if r.IntN(3) == 0 {
					h.heal(w.String())
				}
				if t.Failed() {
					return
				}
			}
			h.heal(w.String())
		})
	}
}

// heal applies config without accidents. Nothing is left to do then, and nothing exists that is not wanted.
func (h *house) heal(config string) {
	h.Helper()
	p := h.plan(config)
	if _, err := h.run(h.Context(), p); err != nil {
		h.Errorf("apply: %v", err)
	}
	h.keepsItsPromises(p)
	h.settled(config)
	if h.Failed() {
		h.Logf("configuration:\n%splan:\n%s", config, planText(p))
	}
}

// accident applies config while verbs fail at random, before, in and behind their effect, or the journal does.
func (h *house) accident(r *rand.Rand, config string) {
	h.Helper()
	p := h.plan(config)
	h.accidentOf(r, p)
	if h.Failed() {
		h.Logf("configuration:\n%splan:\n%s", config, planText(p))
	}
}

// accidentOf applies a plan in that way.
func (h *house) accidentOf(r *rand.Rand, p *Plan) {
	h.Helper()
	healthy := h.store
	if r.IntN(3) == 0 {
		h.store = storetest.Faulty(healthy, storetest.Fault{N: 1 + r.IntN(60), Recorded: r.IntN(2) == 0})
	}
	bad := map[string]int{}
	if r.IntN(3) > 0 {
		for i := range 30 {
			if r.IntN(3) == 0 {
				bad[fmt.Sprintf("n%d", i)] = r.IntN(3)
			}
		}
	}
	fate := func(o options) int {
		name, _, _ := strings.Cut(o.Name, ".")
		if f, ok := bad[name]; ok {
			return f
		}
		return -1
	}
	failAt := func(at int) func(context.Context, string, options) error {
		return func(_ context.Context, verb string, o options) error {
			if verb != "read" && fate(o) == at {
				return errors.New("an accident")
			}
			return nil
		}
	}
	h.world.before, h.after = failAt(0), failAt(1)
	h.half = func(_ string, o options) bool { return fate(o) == 2 }
	_, _ = h.run(h.Context(), p)
	h.store, h.world.before, h.after, h.half = healthy, nil, nil, nil
	h.keepsItsPromises(p)
}

// keepsItsPromises checks the last run against the plan: what was done was shown, and the order held.
func (h *house) keepsItsPromises(p *Plan) {
	h.Helper()
	began, ended, over := map[schema.ID]int{}, map[schema.ID]int{}, map[schema.ID]bool{}
	for i, ev := range h.events {
		switch ev := ev.(type) {
		case Started:
			if _, twice := began[ev.ID]; twice {
				h.Errorf("%s began twice", ev.ID)
			}
			began[ev.ID] = i
		case Finished:
			if _, twice := ended[ev.ID]; twice {
				h.Errorf("%s ended twice", ev.ID)
			}
			ended[ev.ID] = i
			over[ev.ID] = true
		case Failed:
			over[ev.ID] = true
		case Skipped:
			over[ev.ID] = true
		}
	}
	for id := range began {
		if !over[id] {
			h.Errorf("%s began and did not end", id)
		}
	}
	mayGo := map[string]bool{}
	for i := range p.Changes {
		c := &p.Changes[i]
		at, visited := began[c.ID]
		if c.recordOnly || c.Action == Replace && c.lifecycle().KeepOnDelete {
			continue // nothing of it may go
		}
		if c.Have != nil && (c.Action == Delete || c.Action == Replace || c.Have.Doubt != nil) {
			mayGo[nameOf(h, c.Have.Options)] = true
			if c.Have.Doubt != nil {
				mayGo[nameOf(h, c.Have.Doubt.Options)] = true
			}
		}
		if !visited {
			continue
		}
		for _, need := range c.DependsOn {
			if c.Action == Delete {
				continue
			}
			dep := find(p, need)
			if c.parted {
				// Its first half is a delete, which waits for nothing that it needs.
				if at, visited = ended[c.ID]; !visited {
					continue
				}
			}
			if slices.Contains(p.LeftOut, need) {
				if have := p.state.Tools[need]; have == nil || !have.Exists {
					h.Errorf("%s began though %s is not there and was left out", c.ID, need)
				}
			} else if dep == nil {
				h.Errorf("%s began though %s was not planned", c.ID, need)
			} else if end, ok := ended[need]; dep.Action != NoOp && (!ok || end > at) {
				h.Errorf("%s began before %s was done", c.ID, need)
			}
		}
		if c.Action != Delete {
			continue
		}
		for j := range p.Changes {
			d := &p.Changes[j]
			if d.Have == nil || d.Action == NoOp || d.ID == c.ID || !waited(d.Have, c.ID) {
				continue
			}
			if end, ok := ended[d.ID]; !ok || end > at {
				h.Errorf("%s was deleted before %s, which is recorded as depending on it, was done", c.ID, d.ID)
			}
		}
	}
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	for _, c := range h.calls {
		if c.verb == "delete" && !mayGo[c.name] {
			h.Errorf("%s was deleted, and the plan did not show it", c.name)
		}
	}
	h.calls = nil
}

func nameOf(h *house, o []byte) string {
	tree, err := decodeTree(o)
	if err != nil {
		h.Fatal(err)
	}
	name, _ := lookup(tree, []string{"name"})
	s, _ := name.(string)
	return s
}

func find(p *Plan, id schema.ID) *Change {
	for i := range p.Changes {
		if p.Changes[i].ID == id {
			return &p.Changes[i]
		}
	}
	return nil
}

// waited tells whether the tool is recorded as depending on id.
func waited(have *store.Tool, id schema.ID) bool {
	needs := have.DependsOn
	if have.Doubt != nil {
		needs = append(needs[:len(needs):len(needs)], have.Doubt.DependsOn...)
	}
	for _, n := range needs {
		if n == id {
			return true
		}
	}
	return false
}
