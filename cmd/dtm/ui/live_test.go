package ui

import (
	"errors"
	"testing"
	"time"

	"github.com/devstream-io/dtm/engine"
)

func TestTheLineOfARunningToolSaysWhatItDoesAndWhichTryIsNext(t *testing.T) {
	began := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	after := func(d time.Duration) time.Time { return began.Add(d) }
	r := running{Started: engine.Started{ID: "argocd.a", Action: engine.Update, Time: began}}
	if got, want := r.text(after(2900*time.Millisecond)), "argocd/a updating 2s"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	r.next = &engine.Retrying{ID: "argocd.a", Action: engine.Update, Attempt: 2, Err: errors.New("busy"), In: 4 * time.Second, Time: after(3 * time.Second)}
	for since, want := range map[time.Duration]string{
		3500 * time.Millisecond: "argocd/a updating 3s, try 2 in 4s",
		6500 * time.Millisecond: "argocd/a updating 6s, try 2 in 1s",
		7 * time.Second:         "argocd/a updating 7s, try 2",
		time.Minute:             "argocd/a updating 1m0s, try 2",
	} {
		if got := r.text(after(since)); got != want {
			t.Errorf("after %v %q, not %q", since, got, want)
		}
	}
}
