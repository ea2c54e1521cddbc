package compat

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/devstream-io/dtm/schema"
)

var update = flag.Bool("update", false, "rewrite the wanted parts of testdata")

// Every archive in testdata is a folder with a config.yaml; its `want` is what Read makes of it, or the mistakes.
func TestReadGivesWhatTheArchiveWants(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			name, err := filepath.Abs(name)
			if err != nil {
				t.Fatal(err)
			}
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			want := -1
			for i, f := range archive.Files {
				if f.Name == "want" {
					want = i
					continue
				}
				write(t, filepath.Join(dir, f.Name), string(f.Data))
			}
			if want < 0 {
				archive.Files = append(archive.Files, txtar.File{Name: "want"})
				want = len(archive.Files) - 1
			}
			t.Chdir(dir)
			got := readText("config.yaml")
			if *update {
				archive.Files[want].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[want].Data), got); diff != "" {
				t.Errorf("(-want +got, -update rewrites it)\n%s", diff)
			}
		})
	}
}

// read reads YAML that stands in config.yaml, beside nothing else.
func read(yaml string) (*schema.Source, error) {
	r := reader{
		ctx:    context.Background(),
		path:   "config.yaml",
		open:   func(string) ([]byte, error) { return nil, fs.ErrNotExist },
		exists: func(string) bool { return false },
	}
	return r.read([]byte(yaml))
}

// readText is what Read gives, as text.
func readText(path string) string {
	src, err := Read(context.Background(), path)
	if err != nil {
		return err.Error() + "\n"
	}
	return sourceText(src)
}

// sourceText prints a source with all its places.
func sourceText(src *schema.Source) string {
	var b strings.Builder
	fmt.Fprintf(&b, "files %s\n", strings.Join(src.Files, " "))
	fmt.Fprintf(&b, "state %s %s\n", src.State.Backend, src.State.StateFile)
	for _, t := range src.Tools {
		fmt.Fprintf(&b, "%s tool %s %s . %s %s\n", t.Pos, t.Plugin.Text, at(t.Plugin.Pos), t.Instance.Text, at(t.Instance.Pos))
		for _, d := range t.DependsOn {
			fmt.Fprintf(&b, "  after %s %s\n", d.Text, at(d.Pos))
		}
		valueText(&b, "  ", t.Options)
		valueText(&b, "  lifecycle ", t.Lifecycle)
	}
	valueText(&b, "keeping ", src.Keeping)
	valueText(&b, "plugins ", src.Plugins)
	for _, n := range src.Notes {
		fmt.Fprintf(&b, "note %s %s: %s\n", n.Pos, n.Path, n.Msg)
	}
	return b.String()
}

func at(p schema.Pos) string { return fmt.Sprintf("%d:%d", p.Line, p.Column) }

func valueText(b *strings.Builder, indent string, v schema.Value) {
	for _, item := range v.Items {
		fmt.Fprintf(b, "%s- %s %s\n", indent, scalarText(item), at(item.Pos))
		valueText(b, indent+"  ", item)
	}
	for _, f := range v.Fields {
		fmt.Fprintf(b, "%s%s %s: %s %s\n", indent, f.Name, at(f.Pos), scalarText(f.Value), at(f.Value.Pos))
		valueText(b, indent+"  ", f.Value)
	}
}

func scalarText(v schema.Value) string {
	switch v.Kind {
	case schema.List, schema.Map:
		return kindName(v.Kind)
	case schema.Float:
		return "float " + v.Text
	}
	return string(appendJSON(nil, v))
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFilesThatAreNotRead(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("folder", 0o755); err != nil {
		t.Fatal(err)
	}
	large, err := os.Create("large.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer large.Close()
	if err := large.Truncate(50 << 20); err != nil {
		t.Fatal(err)
	}
	write(t, "names.yaml", "toolFile: folder\nvarFile: large.yaml\n")
	for path, want := range map[string]string{
		"missing.yaml": "file does not exist: missing.yaml\n",
		"folder":       "there is no YAML in this folder (name a file, or a folder with YAML files): folder\n",
		"large.yaml":   "is too large: 52428800 bytes, at most 10485760 (10 MiB) are read: large.yaml\n",
		"names.yaml": "toolFile: folder: is a folder, not a YAML file: names.yaml:1:11\n" +
			"varFile: large.yaml: is too large: 52428800 bytes, at most 10485760 (10 MiB) are read: names.yaml:2:10\n",
	} {
		if diff := cmp.Diff(want, readText(path)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", path, diff)
		}
	}
	if _, err := os.Stat("/dev/zero"); err == nil {
		want := "is too large: at most 10485760 bytes (10 MiB) are read: /dev/zero\n"
		if diff := cmp.Diff(want, readText("/dev/zero")); diff != "" {
			t.Errorf("/dev/zero (-want +got)\n%s", diff)
		}
	}
}

func TestFilesAreLookedForBesideTheConfigurationFirst(t *testing.T) {
	const tool = "tools: [{name: localfile, instanceID: %s}]\n"
	t.Chdir(t.TempDir())
	write(t, "sub/config.yaml", "toolFile: tools.yaml\n")
	write(t, "tools.yaml", fmt.Sprintf(tool, "here"))
	want := func(instance string, files ...string) {
		t.Helper()
		src, err := Read(t.Context(), "sub/config.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if got := src.Tools[0].Instance.Text; got != instance {
			t.Errorf("got the tool %q, want %q", got, instance)
		}
		if diff := cmp.Diff(files, src.Files); diff != "" {
			t.Errorf("files (-want +got)\n%s", diff)
		}
		if dir, _ := filepath.Abs("sub"); src.Dir != dir {
			t.Errorf("got the folder %s, want %s", src.Dir, dir)
		}
	}
	want("here", "sub/config.yaml", "tools.yaml")
	write(t, "sub/tools.yaml", fmt.Sprintf(tool, "beside"))
	want("beside", "sub/config.yaml", "sub/tools.yaml")
	abs, err := filepath.Abs("tools.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, "sub/config.yaml", "toolFile: "+abs+"\n")
	want("here", "sub/config.yaml", abs)
}

func TestReadEndsWithItsContext(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "config.yaml", "tools: []\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, "config.yaml"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// manyTools is a configuration of n tools with four options each.
func manyTools(n int) []byte {
	var b bytes.Buffer
	b.WriteString("state:\n  backend: local\n---\nowner: me\n---\ntools:\n")
	for i := range n {
		fmt.Fprintf(&b, "- name: localfile\n  instanceID: file-%d\n", i)
		if i > 0 {
			fmt.Fprintf(&b, "  dependsOn: [\"localfile.file-%d\"]\n", i-1)
		}
		fmt.Fprintf(&b, "  options:\n    filename: /tmp/file-%d.txt\n    content: \"hello [[ owner ]]\"\n    mode: 0644\n    tags: [a, b]\n", i)
	}
	return b.Bytes()
}

func BenchmarkRead10000Tools(b *testing.B) {
	data := manyTools(10000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		src, err := read(string(data))
		if err != nil || len(src.Tools) != 10000 {
			b.Fatal(err)
		}
	}
}
