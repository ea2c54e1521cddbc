package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
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
func planOf(t *testing.T, program, path string) (any, bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "plan", "--refresh=false", "-o", "json", "-f", path)
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
	t.Parallel()
	// Not the one that the test runs as: with the race detector that takes five minutes.
	program := parts.DTM(t)
	run := func(args ...string) ([]byte, error) {
		return exec.CommandContext(t.Context(), program, args...).CombinedOutput()
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
			if out, err := run("import", "-f", file, "-o", folder); err != nil {
				refused++
				if _, err := os.Stat(folder); err == nil {
					t.Errorf("something was written: %s", out)
				}
				if more, err := run("validate", "-f", file); err == nil {
					t.Errorf("%s\nbut it is valid: %s", out, more)
				}
				return
			}
			valid++
			yaml, ok := planOf(t, program, file)
			if !ok {
				t.Fatal("the YAML has no plan")
			}
			cue, _ := planOf(t, program, folder)
			if diff := cmp.Diff(yaml, cue); diff != "" {
				t.Errorf("the CUE plans something else (-yaml +cue)\n%s", diff)
			}
			text, err := exec.CommandContext(t.Context(), program, "export", "-f", folder).Output()
			if err != nil {
				t.Fatal(err)
			}
			back := filepath.Join(folder, "config.yaml")
			writeFile(t, back, string(text))
			again, _ := planOf(t, program, back)
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
	kills := 24
	if testing.Short() {
		kills = 8
	}
	died := 0
	for i := range kills {
		folder := "k" + strconv.Itoa(i)
		cmd := dtm(t, dir, "import", "-o", folder)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Later kills more often than sooner: it is at the end that there are files.
		timer := time.AfterFunc(usual/2+usual*time.Duration(i)/time.Duration(kills), func() { _ = cmd.Process.Kill() })
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
