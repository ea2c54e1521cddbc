package registry

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// entry is one of an archive, as nobody should make it.
type entry struct {
	name, content, link string
	flag                byte
	mode                fs.FileMode
}

func tarred(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	compressed := gzip.NewWriter(&b)
	files := tar.NewWriter(compressed)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Linkname: e.link, Typeflag: e.flag, Mode: 0o755, Size: int64(len(e.content))}
		if e.flag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if e.flag == tar.TypeXGlobalHeader {
			h = &tar.Header{Typeflag: e.flag, PAXRecords: map[string]string{"comment": "x"}}
		}
		if err := files.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	files := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(0o755 | e.mode)
		f, err := files.CreateHeader(h)
		if err == nil {
			_, err = f.Write([]byte(e.content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// zipped is a plugin as a zip.
func zipped(t testing.TB, f files) []byte {
	t.Helper()
	var entries []entry
	for name, content := range f {
		entries = append(entries, entry{name: name, content: strings.TrimPrefix(content, "x")})
	}
	return zipOf(t, entries...)
}

func unpacked(t testing.TB, data []byte, l limits) (string, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "in")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	return dir, unpack(context.Background(), bytes.NewReader(data), int64(len(data)), root, l)
}

func TestNoArchiveLeavesItsFolder(t *testing.T) {
	many := make([]entry, 30)
	for i := range many {
		many[i] = entry{name: strings.Repeat("x", i+1)}
	}
	for name, k := range map[string]struct {
		entries []entry
		words   string
	}{
		"above":                 {[]entry{{name: "../evil"}}, "lead out of the folder"},
		"far above":             {[]entry{{name: "a/../../../evil"}}, "lead out of the folder"},
		"above and back":        {[]entry{{name: "a/../b"}}, "lead out of the folder"},
		"absolute":              {[]entry{{name: "/evil"}}, "lead out of the folder"},
		"of Windows":            {[]entry{{name: `..\evil`}}, "lead out of the folder"},
		"of Windows' drives":    {[]entry{{name: `C:evil`}}, "lead out of the folder"},
		"a line break":          {[]entry{{name: "a\nb"}}, "lead out of the folder"},
		"a word to a terminal":  {[]entry{{name: "a\x1b[31m"}}, "lead out of the folder"},
		"the folder itself":     {[]entry{{name: "./."}}, "has no name"},
		"too long":              {[]entry{{name: strings.Repeat("abcdefgh/", 200) + "x"}}, "too long"},
		"the same twice":        {[]entry{{name: "a"}, {name: "a"}}, "twice"},
		"the same but for case": {[]entry{{name: "run"}, {name: "RUN"}}, "one file where names have no case"},
		"folders but for case":  {[]entry{{name: "Lib/a"}, {name: "lib/b"}}, "one file where names have no case"},
		"a file as a folder":    {[]entry{{name: "a"}, {name: "a/b"}}, "twice"},
		"a folder as a file":    {[]entry{{name: "a/b"}, {name: "a"}}, "twice"},
		"too many":              {many, "more than 20 files"},
		"too much":              {[]entry{{name: "a", content: strings.Repeat("0", 600)}, {name: "b", content: strings.Repeat("0", 600)}}, "more than 1000 bytes"},
		"one that is much":      {[]entry{{name: "a", content: strings.Repeat("0", 1<<20)}}, "more than 1000 bytes"},
		"a link (tar)":          {[]entry{{name: "a", link: "/etc/passwd", flag: tar.TypeSymlink}}, "is a link"},
		"a link, then in (tar)": {[]entry{{name: "a", link: "/tmp", flag: tar.TypeSymlink}, {name: "a/b"}}, "is a link"},
		"a hard link (tar)":     {[]entry{{name: "a", link: "/etc/passwd", flag: tar.TypeLink}}, "is a link"},
		"a device (tar)":        {[]entry{{name: "a", flag: tar.TypeChar}}, "is a device"},
		"a disk (tar)":          {[]entry{{name: "a", flag: tar.TypeBlock}}, "is a device"},
		"a pipe (tar)":          {[]entry{{name: "a", flag: tar.TypeFifo}}, "is a pipe"},
		"something else (tar)":  {[]entry{{name: "a", flag: 'Z'}}, "neither a file nor a folder"},
		"too many comments (tar)": {append(make([]entry, 0), func() (all []entry) {
			for range 30 {
				all = append(all, entry{flag: tar.TypeXGlobalHeader})
			}
			return
		}()...), "more than 20 files"},
		"a link (zip)":   {[]entry{{name: "a", content: "/etc/passwd", mode: fs.ModeSymlink}}, "is a link or a device"},
		"a device (zip)": {[]entry{{name: "a", mode: fs.ModeDevice}}, "is a link or a device"},
	} {
		l := limits{archive: 1 << 20, unpacked: 1000, files: 20}
		check := func(form string, data []byte) {
			t.Run(name+" "+form, func(t *testing.T) {
				dir, err := unpacked(t, data, l)
				if err == nil || !strings.Contains(err.Error(), k.words) {
					t.Errorf("it says %v", err)
				}
				outside, _ := os.ReadDir(filepath.Dir(dir))
				if len(outside) != 1 {
					t.Errorf("outside are %v", outside)
				}
				for _, there := range []string{"/evil", `..\evil`} {
					if _, err := os.Lstat(there); err == nil {
						t.Errorf("%s is there", there)
					}
				}
			})
		}
		if !strings.HasSuffix(name, "(zip)") {
			check("tar", tarred(t, k.entries...))
		}
		if !strings.HasSuffix(name, "(tar)") {
			check("zip", zipOf(t, k.entries...))
		}
	}
}

func TestALongListOfNamesIsNotReadToItsEnd(t *testing.T) {
	names := make([]entry, 10_000)
	for i := range names {
		names[i].name = fmt.Sprint(i, strings.Repeat("x", 200))
	}
	if _, err := unpacked(t, zipOf(t, names...), limits{archive: 1 << 30, unpacked: 1 << 30, files: 20}); err == nil || !strings.Contains(err.Error(), "more than 20 files") {
		t.Errorf("it says %v", err)
	}
}

func TestADamagedArchiveIsSaidToBe(t *testing.T) {
	l := limits{archive: 1 << 20, unpacked: 1 << 20, files: 100}
	good := plugin("greeting", "0.1.0")
	packed, zip := good.packed(t), zipped(t, good)
	if _, err := unpacked(t, packed, l); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{3, 12, len(packed) / 2, len(packed) - 4} {
		if _, err := unpacked(t, packed[:n], l); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%d bytes of a tar.gz: %v", n, err)
		}
	}
	flipped := bytes.Clone(packed)
	flipped[len(flipped)-8] ^= 1
	if _, err := unpacked(t, flipped, l); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a wrong checksum of the compression: %v", err)
	}
	for _, n := range []int{4, len(zip) / 2, len(zip) - 1} {
		if _, err := unpacked(t, zip[:n], l); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%d bytes of a zip: %v", n, err)
		}
	}
	for name, data := range map[string][]byte{"nothing": nil, "a byte": {0x1f}, "a page": []byte("<!doctype html>")} {
		if _, err := unpacked(t, data, l); err == nil || !strings.Contains(err.Error(), "neither a tar.gz nor a zip") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatOtherProgramsWriteIntoArchivesIsTaken(t *testing.T) {
	data := tarred(t, entry{flag: tar.TypeXGlobalHeader}, entry{name: "./", flag: tar.TypeDir}, entry{name: "./lib/", flag: tar.TypeDir},
		entry{name: "./lib/a"}, entry{name: "lib/", flag: tar.TypeDir}, entry{name: "b//c"})
	dir, err := unpacked(t, data, limits{archive: 1 << 20, unpacked: 1 << 20, files: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lib/a", "b/c"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestPackMakesTheSameBytesOfTheSameFiles(t *testing.T) {
	f := plugin("greeting", "0.1.0")
	first := f.packed(t)
	other := t.TempDir()
	f.with(".git/config", "x").with(".env", "SECRET=1").with("lib/__pycache__/x.pyc", "x").in(t, other)
	// Into the folder itself, twice, with other times and modes.
	file := filepath.Join(other, "dist.tar.gz")
	for range 2 {
		if err := os.Chmod(filepath.Join(other, "lib", "data.txt"), 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := Pack(t.Context(), other, file)
		if err != nil || m.Name != "greeting" || m.Version != "0.1.0" {
			t.Fatalf("%+v, %v", m, err)
		}
		second, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%d and %d bytes, %v", len(first), len(second), err)
		}
	}
}

func TestPackRefusesWhatCouldNotBeInstalled(t *testing.T) {
	for name, k := range map[string]struct {
		make  func(dir string) error
		words string
	}{
		"no program": {func(dir string) error { return os.Remove(filepath.Join(dir, "run")) }, "./run is not there"},
		"no schema":  {func(dir string) error { return os.Remove(filepath.Join(dir, "schema.cue")) }, "no schema.cue"},
		"no plugin":  {func(dir string) error { return os.Remove(filepath.Join(dir, "plugin.json")) }, "has no plugin.json"},
		"a link":     {func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "link")) }, "link is not a file"},
		"a program that is a link outside": {func(dir string) error {
			if err := os.Remove(filepath.Join(dir, "run")); err != nil {
				return err
			}
			return os.Symlink("/bin/sh", filepath.Join(dir, "run"))
		}, "./run"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := plugin("greeting", "0.1.0").in(t, t.TempDir())
			if err := k.make(dir); err != nil {
				t.Fatal(err)
			}
			out := t.TempDir()
			_, err := Pack(t.Context(), dir, filepath.Join(out, "x.tar.gz"))
			if err == nil || !strings.Contains(err.Error(), k.words) {
				t.Errorf("it says %v", err)
			}
			if left, _ := os.ReadDir(out); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}
