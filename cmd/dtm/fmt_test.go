package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

// Every CUE file that there is here is formatted as it is, and with its white space gone.
func TestFmtIsByteForByteWhatTheStockCueDoes(t *testing.T) {
	stock := parts.Cue(t)
	theirs, ours := t.TempDir(), t.TempDir()
	count := 0
	keep := func(text string) {
		name := strconv.Itoa(count) + ".cue"
		count++
		for _, dir := range []string{theirs, ours} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	indent, gaps := regexp.MustCompile(`(?m)^[ \t]+`), regexp.MustCompile(`(?m)^([^"'/#]*[a-z]: ) +`)
	for _, root := range []string{"../../examples", "../../plugins", "../../schema", "../../compat"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".cue" {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text := string(data)
			keep(text)
			keep(gaps.ReplaceAllString(text, "$1"))
			if !strings.Contains(text, `"""`) {
				keep(indent.ReplaceAllString(text, ""))
				keep(strings.ReplaceAll(text, "\n\n", "\n\n\n\n"))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	a := &app{stdout: &out, stderr: &out}
	if err := (&fmtCmd{Files: []string{ours}}).Run(a); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), stock, "fmt", "--files", theirs)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	changed := 0
	for i := range count {
		name := strconv.Itoa(i) + ".cue"
		want, err := os.ReadFile(filepath.Join(theirs, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(ours, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if strings.Contains(out.String(), string(filepath.Separator)+name+"\n") {
			changed++
		}
	}
	t.Logf("%d files, %d of them untidy", count, changed)
	if count < 100 || changed < 20 {
		t.Errorf("%d files, %d of them untidy", count, changed)
	}
}
