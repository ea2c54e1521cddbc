package registry

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzManifest(f *testing.F) {
	f.Add([]byte(plugin("greeting", "0.1.0")["plugin.json"]))
	f.Add([]byte(`{"manifest": 2}`))
	f.Add([]byte(`{"manifest": 1, "name": "a", "version": "1.0.0", "protocol": 1, "command": ["./a", "./../b"], "env": ["A"], "precious": true}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data)
		if err != nil {
			return
		}
		if err := m.valid(); err != nil || !label.MatchString(m.Name) || m.Command[0] == "" {
			t.Errorf("%s is taken: %v", data, err)
		}
		for _, part := range m.Command {
			if len(part) > 1 && part[:2] == "./" && !filepath.IsLocal(part) {
				t.Errorf("%q leaves the folder", part)
			}
		}
	})
}

func FuzzLock(f *testing.F) {
	f.Add([]byte(`{"lock": 1, "plugins": {"x": {"source": "./x", "version": "1.0.0", "local": true}}}`))
	f.Add([]byte(`{"lock": 1, "plugins": {"x": {"source": "oci://example.org/x", "version": "1.0.0", "key": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "platforms": {"any": {"archive": "sha256:0000000000000000000000000000000000000000000000000000000000000000"}}}}}`))
	f.Add([]byte(`{"lock": 2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseLock(data)
		if err != nil {
			return
		}
		text, err := l.text()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseLock(text)
		if err != nil {
			t.Fatalf("%s is taken, what is written for it is not: %s: %v", data, text, err)
		}
		if second, err := again.text(); err != nil || !bytes.Equal(text, second) {
			t.Errorf("%s becomes %s, %v", text, second, err)
		}
		o := Options{Dir: "/conf"}
		for name, e := range l.Plugins {
			for platform := range e.Platforms {
				if at, err := filepath.Rel(o.home(), o.place(name, e.Version, platform)); err != nil || !filepath.IsLocal(at) {
					t.Errorf("%s is installed at %s", name, at)
				}
			}
		}
	})
}

func FuzzSums(f *testing.F) {
	f.Add([]byte("0000000000000000000000000000000000000000000000000000000000000000  x_linux_amd64.tar.gz\n"))
	f.Add([]byte("# none\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		sums, err := parseSums(data)
		if err != nil {
			return
		}
		s := source{text: "https://example.org/x_{version}_{os}_{arch}.tar.gz", kind: onWeb}
		for name, digest := range sums {
			if platform, ok := s.platformOf("1.0.0", name, here); !validDigest(digest) || ok && !platformName.MatchString(platform) {
				t.Errorf("%q: %s for %s", name, digest, platform)
			}
		}
	})
}

func FuzzSource(f *testing.F) {
	for _, text := range []string{"./x", "../x.tgz", "https://example.org/{version}/x_{os}_{arch}.zip", "oci://example.org/x/y", "http://127.0.0.1:1/x", "https://a:b@example.org/x?y#z"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSource(text)
		if err != nil {
			return
		}
		_, _ = s.platformOf("1.0.0", "x", here)
		_ = s.beside("1.0.0", here, sumsName)
	})
}

// FuzzArchive unpacks bytes as they are or, as few of them have right checksums, archives with entries of such names and
// kinds.
func FuzzArchive(f *testing.F) {
	good := plugin("greeting", "0.1.0")
	f.Add(good.packed(f), "", "")
	f.Add(zipped(f, good), "", "")
	f.Add([]byte("content"), "a/b\n./a/./c\na//d\na/", "0005")
	f.Add([]byte("content"), "../x\n/x\na/../../x\na\\b", "00")
	f.Add([]byte("content"), "a\na/b\nA\nx", "2015")
	f.Fuzz(func(t *testing.T, data []byte, names, kinds string) {
		if names != "" && kinds != "" {
			data = archiveOf(data, names, kinds)
		}
		outside := t.TempDir()
		dir := filepath.Join(outside, "a", "b")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		l := limits{archive: 1 << 20, unpacked: 1 << 16, files: 50}
		err = unpack(context.Background(), bytes.NewReader(data), int64(len(data)), root, l)
		total, count := int64(0), 0
		walked := filepath.WalkDir(outside, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if !e.IsDir() && !e.Type().IsRegular() {
				t.Errorf("%s is %s", path, e.Type())
			}
			at, err := filepath.Rel(dir, path)
			if err != nil || !filepath.IsLocal(at) && path != outside && path != filepath.Dir(dir) {
				t.Errorf("%s is outside", path)
			}
			if info, err := e.Info(); err == nil && !e.IsDir() {
				count++
				total += info.Size()
			}
			return err
		})
		if walked != nil {
			t.Fatal(walked)
		}
		if count > l.files || total > l.unpacked+1 {
			t.Errorf("%d files with %d bytes", count, total)
		}
		if err == nil {
			if _, err := treeDigest(context.Background(), dir); err != nil {
				t.Errorf("it is unpacked and cannot be verified: %v", err)
			}
		}
	})
}

// archiveOf is an archive that has an entry for each line of names, a zip if the first kind is a z. What a format cannot
// say is left out.
func archiveOf(content []byte, names, kinds string) []byte {
	var b bytes.Buffer
	if kinds[0] == 'z' {
		files := zip.NewWriter(&b)
		for i, name := range strings.Split(names, "\n") {
			h := &zip.FileHeader{Name: name}
			h.SetMode(map[byte]fs.FileMode{'2': fs.ModeSymlink, '3': fs.ModeDevice, '5': fs.ModeDir}[kinds[i%len(kinds)]] | 0o755)
			if w, err := files.CreateHeader(h); err == nil {
				_, _ = w.Write(content)
			}
		}
		_ = files.Close()
		return b.Bytes()
	}
	compressed := gzip.NewWriter(&b)
	files := tar.NewWriter(compressed)
	for i, name := range strings.Split(names, "\n") {
		h := &tar.Header{Name: name, Linkname: "../..", Mode: 0o755, Typeflag: kinds[i%len(kinds)]}
		if h.Typeflag == tar.TypeReg {
			h.Size, h.Linkname = int64(len(content)), ""
		}
		if err := files.WriteHeader(h); err == nil {
			_, _ = files.Write(content)
		}
	}
	_ = files.Close()
	_ = compressed.Close()
	return b.Bytes()
}
