package compat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/devstream-io/dtm/schema"
)

// bounded does something with a text of some size, and checks that neither its time nor what it allocates, garbage included,
// is out of all proportion. How much memory is in use at once, says TestReadingTakesMemoryByTheSizeOfTheText.
func bounded(t *testing.T, size int, do func()) {
	t.Helper()
	const free, factor, slowest = 64 << 20, 1000, 10 * time.Second
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := cpu(t)
	do()
	if took := cpu(t) - start; took > slowest {
		t.Errorf("%d bytes took %v", size, took)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > free+factor*uint64(size) {
		t.Errorf("%d bytes took %d bytes of memory, one after the other", size, took)
	}
}

// What is read is placed, is JSON, has no stand-ins left, and comes back when it is written as YAML and read again.
func FuzzRead(f *testing.F) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range archives {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		files := map[string][]byte{}
		for _, file := range txtar.Parse(data).Files {
			files[file.Name] = file.Data
		}
		f.Add(files["config.yaml"], files["t.yaml"])
		f.Add(files["config.yaml"], files["parts/tools.yaml"])
	}
	f.Add([]byte("tools:\n- name: a\n  instanceID: b\n  options: {? [a]: \"\\U00100000000\", b: !!binary x}\n"), []byte("tools: []"))
	f.Fuzz(func(t *testing.T, main, other []byte) {
		r := reader{
			ctx:  context.Background(),
			path: "config.yaml",
			open: func(name string) ([]byte, error) {
				if name == "missing" {
					return nil, fs.ErrNotExist
				}
				return other, nil
			},
			exists: func(name string) bool { return len(name)%2 == 0 },
		}
		var src *schema.Source
		var err error
		bounded(t, len(main)+len(other), func() { src, err = r.read(main) })
		if err != nil {
			list, ok := errors.AsType[schema.Errors](err)
			if !ok || len(list) == 0 {
				t.Fatalf("got the error %T %v", err, err)
			}
			for _, mistake := range list {
				if !mistake.Pos.IsValid() || mistake.Msg == "" {
					t.Errorf("no place or no text: %+v", mistake)
				}
			}
			return
		}
		lines := 2 + max(bytes.Count(main, []byte("\n")), bytes.Count(other, []byte("\n")))
		if bytes.ContainsAny(append(main, other...), "\r\u0085\u2028\u2029") {
			// YAML counts these as ends of lines too.
			lines += len(main) + len(other)
		}
		for _, tool := range src.Tools {
			checkValue(t, tool.Options, lines)
			checkValue(t, tool.Lifecycle, lines)
			if !json.Valid(appendJSON(nil, tool.Options)) {
				t.Errorf("not JSON: %s", appendJSON(nil, tool.Options))
			}
			text := string(appendJSON(nil, tool.Options)) + tool.Plugin.Text + tool.Instance.Text
			if strings.ContainsRune(text, firstFiller) && !bytes.Contains(append(main, other...), []byte(`\U`)) &&
				!bytes.ContainsRune(append(main, other...), firstFiller) {
				t.Errorf("a stand-in was left: %s", text)
			}
		}
		checkAgain(t, src)
	})
}

// checkAgain checks that tools are the same when they are written as YAML and read again.
func checkAgain(t *testing.T, src *schema.Source) {
	t.Helper()
	type tool struct {
		Name       string          `json:"name"`
		InstanceID string          `json:"instanceID"`
		DependsOn  []string        `json:"dependsOn"`
		Options    json.RawMessage `json:"options"`
	}
	list := func(src *schema.Source) []tool {
		var tools []tool
		for _, s := range src.Tools {
			made := tool{Name: s.Plugin.Text, InstanceID: s.Instance.Text, DependsOn: []string{}, Options: appendJSON(nil, s.Options)}
			for _, id := range s.DependsOn {
				made.DependsOn = append(made.DependsOn, id.Text)
			}
			tools = append(tools, made)
		}
		return tools
	}
	want := list(src)
	var text, first, second bytes.Buffer
	if err := EncodeYAML(&text, map[string]any{"tools": want}); err != nil {
		t.Fatal(err)
	}
	if len(want) == 0 || bytes.Contains(text.Bytes(), []byte("[[")) {
		// Text that looks like a variable needs one that holds it.
		return
	}
	again, err := read(text.String())
	if err != nil {
		t.Fatalf("%v in\n%s", err, text.String())
	}
	// Floats may be written in another way.
	if err := EncodeYAML(&first, want); err != nil {
		t.Fatal(err)
	}
	if err := EncodeYAML(&second, list(again)); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() {
		t.Errorf("got\n%s\nwant\n%s", second.String(), first.String())
	}
}

// A file that is split loses no byte: what is in no section is separators, blanks and comments, and no section has a
// separator in it.
func FuzzSections(f *testing.F) {
	for _, s := range []string{
		"", "---", "a: b\n---\nc: d\n", "--- # x\r\na: |\n  ---\n---\t\n\n# ---\n", "\ufeffa\n...\n---\n%YAML\n---\n-----BEGIN\n", "state: {}\n---\ntool: []\n---\nvars: {}\nconfig: {}\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var docs []document
		bounded(t, len(data), func() { docs = splitDocuments("f", data) })
		end := 0
		for i, d := range docs {
			begin := offsetOfLine(data, d.line)
			if begin < end || begin+len(d.text) > len(data) || !bytes.Equal(data[begin:begin+len(d.text)], d.text) {
				t.Fatalf("section %d begins in line %d with %q", i, d.line, d.text)
			}
			checkBetween(t, data[end:begin])
			for line := range bytes.Lines(d.text) {
				if isSeparator(line) {
					t.Errorf("section %d has %q in it", i, line)
				}
			}
			if at := d.start(); at.Line < d.line || at.Line > d.line+bytes.Count(d.text, []byte("\n")) || at.Column < 1 {
				t.Errorf("section %d of line %d starts at %v", i, d.line, at)
			}
			end = begin + len(d.text)
		}
		checkBetween(t, data[end:])
		// And then its sections are told apart, or are mistakes.
		r := reader{ctx: context.Background(), path: "f"}
		var parts sections
		bounded(t, len(data), func() { parts = r.sections("f", data) })
		if len(r.errs) == 0 && parts.core == nil && parts.tools == nil && parts.later == nil {
			t.Errorf("neither a section nor a mistake: %q", data)
		}
	})
}

func checkBetween(t *testing.T, text []byte) {
	t.Helper()
	for line := range bytes.Lines(text) {
		if !isSeparator(line) && !isBlank(line) {
			t.Errorf("%q is in no section", line)
		}
	}
}

// Stand-ins are as wide as what they stand for and can be told from the text, and what is put in their place is the variable's
// value, as it is.
func FuzzVariables(f *testing.F) {
	for _, s := range []string{
		"", "[[ v ]]", "x[[v]]-[[ .m.k ]]y", "[[[ v ]]]", "[[ v\n]]", "[[ v ]", "[[ [[ v ]] ]]", "[[\tv]]\U00100000A000", "[[1]][['v']]", "[[ v | f ]]", "\\[[ v ]]\"", "[[ env X ]]", "[[\u00a0v ]]",
	} {
		f.Add(s, "a: b # & <c>")
	}
	known := regexp.MustCompile(`\[\[[\s\x{85}\p{Z}]*\.?(v|m\.k)[\s\x{85}\p{Z}]*\]\]`)
	f.Fuzz(func(t *testing.T, text, value string) {
		if !utf8.ValidString(text) || !utf8.ValidString(value) {
			return
		}
		checkStandIns(t, text)
		const put = "\ue000"
		if strings.ContainsAny(value, "[]"+put) || strings.Contains(text, put) {
			// What is put in may be part of what looks like another variable.
			return
		}
		// YAML folds this end of a line inside quotes, too, and JSON does not escape it.
		quote := func(s string) string {
			return strings.ReplaceAll(string(appendString(nil, s)), "\u0085", `\u0085`)
		}
		option, content := quote(text), quote(value)
		var src *schema.Source
		var err error
		bounded(t, len(text)+len(value), func() {
			src, err = read("v: " + content + "\nm: {k: " + content + "}\n---\ntools:\n- {name: a, instanceID: b, options: {x: " + option + "}}\n")
		})
		if err != nil || strings.Contains(option, "env") {
			return
		}
		var want string
		if err := json.Unmarshal(known.ReplaceAll([]byte(option), []byte(put)), &want); err != nil {
			t.Fatal(err)
		}
		want = strings.ReplaceAll(want, put, value)
		if got := src.Tools[0].Options.Fields[0].Value.Text; got != want {
			t.Errorf("%s became %q, want %q", option, got, want)
		}
	})
}

// checkStandIns checks that a text comes back when what stands in it is put back.
func checkStandIns(t *testing.T, text string) {
	t.Helper()
	scanned := scanTemplate(document{file: "f", line: 1, text: []byte(text)})
	if got, want := utf8.RuneCount(scanned.text), utf8.RuneCountInString(text); got != want {
		t.Errorf("%q has %d characters with stand-ins, %d without", text, got, want)
	}
	var back strings.Builder
	rest, count := string(scanned.text), 0
	for {
		before, m, after := scanned.next(rest)
		back.WriteString(before)
		if m == nil {
			break
		}
		if m != &scanned.marks[count] {
			t.Fatalf("%q: mark %d comes as %v", text, count, m)
		}
		count++
		back.WriteString(scanned.of(m))
		rest = after
	}
	if back.String() != text || count != len(scanned.marks) {
		t.Errorf("%q came back as %q with %d of %d marks", text, back.String(), count, len(scanned.marks))
	}
}

func checkValue(t *testing.T, v schema.Value, lines int) {
	if v.Kind == schema.Null && v.Pos == (schema.Pos{}) {
		// Options that were not written.
		return
	}
	if v.Pos.File == "" || v.Pos.Line < 1 || v.Pos.Line > lines || v.Pos.Column < 1 {
		t.Errorf("a value is at %v of %d lines", v.Pos, lines)
	}
	for _, item := range v.Items {
		checkValue(t, item, lines)
	}
	seen := map[string]bool{}
	for _, f := range v.Fields {
		if seen[f.Name] {
			t.Errorf("%q is there twice", f.Name)
		}
		seen[f.Name] = true
		checkValue(t, f.Value, lines)
	}
}

func FuzzState(f *testing.F) {
	for _, s := range []string{
		"", "{}", "a_b:\n  name: a\n  instanceid: b\n  dependson: [c.d]\n  options: {x: '${{ y }}'}\n  resource: {outputs: {z: 1}}\n",
		"a_b: {name: b, plugin: {kind: a}, resource: 1}", "a_b: &x {name: a, instanceID: b, options: {instanceID: b}, resourceStatus: {}}\nc: *x",
	} {
		f.Add([]byte(s))
	}
	f.Add([]byte("a_b: {name: a, instanceid: b, options: {token: x, env: [{name: dbPassword, value: y}], url: 'https://u:p@h/', text: 'password: x'}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var tools []StateTool
		var err error
		bounded(t, len(data), func() { tools, err = ReadState("s", data, nil) })
		if err != nil {
			if _, ok := errors.AsType[schema.Errors](err); !ok {
				t.Errorf("got the error %T %v", err, err)
			}
			return
		}
		for _, tool := range tools {
			if _, err := schema.ParseID(string(tool.ID)); err != nil {
				t.Error(err)
			}
			var options, resource map[string]any
			if err := json.Unmarshal(tool.Options, &options); err != nil || options == nil {
				t.Errorf("options %s: %v", tool.Options, err)
			}
			if tool.Resource != nil {
				if err := json.Unmarshal(tool.Resource, &resource); err != nil {
					t.Errorf("resource %s: %v", tool.Resource, err)
				}
			}
			checkLiteral(t, options)
			for _, data := range []json.RawMessage{tool.Options, tool.Resource} {
				for _, known := range []func([]string) bool{nil, func(path []string) bool { return len(path)%2 == 0 }} {
					if veiled, err := Veil(data, known); err != nil || len(veiled) > 0 && !json.Valid(veiled) {
						t.Errorf("%s veiled is %s: %v", data, veiled, err)
					}
				}
			}
		}
	})
}

// checkLiteral checks that no string in a value is taken for a reference.
func checkLiteral(t *testing.T, v any) {
	switch v := v.(type) {
	case string:
		parts, err := schema.SplitReferences(v)
		if err != nil || len(parts) != 1 || parts[0].Ref != nil {
			t.Errorf("%q is not literal: %v, %v", v, parts, err)
		}
	case []any:
		for _, item := range v {
			checkLiteral(t, item)
		}
	case map[string]any:
		for _, item := range v {
			checkLiteral(t, item)
		}
	}
}
