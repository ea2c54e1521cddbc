package helm

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	"k8s.io/client-go/kubernetes/fake"
)

func valued(text, over string) Options {
	return Options{Chart: Chart{ValuesYAML: text, Values: json.RawMessage(over)}}
}

func TestValuesLieOverTheirText(t *testing.T) {
	for _, k := range []struct{ text, over, want string }{
		{"", "", `{}`},
		{"", "{}", `{}`},
		{"null", "null", `{}`},
		{"# nothing", "", `{}`},
		{"a: 1", "", `{"a":1}`},
		{"", `{"a":1}`, `{"a":1}`},
		{"a: 1\nb: 2", `{"b":3,"c":4}`, `{"a":1,"b":3,"c":4}`},
		{"a: {b: {c: 1, d: 2}}", `{"a":{"b":{"d":3}}}`, `{"a":{"b":{"c":1,"d":3}}}`},
		{"a: [1, 2]", `{"a":[3]}`, `{"a":[3]}`}, // lists are replaced
		{"a: {b: 1}", `{"a":2}`, `{"a":2}`},
		{"a: 2", `{"a":{"b":1}}`, `{"a":{"b":1}}`},
		{"a: {b: 1}", `{"a":null}`, `{"a":null}`}, // null stays: it takes away the chart's own value
		{"a: {b: 1, c: 2}", `{"a":{"b":null}}`, `{"a":{"b":null,"c":2}}`},
		{"a: null", `{}`, `{"a":null}`},
		{"a: null", `{"a":1}`, `{"a":1}`},
		{"a: &x {b: 1}\nc: *x", "", `{"a":{"b":1},"c":{"b":1}}`},
		{"on: yes", "", `{"on":"yes"}`},
	} {
		for range 2 {
			got, err := valued(k.text, k.over).values()
			if err != nil {
				t.Errorf("%q, %s: %v", k.text, k.over, err)
				continue
			}
			if string(canonical(got)) != strings.NewReplacer(`"on":"yes"`, `"true":true`).Replace(k.want) {
				t.Errorf("%q, %s: %s, not %s", k.text, k.over, canonical(got), k.want)
			}
			got["changed"] = true // must not be seen by the next one
		}
	}
}

func TestNullTakesAwayWhatTheChartSays(t *testing.T) {
	vals, err := valued("a: {b: 5}\nk: 1", `{"a":{"b":null},"k":null}`).values()
	if err != nil {
		t.Fatal(err)
	}
	c := &chart.Chart{Metadata: &chart.Metadata{Name: "x"}, Values: map[string]any{"a": map[string]any{"b": 1, "c": 2}, "k": 3}}
	got, err := chartutil.CoalesceValues(c, vals)
	if err != nil || string(canonical(got)) != `{"a":{"c":2}}` {
		t.Errorf("%s, %v", canonical(got), err)
	}
}

func TestBrokenValuesAreNotQuoted(t *testing.T) {
	for _, text := range []string{
		"password: hunter2\n  x: hunter2", "hunter2", "- hunter2", "a: *hunter2", "hunter2: !!hunter2 x\n\t- a", "a: 'hunter2", "\x00hunter2",
		"a: !!int hunter2", "{hunter2", "a: b: hunter2", "%hunter2", "a: .nan\nb: hunter2", "a: &x [*x, hunter2]", "? {hunter2: 1}\n: 2",
	} {
		vals, err := valued(text, "").values()
		if err == nil {
			t.Errorf("%q became %v", text, vals)
			continue
		}
		if strings.Contains(err.Error()+hintOf(err), "hunter2") || hintOf(err) == "" {
			t.Errorf("%q: %v (%s)", text, err, hintOf(err))
		}
	}
	if _, err := valued("a: 1\nb: [\nc: 2\n", "").values(); !strings.Contains(hintOf(err), "line ") {
		t.Errorf("the hint names no line: %s", hintOf(err))
	}
	for _, over := range []string{`{"a": hunter2}`, `["hunter2"]`, `"hunter2"`, `{"hunter2"`} {
		if _, err := valued("", over).values(); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", over, err)
		}
	}
}

func TestHashesAreOfTheValuesAndTheKey(t *testing.T) {
	one, other := newMark(digest(nil)), newMark(digest(nil))
	parsed := func(text string) map[string]any {
		vals, err := valued(text, "").values()
		if err != nil {
			t.Fatal(err)
		}
		return vals
	}
	a := one.hash(parsed("a: 1\nb: {c: 2, d: [1, x]}"))
	if a != one.hash(parsed("b: {d: [1, x], c: 2}\na: 1")) {
		t.Error("the order of keys counts")
	}
	if a != one.hash(parsed("a: 1.0\nb: {c: 0x2, d: [1, 'x']}")) {
		t.Error("the way in which a number is written counts")
	}
	if len(a) != 64 || a == one.hash(parsed("a: 1\nb: {c: 2, d: [x, 1]}")) {
		t.Error("the order of a list does not count")
	}
	if a == other.hash(parsed("a: 1\nb: {c: 2, d: [1, x]}")) {
		t.Error("the key does not count")
	}
	if one.hash(nil) != one.hash(map[string]any{}) {
		t.Error("nothing is not nothing")
	}
}

func TestValuesSurviveTheirStorage(t *testing.T) {
	releases := driver.NewSecrets(fake.NewClientset().CoreV1().Secrets("n"))
	for i, text := range []string{
		"", "{}", "a: 1", "a: 1.5", "a: 1e300", "a: -0.0", "a: 0.1", "a: 12345678901234567890", "a: 9007199254740993", "a: 123456789012345678901234567890.5",
		"a: null", "a: {}", "a: []", "a: [null, {}, []]", "a: ''", "a: \"\\u2028<>&\\u0000\"", "a: \"\\U0001f600 ünï\"",
		"a: 2026-11-22", "a: 2026-11-22T00:00:00Z", "a: !!binary aGVsbG8=", "1: a\ntrue: b\n1.5: c", "a: 0o17\nb: 0x1f\nc: 1_000", "a: [true, yes, on, ~]",
	} {
		vals, err := valued(text, `{"j":[1,1.0,1e2,12345678901234567890,{"n":null,"e":{},"l":[]}]}`).values()
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		before := string(canonical(vals))
		rel := &release.Release{Name: "r", Version: i + 1, Namespace: "n", Info: &release.Info{Status: release.StatusDeployed}, Config: vals}
		key := "k" + string(rune('a'+i))
		if err := releases.Create(key, rel); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got, err := releases.Get(key)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		m := newMark(digest(nil))
		if after := string(canonical(got.Config)); after != before || m.hash(got.Config) != m.hash(vals) {
			t.Errorf("%q: %s became %s", text, before, after)
		}
		if !reflect.DeepEqual(map[string]any(got.Config), vals) {
			t.Errorf("%q: %v became %v", text, vals, got.Config)
		}
	}
}

func TestMarksAreOursAlone(t *testing.T) {
	m := newMark(digest([]byte("x")))
	if got, ok := markOf(m.String()); !ok || got != m {
		t.Errorf("%+v, %v", got, ok)
	}
	if again := newMark(m.digest); again.key == m.key {
		t.Error("two marks have one key")
	}
	for _, foreign := range []string{
		"", "Install complete", "Upgrade complete", "Rollback to 2", m.String() + " ", " " + m.String(), m.String() + "\n",
		strings.ToUpper(m.String()), strings.Replace(m.String(), "sha256:", "", 1), "by dtm, chart , key ", m.String()[:len(m.String())-1],
	} {
		if got, ok := markOf(foreign); ok {
			t.Errorf("%q is taken for %+v", foreign, got)
		}
	}
}
