package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/devstream-io/dtm/cmd/dtm/ui"
)

// block is the text of the first fenced block of README.md that begins with head.
func block(t *testing.T, readme, head string) string {
	t.Helper()
	_, text, ok := strings.Cut(readme, head+"\n")
	text, _, closed := strings.Cut(text, "```")
	if !ok || !closed {
		t.Fatalf("README.md has no block that begins with %q", head)
	}
	return text
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheToolchainInTheReadmeIsValidAndItsMistakesAreReportedAsItSays(t *testing.T) {
	text := readme(t)
	sample, want := block(t, text, "```cue"), block(t, text, "$ dtm plan")
	dir := t.TempDir()
	t.Chdir(dir)
	load := func(toolchain string) error {
		if err := os.WriteFile(filepath.Join(dir, "toolchain.cue"), []byte(toolchain), 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := newApp().wire(t.Context(), ".", 1)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.load(context.Background(), ".", &configFlags{})
		return err
	}
	if err := load(sample); err != nil {
		t.Fatal(err)
	}
	// The blocks behind it are additions.
	for _, more := range strings.Split(text, "```cue\n")[2:] {
		more, _, _ = strings.Cut(more, "```")
		if err := load(sample + more); err != nil {
			t.Errorf("%v in\n%s", err, more)
		}
	}
	err := load(strings.NewReplacer("\tcontent:  \"hello", "\tconten:  \"hello", "tools: localfile: page", "tools: localfil: page").Replace(sample))
	if err == nil {
		t.Fatal("the mistakes were not found")
	}
	var got bytes.Buffer
	ui.NewScreen(&got, false).Error("Plan failed", err)
	if got.String() != want {
		t.Errorf("got\n%s\nthe README says\n%s", got.String(), want)
	}
}

func TestEveryCommandInTheReadmeExists(t *testing.T) {
	var c cli
	parser, err := kong.New(&c, kong.Vars{"parallel": "10"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range parser.Model.Children {
		names = append(names, n.Name)
	}
	found := regexp.MustCompile("[`/]dtm ([a-z]+)").FindAllStringSubmatch(readme(t), -1)
	if len(found) < 10 {
		t.Fatalf("only %d commands found", len(found))
	}
	for _, m := range found {
		if !slices.Contains(names, m[1]) {
			t.Errorf("there is no command %q", m[1])
		}
	}
}
