package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/storetest"
)

// before is a toolchain, and changed has every kind of change to it: update a, u (to another name) and named.v (to another
// name), follow with b and d, replace r, create n, delete old.
const (
	before = `
a value=1
b value=@a.url
d value=@b.url
r
old <a
u value=1
named.v name=v1`
	changed = `
a value=2
b value=@a.url
d value=@b.url
r zone=there
n value=@r.url
u value=2 name=u2
named.v name=v2`
	changedWorld = `
a value=2
b value=a/2#0
d value=b/a/2#0#0
n value=r/#0
r zone=there
u2 value=2
v2`
)

func TestTheScenarioHasEveryKindOfChange(t *testing.T) {
	h := newHouse(t)
	h.apply(before)
	p := h.apply(changed)
	if s := p.Summary(); s != (PlanSummary{Create: 1, Update: 5, Replace: 1, Delete: 1}) {
		t.Errorf("%+v", s)
	}
	h.same("world", h.world.String(), changedWorld)
	h.settled(changed)
}

// watch is a store that notes how many verbs had begun when a Record failed first.
type watch struct {
	store.Store
	world *world
	begun *int
}

type watchSession struct {
	store.Session
	watch
}

func (w watch) Open(ctx context.Context, by store.Holder, seen *store.State) (store.Session, error) {
	s, err := w.Store.Open(ctx, by, seen)
	return watchSession{s, w}, err
}

func (s watchSession) Record(ctx context.Context, entries ...store.Entry) error {
	err := s.Session.Record(ctx, entries...)
	if err != nil && *s.begun < 0 {
		s.world.mu.Lock()
		*s.begun = len(s.world.calls)
		s.world.mu.Unlock()
	}
	return err
}

func TestWhenAnyRecordFailsNothingMoreBeginsAndTheNextRunMendsIt(t *testing.T) {
	t.Parallel()
	for _, recorded := range []bool{false, true} {
		n := 1
		for ; ; n++ {
			h := newHouse(t)
			h.apply(before)
			healthy := h.store
			faulty := storetest.Faulty(healthy, storetest.Fault{N: n, Recorded: recorded})
			begun := -1
			h.store = watch{faulty, h.world, &begun}
			p := h.plan(changed)
			clear(h.made)
			h.verbs()
			_, err := h.run(t.Context(), p)
			if faulty.Records() < n {
				if err != nil {
					t.Error(err)
				}
				break
			}
			var failed *ApplyError
			if !errors.As(err, &failed) || failed.Record == nil || !errors.Is(err, storetest.ErrFault) {
				t.Fatalf("record %d: error %#v", n, err)
			}
			if !strings.HasPrefix(err.Error(), "the journal could not be written, so nothing more was begun: recording: ") || failed.Hint() == "" {
				t.Errorf("record %d: error %q", n, err)
			}
			if begun != len(h.calls) {
				t.Errorf("record %d: %v began when nothing should", n, h.calls[begun:])
			}
			h.store = healthy
			h.recover(fmt.Sprintf("record %d, recorded %t", n, recorded), changed, changedWorld)
		}
		if n < 15 {
			t.Errorf("there were only %d records", n-1)
		}
	}
}

// recover applies config, which must make the world so, and checks that nothing was made twice.
func (h *house) recover(after, config, world string) {
	h.Helper()
	p, err := h.try(config)
	if err != nil {
		h.Fatalf("%s: %v\nplan:\n%s", after, err, planText(p))
	}
	h.same(after+", world", h.world.String(), world)
	h.settled(config)
	for name, n := range h.made {
		if n > 1 {
			h.Errorf("%s: %s was made %d times", after, name, n)
		}
	}
	if h.Failed() {
		h.Fatalf("%s: the plan was\n%s", after, planText(p))
	}
}

// dying is a store of a process that dies when its n-th Record has taken effect: nothing is recorded any more.
type dying struct {
	store.Store
	n    int64
	seen *atomic.Int64
}

type dyingSession struct {
	store.Session
	dying
}

var errDead = errors.New("the process is dead")

func (d dying) dead() bool { return d.seen.Load() >= d.n }

func (d dying) Open(ctx context.Context, by store.Holder, seen *store.State) (store.Session, error) {
	s, err := d.Store.Open(ctx, by, seen)
	return dyingSession{s, d}, err
}

func (s dyingSession) Record(ctx context.Context, entries ...store.Entry) error {
	if s.seen.Add(1) > s.n {
		return errDead
	}
	return s.Session.Record(ctx, entries...)
}

// deaths say what becomes of the verbs that run when the process dies.
var deaths = []string{"verbs have not begun", "verbs are cut off", "verbs are done"}

// die applies config in a process that dies after n records. It tells whether it came that far.
func (h *house) die(config string, n int, death string) bool {
	h.Helper()
	healthy := h.store
	d := dying{healthy, int64(n), new(atomic.Int64)}
	h.store = d
	p := h.plan(config)
	h.world.before = func(context.Context, string, options) error {
		if death == deaths[0] && d.dead() {
			return errDead
		}
		return nil
	}
	h.half = func(string, options) bool { return death == deaths[1] && d.dead() }
	_, err := h.run(h.Context(), p)
	h.store, h.world.before, h.half = healthy, nil, nil
	if err == nil {
		return false
	}
	if !errors.Is(err, errDead) {
		h.Fatalf("apply: %v", err)
	}
	return true
}

func TestWheneverTheProcessDiesTheNextRunGoesOn(t *testing.T) {
	t.Parallel()
	for _, parallel := range []int{1, 4} {
		for _, death := range deaths {
			for n := 1; ; n++ {
				h := newHouse(t)
				h.engine.Parallel = parallel
				h.apply(before)
				clear(h.made)
				if !h.die(changed, n, death) {
					break
				}
				h.recover(fmt.Sprintf("%s after record %d with %d", death, n, parallel), changed, changedWorld)
			}
		}
	}
}

func TestWheneverTheProcessDiesAnotherWishLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for name, third := range map[string]struct{ config, world string }{
		"back":    {before, "a value=1\nb value=a/1#0\nd value=b/a/1#0#0\nold\nr\nu value=1\nv1"},
		"on":      {"a value=3\nu value=3 name=u3\nnamed.v name=v3\nn", "a value=3\nn\nu3 value=3\nv3"},
		"nothing": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, death := range deaths {
				for n := 1; ; n++ {
					h := newHouse(t)
					h.planned.AllowEmpty = true
					h.apply(before)
					if !h.die(changed, n, death) {
						break
					}
					clear(h.made)
					h.recover(fmt.Sprintf("%s after record %d", death, n), third.config, third.world)
				}
			}
		})
	}
}

func TestAToolWhoseProcessDiesTwiceLeavesNothingBehind(t *testing.T) {
	for name, steps := range map[string][]string{
		"renamed":              {"named.v name=v1", "named.v name=v2", "named.v name=v3"},
		"created":              {"", "named.v name=v2", "named.v name=v3"},
		"renamed and removed":  {"named.v name=v1", "named.v name=v2", ""},
		"created and removed":  {"", "named.v name=v2", ""},
		"renamed and back":     {"named.v name=v1", "named.v name=v2", "named.v name=v1"},
		"removed and back":     {"named.v name=v1", "", "named.v name=v2"},
		"replaced and renamed": {"named.v name=v1", "named.v name=v1 zone=there", "named.v name=v2 zone=there"},
		"replaced twice":       {"named.v name=v1", "named.v name=v1 zone=there", "named.v name=v1"},
		"without an identity":  {"v name=v1", "v name=v2", "v name=v3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// That no verb has begun is like death after the record before, if a verb is cut off there.
			firsts := deaths[1:]
			if testing.Short() {
				firsts = deaths[1:2]
			}
			for _, first := range firsts {
				for n := 1; dieTwice(t, steps, first, n); n++ {
				}
			}
		})
	}
}

// dieTwice dies in the second of three steps, and then at every point of the third. It tells whether it came as far as n.
func dieTwice(t *testing.T, steps []string, first string, n int) bool {
	configs := []string{"", steps[2], "named.v name=v9"}
	if strings.HasPrefix(steps[2], "v ") {
		// Without an identity nobody knows that v2 is not v3, so v3 is made before it is recorded, and v2 removed in the same
		// verb. A third wish after two deaths could leave v3 behind.
		configs = steps[2:]
	}
	for m, again := 1, true; again; m++ {
		for _, config := range configs {
			h := newHouse(t)
			h.planned.AllowEmpty = true
			h.apply(steps[0])
			if !h.die(steps[1], n, first) {
				return false
			}
			again = h.die(steps[2], m, deaths[1])
			clear(h.made)
			after := fmt.Sprintf("%s after record %d, then %s after record %d, then %q", first, n, deaths[1], m, config)
			_, world, _ := strings.Cut(config, "name=")
			h.recover(after, config, world)
		}
	}
	return true
}
