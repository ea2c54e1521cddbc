package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/plugins/all"
	"github.com/devstream-io/dtm/schema"
)

// wild makes toolchains of YAML that nobody would write: variables of every kind in strings and alone, references,
// comments, the same maps again and again, and texts that mean something else elsewhere.
type wild struct {
	*rand.Rand
	// names are the variables, alone those that may stand without quotes.
	names []string
	out   strings.Builder
}

func (w *wild) one(of ...string) string { return of[w.IntN(len(of))] }

// text is a string as YAML has it in double quotes.
func (w *wild) text(before int) string {
	var b strings.Builder
	for range w.IntN(4) {
		switch n := w.IntN(8); {
		case n == 0 && len(w.names) > 0:
			b.WriteString("[[ " + w.one(w.names...) + " ]]")
		case n == 1 && before > 0:
			fmt.Fprintf(&b, "${{ localfile.t%d.outputs.%s }}", w.IntN(before), w.one("path", "sha256"))
		case n == 2:
			b.WriteString(w.one("[[ env HOME ]]", "${{ env.HOME }}", "$${{ x }}"))
		default:
			b.WriteString(w.one("a", "yes", "0x1f", "1:30", "~", "# no", ": ", "\\n", "\\t", "\\\\(x)", "\\\"", "é", "]]", "[ [", "{{ x }}", " ", "\\n\\n", "'", "\\U0001F600", "$$", "}}"))
		}
	}
	return `"` + b.String() + `"`
}

// value writes a value in YAML's flow style.
func (w *wild) value(depth, before int) string {
	switch n := w.IntN(9); {
	case n == 0 && depth > 0:
		var items []string
		for range w.IntN(4) {
			items = append(items, w.value(depth-1, before))
		}
		return "[ " + strings.Join(items, ", ") + " ]"
	case n < 4 && depth > 0:
		var fields []string
		for i := range w.IntN(4) {
			fields = append(fields, fmt.Sprintf("%q: %s", w.one("key", "a-b", "x.y", "true", "_h", "#d", "é")+strconv.Itoa(i), w.value(depth-1, before)))
		}
		return "{ " + strings.Join(fields, ", ") + " }"
	case n == 4:
		return w.one("1", "-5", "0x1f", "1.50", "true", "null", "1e3", "yes")
	case n == 5 && len(w.names) > 0:
		return "[[ " + w.one(w.names...) + " ]]"
	}
	return w.text(before)
}

func (w *wild) toolchain() string {
	fmt.Fprintf(&w.out, "# core\nstate: # behind\n  backend: local\n  options: {stateFile: devstream.state} # where\n")
	if n := w.IntN(6); n > 0 {
		w.out.WriteString("---\n# The variables.\n")
		for i := range n {
			name := fmt.Sprintf("%s%d", w.one("v", "_v", "camelCase", "ümlaut", "tools"), i)
			text := w.one("ada", `"a: b # c"`, "5", "0x10", "1.50", "true", "no", `""`, `"${{ env.HOME }}"`, `"line\nline\n"`, `"\\(x)"`, "{ in: { deep: x, n: 3 } }")
			fmt.Fprintf(&w.out, "%s: %s%s\n", name, text, w.one("", " # a remark"))
			if strings.HasPrefix(text, "{") {
				name += w.one(".in.deep", ".in.n")
			}
			w.names = append(w.names, name)
		}
	}
	w.out.WriteString("---\ntools:\n")
	again := []string{w.value(3, 0), "{ server: s, port: 1, name: [[ env HOME ]], deep: { a: 1, b: 2 } }", "{ a: 1, b: x, c: y, d: z }"}
	for i := range 1 + w.IntN(7) {
		w.out.WriteString(w.one("", "# a tool\n", "\n# apart\n\n"))
		if w.IntN(2) == 0 {
			fmt.Fprintf(&w.out, "- name: localfile\n  instanceID: t%d\n  options:\n    filename: f%d\n%s    content: %s %s\n", i, i, w.one("", "    # text\n", "    mode: \"0600\"\n"), w.text(0), w.one("", "# why"))
			continue
		}
		key := ""
		if len(w.names) > 0 && w.IntN(3) == 0 {
			key = "[[ " + w.one(w.names...) + " ]]"
		}
		fmt.Fprintf(&w.out, "- name: localfile\n  instanceID: t%d\n  options: {filename: f%d, createDirs: true, mode: \"0600\"}\n", i, i)
		fmt.Fprintf(&w.out, "- name: helm-generic\n  instanceID: h%d\n  options:\n    chart:\n      chart_name: r/c\n      namespace: n%d\n      values:\n        same: %s\n        other: %s\n        \"k%s\": %s\n    repo: {name: r, url: \"https://example.org\"}\n",
			i, w.IntN(3), w.one(again...), w.value(3, i), key, w.value(1, i))
	}
	return w.out.String()
}

// Whatever is written in YAML wants the same as CUE, which is as the formatter has it, and the same again as the YAML that
// is made of that.
func TestRandomToolchainsWantTheSameAfterImportAndExport(t *testing.T) {
	set, err := all.Set(environment(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	loader, err := newLoader(set)
	if err != nil {
		t.Fatal(err)
	}
	const tries, atLeast = 150, 100
	valid := 0
	for seed := range uint64(tries) {
		w := wild{Rand: rand.New(rand.NewPCG(seed, 1))}
		text := w.toolchain()
		dir := t.TempDir()
		file := filepath.Join(dir, "config.yaml")
		writeFile(t, file, text)
		p := &project{loader: loader}
		if p.config, err = p.load(t.Context(), file, &configFlags{}); err != nil {
			continue // an empty name, for example
		}
		valid++
		want := p.config
		src, err := compat.Read(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		cue, err := p.toCUE(src)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		if err := p.compareWith(t.Context(), cue, want); err != nil {
			t.Fatalf("seed %d: %v\n%s\n%s", seed, err, text, cue)
		}
		if tidy, err := schema.FormatCUE("toolchain.cue", cue); err != nil || !bytes.Equal(tidy, cue) {
			t.Fatalf("seed %d: it is not formatted (%v)\n%s", seed, err, cmp.Diff(string(tidy), string(cue)))
		}
		tools, err := p.exportTools()
		if err != nil {
			t.Fatal(err)
		}
		var back bytes.Buffer
		if err := writeExport(&back, exportCore(p.config), tools); err != nil {
			t.Fatal(err)
		}
		writeFile(t, file, back.String())
		again, err := p.load(t.Context(), file, &configFlags{})
		if err != nil {
			t.Fatalf("seed %d: %v\n%s\n%s", seed, err, text, &back)
		}
		if unlike, err := schema.Unlike(want, again); err != nil || len(unlike) > 0 {
			t.Fatalf("seed %d: %v are not the same (%v)\n%s\n%s", seed, unlike, err, text, &back)
		}
	}
	t.Logf("%d of %d are valid", valid, tries)
	if valid < atLeast {
		t.Errorf("only %d of %d are valid, want at least %d", valid, tries, atLeast)
	}
}
