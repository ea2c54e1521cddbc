package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestYAMLKeepsTheOrderOfKeysAndTheTypesOfValues(t *testing.T) {
	v := struct {
		Name string          `json:"name"`
		Raw  json.RawMessage `json:"raw"`
		Map  map[string]int  `json:"map"`
		None []string        `json:"none"`
	}{
		Name: "a",
		Raw: json.RawMessage(`{"z": 1, "a": [1.50, -2, 1e3, 12345678901234567890, true, null, [], {}, [[1]]], "s": ["y", "No", "1", "1.5", "true", "null", "", "~",
			"1:30", "a: b", "# c", "x\ny\n", "x\n  y", " x", "<<", "2024-01-02", "<&>", "日本", "\u0000", "0x1f", "- a", "*a", "a\tb", "=", "12:34:56.7"]}`),
		Map: map[string]int{"b": 1, "a": 2},
	}
	var b bytes.Buffer
	if err := EncodeYAML(&b, v); err != nil {
		t.Fatal(err)
	}
	want := `name: a
raw:
  z: 1
  a:
    - 1.50
    - -2
    - 1e3
    - 12345678901234567890
    - true
    - null
    - []
    - {}
    - - - 1
  s:
    - "y"
    - "No"
    - "1"
    - "1.5"
    - "true"
    - "null"
    - ""
    - "~"
    - "1:30"
    - 'a: b'
    - '# c'
    - |
      x
      y
    - |-
      x
        y
    - ' x'
    - "<<"
    - "2024-01-02"
    - <&>
    - 日本
    - "\0"
    - "0x1f"
    - '- a'
    - '*a'
    - "a\tb"
    - =
    - "12:34:56.7"
map:
  a: 2
  b: 1
none: null
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	checkRoundTrip(t, v)
}

// checkRoundTrip checks that a reader of YAML gets the JSON back.
func checkRoundTrip(t *testing.T, v any) {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := EncodeYAML(&b, v); err != nil {
		t.Fatal(err)
	}
	root, mistake := parse(document{file: "out", line: 1, text: b.Bytes()}, b.Bytes())
	if mistake != nil {
		t.Fatalf("%v in\n%s", mistake, b.String())
	}
	var want, got any
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	c := converter{notes: &notes{}, file: "out", line: 1}
	if err := json.Unmarshal(appendJSON(nil, c.root(root)), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("of %s came\n%s(-want +got)\n%s", data, b.String(), diff)
	}
}

func TestEncodingTellsItsErrors(t *testing.T) {
	var b bytes.Buffer
	if err := EncodeYAML(&b, json.RawMessage(`{"a": `)); err == nil || b.Len() > 0 {
		t.Errorf("broken JSON: got %v and wrote %q", err, b.String())
	}
	if err := EncodeYAML(&b, func() {}); err == nil || b.Len() > 0 {
		t.Errorf("a function: got %v and wrote %q", err, b.String())
	}
	full := errors.New("disk full")
	if err := EncodeYAML(failingWriter{full}, map[string]string{"a": strings.Repeat("x", 1<<20)}); err == nil {
		t.Error("a failing writer: no error")
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func FuzzEncodedStringsComeBack(f *testing.F) {
	for _, s := range []string{"", "a", "a: b", "\n", " \n", "a\n\n", "\t\n", "\u0085", "\u2028x", "\ufeff", "yes", "0o7", "...", "---", "a\r\nb", "a \nb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkRoundTrip(t, map[string]any{"k": s, "l": []string{s, s}, s: 1})
	})
}
