package scaffold

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// entry is one thing in an archive. A link points to content.
type entry struct {
	path, content string
	mode          fs.FileMode
}

func tarred(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	gz, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(gz)
	for _, e := range entries {
		h := &tar.Header{Name: e.path, Mode: int64(e.mode.Perm()), Size: int64(len(e.content)), Typeflag: tar.TypeReg}
		switch {
		case e.mode&fs.ModeSymlink != 0:
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, e.content, 0
		case e.mode&fs.ModeIrregular != 0:
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, e.content, 0
		case e.mode&fs.ModeDevice != 0:
			h.Typeflag, h.Size = tar.TypeBlock, 0
		case e.mode.IsDir():
			h.Typeflag, h.Size = tar.TypeDir, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(e.content)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), gz.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestSpeed) })
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.path}
		if e.content != "" {
			h.Method = zip.Deflate
		}
		h.SetMode(e.mode)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchivesAreUnpackedWithTheirModes(t *testing.T) {
	for name, pack := range map[string]func(*testing.T, ...entry) []byte{"zip": zipped, "tar.gz": tarred} {
		t.Run(name, func(t *testing.T) {
			files, err := unpack(pack(t,
				entry{"top-main/", "", 0o755 | fs.ModeDir}, entry{"top-main/run.sh", "#!/bin/sh\n", 0o755}, entry{"top-main/a/.gitignore", "x", 0o644}))
			if err != nil {
				t.Fatal(err)
			}
			if len(files) != 2 || !files["run.sh"].executable || files["a/.gitignore"].executable || string(files["a/.gitignore"].content) != "x" {
				t.Errorf("got %+v", files)
			}
			if files, err = unpack(pack(t, entry{"a/x", "1", 0o644}, entry{"y", "2", 0o644})); err != nil || len(files) != 2 || files["a/x"].content == nil {
				t.Errorf("got %+v, %v", files, err)
			}
		})
	}
}

func TestArchivesCannotWriteElsewhere(t *testing.T) {
	for name, pack := range map[string]func(*testing.T, ...entry) []byte{"zip": zipped, "tar.gz": tarred} {
		for _, bad := range []entry{
			{"../x", "", 0o644}, {"a/../../x", "", 0o644}, {"/x", "", 0o644}, {`..\x`, "", 0o644}, {".git/config", "", 0o644}, {"a/.GIT/x", "", 0o644},
			{"link", "/etc/passwd", 0o777 | fs.ModeSymlink}, {"fifo", "", 0o644 | fs.ModeDevice},
		} {
			if files, err := unpack(pack(t, entry{"good", "x", 0o644}, bad)); err == nil {
				t.Errorf("%s with %s became %v", name, bad.path, paths(files))
			}
		}
		if _, err := unpack(pack(t, entry{"a", "1", 0o644}, entry{"a", "2", 0o644})); err == nil {
			t.Errorf("%s with a file twice is unpacked", name)
		}
	}
	if files, err := unpack(tarred(t, entry{"hard", "good", 0o644 | fs.ModeIrregular})); err == nil {
		t.Errorf("a hard link became %v", paths(files))
	}
}

func TestBombsAreRefused(t *testing.T) {
	t.Parallel()
	many := make([]entry, maxFiles+1)
	for i := range many {
		many[i] = entry{path: strings.Repeat("d/", i%7) + hex.EncodeToString([]byte{byte(i >> 8), byte(i)}), mode: 0o644}
	}
	zeros := strings.Repeat("\x00", maxFileSize+1)
	large := []entry{{"a", zeros, 0o644}}
	sum := make([]entry, maxSize/maxFileSize+1)
	for i := range sum {
		sum[i] = entry{string(rune('a' + i)), zeros[:maxFileSize], 0o644}
	}
	for name, entries := range map[string][]entry{"many files": many, "a large file": large, "many large files": sum} {
		for kind, pack := range map[string]func(*testing.T, ...entry) []byte{"zip": zipped, "tar.gz": tarred} {
			if _, err := unpack(pack(t, entries...)); err == nil {
				t.Errorf("%s with %s is unpacked", kind, name)
			}
		}
	}
	if _, err := unpack([]byte("#!/bin/sh\n")); err == nil {
		t.Error("a script is unpacked")
	}
	if data := tarred(t, entry{"a", strings.Repeat("x", 10000), 0o644}); true {
		if _, err := unpack(data[:len(data)/2]); err == nil {
			t.Error("half an archive is unpacked")
		}
	}
}

// shelf serves one archive and counts who asks.
func shelf(t *testing.T, data []byte) (url string, asked *int) {
	t.Helper()
	asked = new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked++
		switch r.URL.Path {
		case "/t.tar.gz":
			_, _ = w.Write(data)
		case "/half":
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write(data[:10])
		case "/busy":
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func sumText(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func TestAnArchiveIsFetchedOnceAndOnlyIfItsChecksumIsRight(t *testing.T) {
	data := tarred(t, entry{"top/a.tpl", "[[ .AppName ]]", 0o644})
	url, asked := shelf(t, data)
	from := templates{env: plugintest.Env(t.TempDir())}
	o := wish()
	o.Template, o.TemplateChecksum = url+"/t.tar.gz", sumText(data)
	for range 2 {
		found, err := from.load(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if found.origin != (Origin{Source: o.Template, Version: o.TemplateChecksum}) || len(found.files) != 1 {
			t.Errorf("got %+v", found)
		}
	}
	if *asked != 1 {
		t.Errorf("it was fetched %d times", *asked)
	}
	// What was kept and is damaged is fetched again.
	err := filepath.WalkDir(from.env.Cache, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			return os.WriteFile(path, []byte("damaged"), 0o600)
		}
		return err
	})
	if _, errLoad := from.load(t.Context(), o); err != nil || errLoad != nil || *asked != 2 {
		t.Errorf("%v, %v, fetched %d times", err, errLoad, *asked)
	}
	for _, c := range []struct{ name, path, checksum, want string }{
		{"no checksum", "/t.tar.gz", "", "needs its checksum"},
		{"another checksum", "/t.tar.gz", sumText([]byte("x")), "its checksum is " + sumText(data)},
		{"half an archive", "/half", sumText([]byte("y")), "unexpected EOF"},
		{"nothing there", "/none", sumText([]byte("z")), "404"},
		{"a server that is busy", "/busy", sumText([]byte("0")), "503"},
	} {
		o.Template, o.TemplateChecksum = url+c.path, c.checksum
		_, err := from.load(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		if _, retryable := plugins.RetryAfter(err); retryable != slices.Contains([]string{"/half", "/busy"}, c.path) {
			t.Errorf("%s: retryable is %t", c.name, retryable)
		}
	}
}

func TestATokenInTheURLOfATemplateIsNotShown(t *testing.T) {
	data := tarred(t, entry{"top/a.tpl", "[[ .AppName ]]", 0o644})
	url, _ := shelf(t, data)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	from := templates{env: plugintest.Env(t.TempDir())}
	const secret = "?private_token=canary#canary"
	o := wish()
	o.Template, o.TemplateChecksum = url+"/t.tar.gz"+secret, sumText(data)
	if found, err := from.load(t.Context(), o); err != nil || found.origin.Source != url+"/t.tar.gz" {
		t.Errorf("it comes from %s (%v)", found.origin.Source, err)
	}
	for _, o := range []Options{
		{Template: url + "/none" + secret, TemplateChecksum: sumText([]byte("1"))},
		{Template: url + "/half" + secret, TemplateChecksum: sumText([]byte("2"))},
		{Template: gone.URL + "/t.tar.gz" + secret, TemplateChecksum: sumText([]byte("3"))},
		{Template: gone.URL + "/t.git" + secret, TemplateRef: "v1"},
		{Template: "https://canary:canary@127.0.0.1:1/t.git", TemplateRef: "v1"},
		{Template: url + "/t.tar.gz" + secret},
		{Template: url + "/t.tar.gz" + secret, TemplateChecksum: sumText(data), TemplateRef: "v1"},
	} {
		if _, err := from.load(t.Context(), o); err == nil || strings.Contains(err.Error(), "private_token") || strings.Contains(err.Error(), "canary:canary") {
			t.Errorf("%+v: got %v", o, err)
		}
	}
}

func TestAFolderIsReadWithoutWhatLeadsOutOfIt(t *testing.T) {
	dir := t.TempDir()
	put := func(path string, mode fs.FileMode) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, path), []byte(path), mode); err != nil {
			t.Fatal(err)
		}
	}
	put("tpl/run.sh", 0o755)
	put("tpl/a/b.tpl", 0o644)
	put("tpl/.git/config", 0o644)
	from := templates{env: plugintest.Env(dir)}
	o := wish()
	o.Template = "./tpl"
	found, err := from.load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(found.files) != 2 || !found.files["run.sh"].executable || found.files["a/b.tpl"].executable {
		t.Errorf("got %+v", found.files)
	}
	put("tpl/a/b.tpl2", 0o644)
	again, err := from.load(t.Context(), o)
	if err != nil || again.origin == found.origin {
		t.Errorf("another folder is %v, too (%v)", again.origin, err)
	}
	if err := os.Symlink("/etc", filepath.Join(dir, "tpl", "etc")); err != nil {
		t.Fatal(err)
	}
	if _, err := from.load(t.Context(), o); err == nil || !strings.Contains(err.Error(), `"etc" is no plain file`) {
		t.Errorf("a link: %v", err)
	}
	for _, name := range []string{"./none", "./tpl/run.sh"} {
		o.Template = name
		if _, err := from.load(t.Context(), o); err == nil || !strings.Contains(err.Error(), "template "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	o.Template = "empty"
	if _, err := from.load(t.Context(), o); err == nil {
		t.Error("an empty folder is a template")
	}
}

func TestAGitRepositoryIsReadAtItsRef(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	write := func(path, text string, mode fs.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	git("init", "--quiet")
	write("run.sh", "1", 0o755)
	git("add", ".")
	git("commit", "--quiet", "-m", "one")
	git("tag", "v1")
	first := git("rev-parse", "HEAD")
	write("run.sh", "2", 0o755)
	git("commit", "--quiet", "-a", "-m", "two")
	second := git("rev-parse", "HEAD")

	from := templates{env: plugintest.Env(t.TempDir())}
	o := wish()
	o.Template = "file://" + dir
	for ref, want := range map[string]string{"v1": first, first: first, "main": second} {
		o.TemplateRef = ref
		found, err := from.load(t.Context(), o)
		if err != nil {
			t.Errorf("%s: %v", ref, err)
			continue
		}
		content := map[string]string{first: "1", second: "2"}[want]
		if found.origin.Version != want || string(found.files["run.sh"].content) != content || !found.files["run.sh"].executable {
			t.Errorf("%s: got %+v", ref, found)
		}
	}
	for _, ref := range []string{"none", "--upload-pack=touch x", "a..b", strings.Repeat("0", 40)} {
		o.TemplateRef = ref
		if _, err := from.load(t.Context(), o); err == nil {
			t.Errorf("ref %s is there", ref)
		}
	}
	o.TemplateRef = "v1"
	for _, url := range []string{"ext::sh -c true", "--upload-pack=true", "file:///none"} {
		o.Template = url
		if _, err := from.load(t.Context(), o); err == nil {
			t.Errorf("%s is read", url)
		}
	}
	o.Template, o.TemplateRef = "file://"+dir+"/.git", ""
	if _, err := from.load(t.Context(), o); err == nil || !strings.Contains(err.Error(), "needs a templateRef") {
		t.Errorf("without a ref: %v", err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	git("add", ".")
	git("commit", "--quiet", "-m", "three")
	o.Template, o.TemplateRef = "file://"+dir, "main"
	if _, err := from.load(t.Context(), o); err == nil || !strings.Contains(err.Error(), "no plain file") {
		t.Errorf("a link: %v", err)
	}
}

func TestOptionsOfOneKindOfTemplateAreAMistakeWithAnother(t *testing.T) {
	from := templates{env: plugintest.Env(t.TempDir())}
	for _, o := range []Options{
		{TemplateChecksum: "sha256:x"}, {TemplateRef: "v1"}, {Template: "./x", TemplateChecksum: "sha256:x"},
		{Template: "https://example.com/x.git", TemplateChecksum: "sha256:x"}, {Template: "https://example.com/x", TemplateChecksum: "sha256:x", TemplateRef: "v1"},
	} {
		if _, err := from.load(t.Context(), o); err == nil || !strings.Contains(err.Error(), "is for") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
