package schema

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

func TestValidateChecksDocuments(t *testing.T) {
	l := testLoader(t)
	good := `{"formatVersion":"1.0","serial":0,"lineage":"","changes":[],"errors":[],"summary":{"create":0,"update":0,"replace":0,"delete":0,"unchanged":0}}`
	if err := l.Validate("#Plan", []byte(good)); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{`{}`, strings.Replace(good, `"1.0"`, `"2.0"`, 1), strings.Replace(good, `"errors"`, `"mistakes"`, 1), "{"} {
		if l.Validate("#Plan", []byte(bad)) == nil {
			t.Errorf("taken: %s", bad)
		}
	}
}

func TestValidateKnowsTheEvents(t *testing.T) {
	l := testLoader(t)
	text, err := os.ReadFile("testdata/events.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if err := l.Validate("#Event", []byte(line)); err != nil {
			t.Errorf("%s%v", line, err)
		}
	}
	tests := []struct{ doc, want string }{
		{`{"type":"finishd"}`, "#Event: type: there is no type \"finishd\", only version, planned, runStarted, started, retrying, progress, finished, failed, skipped, runFinished (did you mean `finished`?)"},
		{`{"time":"2026-01-02T15:04:05Z"}`, "#Event: type: field not found: type"},
		{`{"type":"version","time":"2026-01-02T15:04:05Z","formatVersion":"2.0","dtm":"x"}`, `#Event: formatVersion: invalid value "2.0" (out of bound =~"^1\\.[0-9]+$")`},
		{`{"type":"started","time":"yesterday","id":"a.b","action":"create"}`, `#Event: time: invalid value "yesterday" (does not satisfy time.Time)`},
		{`{"type":"started","time":"2026-01-02T15:04:05Z","id":"a.b","action":"create","more":1}`, `#Event: more: field not allowed`},
		{`{"type":"started","time":"2026-01-02T15:04:05Z","id":"a.b"}`, `#Event: action: incomplete value "create" | "update" | "replace" | "delete" | "no-op"`},
	}
	for _, test := range tests {
		err := l.Validate("#Event", []byte(test.doc))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "disjunction") {
			t.Errorf("%s\ngot  %v\nwant %s", test.doc, err, test.want)
		}
	}
}

func TestValidateKnowsSavedPlans(t *testing.T) {
	l := testLoader(t)
	good := `{"formatVersion":"1.0","dtm":"1.2.3","created":"2026-01-02T15:04:05Z","config":"toolchain.cue","digest":"00ff",` +
		`"options":{"destroy":true,"refresh":"all","target":["thing.a"],"exclude":[]},` +
		`"plan":{"formatVersion":"1.0","serial":0,"lineage":"","changes":[],"errors":[],"summary":{"create":0,"update":0,"replace":0,"delete":0,"unchanged":0}},` +
		`"seal":"c0ffee"}`
	if err := l.Validate("#SavedPlan", []byte(good)); err != nil {
		t.Error(err)
	}
	for _, change := range [][2]string{{`"1.2.3"`, `3`}, {`"all"`, `"some"`}, {`"c0ffee"`, `"coffee"`}, {`"serial":0`, `"serial":-1`}, {`,"seal":"c0ffee"`, ``}} {
		if l.Validate("#SavedPlan", []byte(strings.Replace(good, change[0], change[1], 1))) == nil {
			t.Errorf("taken with %s instead of %s", change[1], change[0])
		}
	}
}

func TestValidateKnowsStates(t *testing.T) {
	l := testLoader(t)
	full := `{"formatVersion":"1.0","serial":7,"lineage":"l","tools":[` +
		`{"id":"thing.a","exists":true,"dependsOn":["thing.b"],"options":{"name":"x"},"digests":{"token":"00"},"resource":{"outputs":{}},` +
		`"lifecycle":{"retries":3,"backoff":1000000000,"timeout":1,"ignoreChanges":["options.name"]},"takenOver":true,"adopted":true,` +
		`"applied":"2026-01-02T15:04:05Z","took":5,"doubt":{"run":"r","action":"update","error":"no","options":{},"dependsOn":[],"digests":{}},` +
		`"earlier":[{"run":"q","action":"update"}]},` +
		`{"id":"thing.b","exists":false}]}`
	if err := l.Validate("#StateDocument", []byte(full)); err != nil {
		t.Error(err)
	}
	for _, change := range [][2]string{{`"thing.b","exists"`, `"thing","exists"`}, {`"exists":false`, `"exist":false`}, {`"took":5`, `"took":-5`}, {`"1.0"`, `"0.1"`}} {
		if l.Validate("#StateDocument", []byte(strings.Replace(full, change[0], change[1], 1))) == nil {
			t.Errorf("taken with %s instead of %s", change[1], change[0])
		}
	}
}

// What Go writes of a lifecycle is what the schema says of it.
func TestValidateKnowsLifecyclesAsGoWritesThem(t *testing.T) {
	l := testLoader(t)
	for _, lifecycle := range []Lifecycle{{}, DefaultLifecycle(), {Timeout: time.Hour, PreventDestroy: true, KeepOnDelete: true, IgnoreChanges: []string{"options.x"}}} {
		doc, err := json.Marshal(lifecycle)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Validate("#RecordedLifecycle", doc); err != nil {
			t.Errorf("%s: %v", doc, err)
		}
	}
}
