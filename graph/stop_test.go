package graph

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWhenStoppedNothingBeginsAndWhatRunsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary("bad")
		d.takes["b"] = 5 * time.Second
		stop := make(chan struct{})
		time.AfterFunc(1500*time.Millisecond, func() { close(stop) })
		g := mustNew(t, parse("a;b;bad;c:a;d:c;e:bad,d;f:b;g:bad"))
		err := g.Walk(t.Context(), stop, Walk{Parallel: 9, Visit: d.visit, Skipped: d.skipped})
		if !errors.Is(err, ErrStopped) || errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if got, want := fmt.Sprint(err), "bad is broken\nstopped: 3 of 8 not begun"; got != want {
			t.Errorf("error %q, want %q", got, want)
		}
		want := lines(`
0 a begins
0 b begins
0 bad begins
1 a ends
1 bad fails
1 c begins
1 g skipped failed=[bad] stopped=false
2 c ends
5 b ends
5 d skipped failed=[] stopped=true
5 e skipped failed=[bad] stopped=true
5 f skipped failed=[] stopped=true`)
		if diff := cmp.Diff(want, d.sorted()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStoppingWhenAllHaveBegunChangesNothing(t *testing.T) {
	stop := make(chan struct{})
	g := mustNew(t, parse("a;b:a"))
	err := g.Walk(t.Context(), stop, Walk{Parallel: 2, Visit: func(_ context.Context, id string) error {
		if id == "b" {
			close(stop)
		}
		return nil
	}})
	if err != nil {
		t.Error(err)
	}
}

func TestACancelledWalkWaitsForItsVisits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("second ^C")
		time.AfterFunc(500*time.Millisecond, func() { cancel(why) })
		g := mustNew(t, parse("a;b:a;z"))
		err := g.Walk(ctx, nil, Walk{Parallel: 1, Visit: func(ctx context.Context, id string) error {
			err := d.visit(ctx, id)
			time.Sleep(time.Second) // tidies up, whatever ctx says
			d.note("%s returns", id)
			return err
		}, Skipped: d.skipped})
		if !errors.Is(err, ErrStopped) || !errors.Is(err, why) {
			t.Errorf("error %v", err)
		}
		if got, want := fmt.Sprint(err), "a: context canceled\nstopped: 1 of 3 not begun: second ^C"; got != want {
			t.Errorf("error %q, want %q", got, want)
		}
		want := lines(`
0 a begins
0.5 a is cancelled
1.5 a returns
1.5 b skipped failed=[a] stopped=false
1.5 z skipped failed=[] stopped=true`)
		if diff := cmp.Diff(want, d.lines); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAWalkThatIsStoppedBeforeItBeginsVisitsNothing(t *testing.T) {
	stop := make(chan struct{})
	close(stop)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g := mustNew(t, parse("a;b:a"))
	for name, walk := range map[string]func(Walk) error{
		"stop": func(w Walk) error { return g.Walk(t.Context(), stop, w) },
		"ctx":  func(w Walk) error { return g.Walk(ctx, nil, w) },
	} {
		var skipped []string
		err := walk(Walk{
			Parallel: 2,
			Visit:    func(_ context.Context, id string) error { return fmt.Errorf("%s visited", id) },
			Skipped:  func(id string, c Cause) { skipped = append(skipped, fmt.Sprint(id, c)) },
		})
		if !errors.Is(err, ErrStopped) || strings.Contains(err.Error(), "visited") {
			t.Errorf("%s: error %v", name, err)
		}
		if diff := cmp.Diff([]string{"a{[] true}", "b{[] true}"}, skipped); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestFailFastBeginsNothingAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary("bad")
		d.takes["slow"] = 3 * time.Second
		g := mustNew(t, parse("bad;slow;x:bad;y:slow;z"))
		err := g.Walk(t.Context(), nil, Walk{Parallel: 2, FailFast: true, Visit: d.visit, Skipped: d.skipped})
		if got, want := fmt.Sprint(err), "bad is broken\nstopped: 2 of 5 not begun"; got != want {
			t.Errorf("error %q, want %q", got, want)
		}
		want := lines(`
0 bad begins
0 slow begins
1 bad fails
1 x skipped failed=[bad] stopped=false
3 slow ends
3 y skipped failed=[] stopped=true
3 z skipped failed=[] stopped=true`)
		if diff := cmp.Diff(want, d.sorted()); diff != "" {
			t.Error(diff)
		}
	})
}
