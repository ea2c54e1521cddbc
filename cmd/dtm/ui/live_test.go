package ui

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/vbauerster/mpb/v8/decor"

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
	r.said = "3 of 7 ready"
	if got, want := r.text(after(7*time.Second)), "argocd/a updating 7s, try 2: 3 of 7 ready"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	r.next = nil
	if got, want := r.text(after(time.Second)), "argocd/a updating 1s: 3 of 7 ready"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestTheLineOfARunningToolFitsTheTerminal(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	var out bytes.Buffer
	l := Live(NewScreen(&out, false), &out, func() time.Time { return now }).(*live)
	l.running["argocd.a"] = running{Started: engine.Started{ID: "argocd.a", Action: engine.Create, Time: now}}
	for said, want := range map[string]string{
		"3 of 7":                             "  + argocd/a creating 0s: 3 of 7\n",
		"3 of 7 workloads are ready, really": "  + argocd/a creating 0s: 3 of 7 worklo…\n",
		"ééééééééééééééééé":                  "  + argocd/a creating 0s: ééééééééééééé…\n",
		"部署部署部署部署部署":                         "  + argocd/a creating 0s: 部署部署部署…\n",
	} {
		out.Reset()
		l.Event(engine.Progress{ID: "argocd.a", Action: engine.Create, Text: said})
		l.Event(engine.Progress{ID: "argocd.b", Action: engine.Create, Text: "is not running"})
		if err := l.draw(&out, decor.Statistics{AvailableWidth: 40}); err != nil || out.String() != want {
			t.Errorf("%q, not %q", out.String(), want)
		}
	}
	l.Event(engine.Retrying{ID: "argocd.a", Action: engine.Create, Attempt: 2, Err: errors.New("busy"), Time: now})
	out.Reset()
	if err := l.draw(&out, decor.Statistics{AvailableWidth: 40}); err != nil || out.String() != "  + argocd/a creating 0s, try 2\n" {
		t.Errorf("after a failure %q", out.String())
	}
}
