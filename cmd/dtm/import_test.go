package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/plugins/all"
	"github.com/devstream-io/dtm/schema"
)

// corpusCopy is a copy of DevStream's own configurations, in which a test may leave what it likes.
func corpusCopy(t *testing.T) string {
	t.Helper()
	corpus := filepath.Join("..", "..", "..", "shared", "reference", "configs")
	_, err := os.Stat(corpus)
	parts.Need(t, err == nil, "the reference configurations are not there: %v", err)
	dir := filepath.Join(t.TempDir(), "corpus")
	if err := os.CopyFS(dir, os.DirFS(corpus)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// planOf is the plan of a configuration as JSON, without what is of the moment or of the files, and sorted by tool: of those
// that do not wait for one another CUE has another order than YAML. Plugins are not asked.
func planOf(t *testing.T, dir, path string) (any, bool) {
	t.Helper()
	cmd := dtm(t, dir, "plan", "--refresh=false", "-o", "json", "-f", path)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var doc map[string]any
	if jerr := json.Unmarshal(out, &doc); jerr != nil {
		t.Logf("%s: %v: %s", path, err, &stderr)
		return nil, false
	}
	for _, key := range []string{"lineage", "notes"} {
		delete(doc, key)
	}
	changes, _ := doc["changes"].([]any)
	slices.SortFunc(changes, func(a, b any) int {
		return strings.Compare(a.(map[string]any)["id"].(string), b.(map[string]any)["id"].(string))
	})
	return doc, true
}

// Every file of the corpus that is valid becomes CUE that the stock cue has nothing against and that plans the same, and
// the YAML that is made of that plans the same again. The folders of 0.10 and later are read as folders too.
func TestEveryFileOfTheCorpusPlansTheSameAsItsImportAndTheExportOfThat(t *testing.T) {
	if testing.Short() {
		t.Skip("runs dtm some hundred times")
	}
	corpus := corpusCopy(t)
	root := filepath.Dir(corpus)
	imports := filepath.Join(root, "imports")
	// One module for all of them: the stock cue looks at them at once.
	if err := os.MkdirAll(filepath.Join(imports, "cue.mod"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(imports, "cue.mod", "module.cue"), "module: \"example.org/imports@v0\"\nlanguage: version: \"v0.12.0\"\n")
	var files []string
	err := filepath.WalkDir(corpus, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".yaml" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	valid, refused := 0, 0
	for i, file := range files {
		rel, err := filepath.Rel(corpus, file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(rel, func(t *testing.T) {
			folder := filepath.Join(imports, "n"+strconv.Itoa(i))
			out, code := runDTM(t, root, "import", "-f", file, "-o", folder)
			if code != 0 {
				refused++
				if _, err := os.Stat(folder); err == nil {
					t.Errorf("something was written: %s", out)
				}
				if more, code := runDTM(t, root, "validate", "-f", file); code == 0 {
					t.Errorf("%s\nbut it is valid: %s", out, more)
				}
				return
			}
			valid++
			yaml, ok := planOf(t, root, file)
			if !ok {
				t.Fatal("the YAML has no plan")
			}
			cue, _ := planOf(t, root, folder)
			if diff := cmp.Diff(yaml, cue); diff != "" {
				t.Errorf("the CUE plans something else (-yaml +cue)\n%s", diff)
			}
			text, err := dtm(t, root, "export", "-f", folder).Output()
			if err != nil {
				t.Fatal(err)
			}
			back := filepath.Join(folder, "config.yaml")
			writeFile(t, back, string(text))
			again, _ := planOf(t, root, back)
			if diff := cmp.Diff(yaml, again); diff != "" {
				t.Errorf("the exported YAML plans something else (-yaml +exported)\n%s\n%s", diff, text)
			}
		})
	}
	for _, args := range [][]string{{"vet", "-c", "./..."}, {"fmt", "--check", "./..."}} {
		cmd := exec.CommandContext(t.Context(), parts.Cue(t), args...)
		cmd.Dir, cmd.Env = imports, append(os.Environ(), "CUE_REGISTRY=none")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("cue %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	t.Logf("%d files: %d are valid and plan the same in CUE and back in YAML, %d are refused", len(files), valid, refused)
	const atLeast = 100
	if valid < atLeast {
		t.Errorf("only %d files are valid, want at least %d", valid, atLeast)
	}
}

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

// However an import dies, there is a whole toolchain or none, and the next one succeeds.
func TestAKilledImportLeavesAToolchainOrNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	manyFiles(t, dir, 20)
	begin := time.Now()
	if out, code := runDTM(t, dir, "import", "-o", "whole"); code != 0 {
		t.Fatal(out)
	}
	usual := time.Since(begin)
	want, err := os.ReadFile(filepath.Join(dir, "whole", toolchainFile))
	if err != nil {
		t.Fatal(err)
	}
	const kills = 24
	died := 0
	for i := range kills {
		folder := "k" + strconv.Itoa(i)
		cmd := dtm(t, dir, "import", "-o", folder)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Later kills more often than sooner: it is at the end that there are files.
		timer := time.AfterFunc(usual/2+usual*time.Duration(i)/kills, func() { _ = cmd.Process.Kill() })
		if cmd.Wait() != nil {
			died++
		}
		timer.Stop()
		file := filepath.Join(dir, folder, toolchainFile)
		got, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			if out, code := runDTM(t, dir, "import", "-o", folder); code != 0 {
				t.Fatalf("the next one: %s", out)
			}
			got, err = os.ReadFile(file)
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	}
	if out, code := runDTM(t, dir, "validate", "-f", "k0"); code != 0 {
		t.Error(out)
	}
	t.Logf("%d of %d died", died, kills)
}
