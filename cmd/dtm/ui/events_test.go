package ui_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devstream-io/dtm/cmd/dtm/ui"
	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func clock() time.Time { return now }

// everything is a run in which everything happens.
func everything() []engine.Event {
	return []engine.Event{
		engine.Reading{Done: 1, Total: 1},
		engine.RunStarted{Run: "run-1", Total: 3, Time: now},
		engine.Started{ID: "localfile.a", Action: engine.Create, Time: now},
		engine.Retrying{ID: "localfile.a", Action: engine.Create, Attempt: 2, Err: errors.New("busy"), In: time.Second, Time: now},
		engine.Progress{ID: "localfile.a", Action: engine.Create, Text: "half", Time: now},
		engine.Finished{ID: "localfile.a", Action: engine.Create, Duration: 5, Unchanged: true, Time: now},
		engine.Failed{ID: "localfile.b", Action: engine.Update, Err: errors.New("no"), Duration: 6, Time: now},
		engine.Skipped{ID: "localfile.c", Action: engine.Delete, Causes: []schema.ID{"localfile.b"}, Time: now},
		engine.RunFinished{Summary: engine.Summary{Run: "run-1", Result: store.FailedRun, Duration: 7, Counts: store.Counts{Failed: 1, Skipped: 1}}, Time: now},
	}
}

func TestEveryEventIsALineThatSaysItsTypeAndTime(t *testing.T) {
	var out bytes.Buffer
	e := ui.JSONLines(&out, "1.2.3", clock)
	for _, ev := range everything() {
		e.Event(ev)
	}
	e.Close()
	want := []string{
		`{"type":"version","time":"2026-03-04T05:06:07Z","formatVersion":"1.0","dtm":"1.2.3"}`,
		`{"type":"runStarted","time":"2026-03-04T05:06:07Z","run":"run-1","total":3}`,
		`{"type":"started","time":"2026-03-04T05:06:07Z","id":"localfile.a","action":"create"}`,
		`{"type":"retrying","time":"2026-03-04T05:06:07Z","id":"localfile.a","action":"create","attempt":2,"in":1000000000,"error":"busy"}`,
		`{"type":"progress","time":"2026-03-04T05:06:07Z","id":"localfile.a","action":"create","text":"half"}`,
		`{"type":"finished","time":"2026-03-04T05:06:07Z","id":"localfile.a","action":"create","duration":5,"unchanged":true}`,
		`{"type":"failed","time":"2026-03-04T05:06:07Z","id":"localfile.b","action":"update","duration":6,"error":"no"}`,
		`{"type":"skipped","time":"2026-03-04T05:06:07Z","id":"localfile.c","action":"delete","causes":["localfile.b"]}`,
	}
	got := slices.Collect(strings.Lines(out.String()))
	for i, line := range want {
		if got[i] != line+"\n" {
			t.Errorf("line %d is\n%snot\n%s", i, got[i], line)
		}
	}
	var last struct {
		Type, Run, Result string
		Duration          int
		Counts            map[string]int
	}
	if err := json.Unmarshal([]byte(got[len(want)]), &last); err != nil {
		t.Fatal(err)
	}
	if last.Type != "runFinished" || last.Run != "run-1" || last.Result != "failed" || last.Duration != 7 || last.Counts["failed"] != 1 {
		t.Errorf("the last line is %s", got[len(want)])
	}
	if len(got) != len(want)+1 || e.Err() != nil {
		t.Errorf("%d lines, %v", len(got), e.Err())
	}
}

// full is a disk that takes so many bytes.
type full struct {
	bytes.Buffer
	free int
}

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	if len(p) <= f.free {
		f.free -= len(p)
		return f.Buffer.Write(p)
	}
	n, _ := f.Buffer.Write(p[:f.free])
	f.free = 0
	return n, errFull
}

func TestAfterHalfALineThereIsNoOther(t *testing.T) {
	disk := &full{free: 250}
	e := ui.JSONLines(disk, "1.2.3", clock)
	for _, ev := range everything() {
		e.Event(ev)
		if disk.free == 0 {
			disk.free = 40 // somebody has cleared up a little
		}
	}
	if !errors.Is(e.Err(), errFull) {
		t.Errorf("it says %v", e.Err())
	}
	if got := disk.String(); len(got) != 250 || strings.HasSuffix(got, "\n") {
		t.Errorf("there is\n%s", got)
	}
}

func TestTeeTellsEverybodyInOrder(t *testing.T) {
	var heard []string
	listen := func(name string) ui.Progress { return listener{name, &heard} }
	p := ui.Tee(listen("a"), ui.Tee(), listen("b"))
	p.Event(engine.Reading{})
	p.Close()
	if want := []string{"a hears", "b hears", "a closes", "b closes"}; !slices.Equal(heard, want) {
		t.Errorf("%v", heard)
	}
}

type listener struct {
	name  string
	heard *[]string
}

func (l listener) Event(engine.Event) { *l.heard = append(*l.heard, l.name+" hears") }
func (l listener) Close()             { *l.heard = append(*l.heard, l.name+" closes") }

func TestLinesSayThatAToolIsTriedAgainAndHowFarItIs(t *testing.T) {
	var out bytes.Buffer
	p := ui.Lines(ui.NewScreen(&out, false))
	for _, ev := range everything()[1:5] {
		p.Event(ev)
	}
	want := "ℹ Processing: (localfile/a) -> Create ...\n⚠ Tool (localfile/a) create: try 2 in 1s: busy\nℹ (localfile/a) half\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("they say\n%s", out.String())
	}
}

// The live view draws now and then, so what it says is looked at from inside; see live_test.go.
func TestTheLiveViewSaysAboveTheBarThatAToolIsTriedAgain(t *testing.T) {
	var out bytes.Buffer
	s := ui.NewScreen(&out, false)
	p := ui.Live(s, &out, clock)
	for _, ev := range everything() {
		p.Event(ev)
	}
	p.Close()
	if want := "⚠ Tool (localfile/a) create: try 2 in 1s: busy\n"; !strings.Contains(out.String(), want) {
		t.Errorf("it says\n%s", out.String())
	}
}
