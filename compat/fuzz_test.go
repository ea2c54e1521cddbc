package compat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/devstream-io/dtm/schema"
)

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
		src, err := r.read(main)
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
	})
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

func FuzzReadState(f *testing.F) {
	for _, s := range []string{
		"", "{}", "a_b:\n  name: a\n  instanceid: b\n  dependson: [c.d]\n  options: {x: '${{ y }}'}\n  resource: {outputs: {z: 1}}\n",
		"a_b: {name: b, plugin: {kind: a}, resource: 1}", "a_b: &x {name: a, instanceID: b, options: {instanceID: b}, resourceStatus: {}}\nc: *x",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tools, err := ReadState("s", data, nil)
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
