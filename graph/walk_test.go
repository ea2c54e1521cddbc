package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A diary notes what happens in a walk, each with the seconds since its start.
// Make and use it within one synctest bubble: its visits sleep virtually.
type diary struct {
	mu    sync.Mutex
	start time.Time
	lines []string
	fails map[string]bool
	takes map[string]time.Duration // else one second
}

func newDiary(fails ...string) *diary {
	d := &diary{start: time.Now(), fails: map[string]bool{}, takes: map[string]time.Duration{}}
	for _, id := range fails {
		d.fails[id] = true
	}
	return d
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf("%v ", time.Since(d.start).Seconds())+fmt.Sprintf(format, args...))
}

func (d *diary) visit(ctx context.Context, id string) error {
	d.note("%s begins", id)
	takes := time.Second
	if t, ok := d.takes[id]; ok {
		takes = t
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		d.note("%s is cancelled", id)
		return fmt.Errorf("%s: %w", id, ctx.Err())
	}
	if d.fails[id] {
		d.note("%s fails", id)
		return fmt.Errorf("%s is broken", id)
	}
	d.note("%s ends", id)
	return nil
}

func (d *diary) skipped(id string, cause Cause) {
	d.note("%s skipped failed=%v stopped=%v", id, cause.Failed, cause.Stopped)
}

// sorted returns the lines; those of the same moment have no order.
func (d *diary) sorted() []string {
	return slices.Sorted(slices.Values(d.lines))
}

func lines(text string) []string {
	return strings.Split(strings.TrimSpace(text), "\n")
}

func TestANodeBeginsTheMomentItsLastNeedIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		d.takes["slow"] = 4 * time.Second
		g := mustNew(t, parse("a;b:a;c:b;slow;last:c,slow"))
		if err := g.Walk(t.Context(), nil, Walk{Parallel: 9, Visit: d.visit, Skipped: d.skipped}); err != nil {
			t.Error(err)
		}
		want := lines(`
0 a begins
0 slow begins
1 a ends
1 b begins
2 b ends
2 c begins
3 c ends
4 last begins
4 slow ends
5 last ends`)
		if diff := cmp.Diff(want, d.sorted()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAFailureSkipsOnlyWhatWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary("bad", "late")
		d.takes["late"] = 2 * time.Second
		g := mustNew(t, parse("late;bad;x:bad;y:x,good;good;z:good;both:y,late"))
		err := g.Walk(t.Context(), nil, Walk{Parallel: 9, Visit: d.visit, Skipped: d.skipped})
		if got, want := fmt.Sprint(err), "late is broken\nbad is broken"; got != want {
			t.Errorf("error %q, want %q", got, want)
		}
		if errors.Is(err, ErrStopped) {
			t.Error("it says it was stopped")
		}
		want := lines(`
0 bad begins
0 good begins
0 late begins
1 bad fails
1 good ends
1 x skipped failed=[bad] stopped=false
1 y skipped failed=[bad] stopped=false
1 z begins
2 both skipped failed=[bad late] stopped=false
2 late fails
2 z ends`)
		if diff := cmp.Diff(want, d.sorted()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCallsOfSkippedNeverOverlapAndHoldNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary("bad", "worse")
		g := mustNew(t, parse("bad;worse;b1:bad;b2:b1;w1:worse;a;b:a;c:b"))
		var inside atomic.Int32
		err := g.Walk(t.Context(), nil, Walk{Parallel: 3, Visit: d.visit, Skipped: func(id string, _ Cause) {
			if inside.Add(1) > 1 {
				t.Error("two at once")
			}
			time.Sleep(5 * time.Second)
			inside.Add(-1)
			d.note("%s skipped", id)
		}})
		if err == nil {
			t.Error("no error")
		}
		want := lines(`
0 a begins
0 bad begins
0 worse begins
1 a ends
1 b begins
1 bad fails
1 worse fails
10 X skipped
15 X skipped
2 b ends
2 c begins
3 c ends
6 X skipped`)
		got := strings.NewReplacer("b1", "X", "b2", "X", "w1", "X", "11 ", "10 ", "16 ", "15 ").Replace(strings.Join(d.sorted(), "\n"))
		if diff := cmp.Diff(want, slices.Sorted(strings.SplitSeq(got, "\n"))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOneAtATimeTheLongestRemainingPathGoesFirst(t *testing.T) {
	for _, test := range []struct {
		name, in string
		weights  map[string]float64
		want     string
	}{
		{"ties by input", "c;a;b", nil, "c a b"},
		{"by count", "x;a;b:a;c:b", nil, "a b x c"},
		{"by weight", "a;b:a;c:b;x", map[string]float64{"x": 9, "a": 1, "b": 1, "c": 1}, "x a b c"},
		{"the weight of what follows counts", "x;a;b:a", map[string]float64{"x": 5, "a": 1, "b": 5}, "a x b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := Walk{Parallel: 1}
			if test.weights != nil {
				w.Weight = func(id string) float64 { return test.weights[id] }
			}
			var got []string
			w.Visit = func(_ context.Context, id string) error { got = append(got, id); return nil }
			if err := mustNew(t, parse(test.in)).Walk(t.Context(), nil, w); err != nil {
				t.Error(err)
			}
			if got := strings.Join(got, " "); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestAWalkOfAnEmptyGraphEnds(t *testing.T) {
	if err := mustNew(t, nil).Walk(t.Context(), nil, Walk{}); err != nil {
		t.Error(err)
	}
}
