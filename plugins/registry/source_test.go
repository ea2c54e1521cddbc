package registry

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSourcesSayWhichArchiveIsForWhichPlatform(t *testing.T) {
	for _, k := range []struct{ source, name, want string }{
		{"https://example.org/x_{version}_{os}_{arch}.tgz", "x_1.0.0_darwin_arm64.tgz", "darwin/arm64"},
		{"https://example.org/x_{version}_{os}_{arch}.tgz", "x_1.0.1_darwin_arm64.tgz", ""},
		{"https://example.org/x_{version}_{os}_{arch}.tgz", "x_1x0x0_darwin_arm64.tgz", ""},
		{"https://example.org/x_{version}_{os}_{arch}.tgz", "x_1.0.0_darwin_arm64.tgz.sig", ""},
		{"https://example.org/x_{os}-{os}_{arch}.tgz", "x_linux-linux_amd64.tgz", here},
		{"https://example.org/{version}/x.tgz", "x.tgz", "any"},
		{"https://example.org/{version}/x.tgz", "y.tgz", ""},
		{"https://example.org/{os}/{arch}/x.tgz", "x.tgz", here},
		{"https://example.org/{arch}/x_{os}.tgz", "x_darwin.tgz", "darwin/amd64"},
		{"./dist/x_{os}_{arch}.zip", "x_plan9_386.zip", "plan9/386"},
	} {
		s, err := parseSource(k.source)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := s.platformOf("1.0.0", k.name, here); got != k.want || ok != (k.want != "") {
			t.Errorf("%s: %s is for %q", k.source, k.name, got)
		}
	}
	s, err := parseSource("https://example.org/{version}/{os}/x_{arch}.tgz")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.filled("1.0.0", here); got != "https://example.org/1.0.0/linux/x_amd64.tgz" {
		t.Error(got)
	}
	if got := s.beside("1.0.0", here, sumsName); got != "https://example.org/1.0.0/linux/SHA256SUMS" {
		t.Error(got)
	}
}

func TestCompareSaysHowTheConfigurationDiffersFromTheLock(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here)
	plugin("near", "0.3.0").in(t, filepath.Join(w.Dir, "near"))
	near, far := Wish{Name: "near", Source: "./near"}, s.wish("0.1.0")
	w.init(near, far)
	with := func(wish Wish, change func(*Wish)) Wish {
		change(&wish)
		return wish
	}
	for name, k := range map[string]struct {
		wishes []Wish
		words  string
	}{
		"the same":       {[]Wish{far, near}, ""},
		"fewer":          {[]Wish{far}, ""},
		"none":           {nil, ""},
		"one more":       {[]Wish{far, with(near, func(w *Wish) { w.Name = "third" })}, "plugin third: it is not in dtm.lock (run `dtm init`)"},
		"another source": {[]Wish{with(far, func(w *Wish) { w.Source = "./near" })}, "plugin greeting: source: dtm.lock has http"},
		"another version": {[]Wish{with(far, func(w *Wish) { w.Version = "^0.2" })},
			"plugin greeting: version: dtm.lock has 0.1.0, the configuration says ^0.2 (`dtm init --upgrade`"},
		"a key":    {[]Wish{with(far, func(w *Wish) { w.Key = anAuthor(t).public })}, "key: dtm.lock has none"},
		"no range": {[]Wish{with(far, func(w *Wish) { w.Version = "new" })}, "neither a version nor a range"},
	} {
		said := ""
		if err := Compare(w.Options, w.lock(), k.wishes); err != nil {
			said = err.Error() + " (" + hintOf(err) + ")"
		}
		if (said == "") != (k.words == "") || !strings.Contains(said, k.words) {
			t.Errorf("%s: %q", name, said)
		}
	}
	w.BuiltIn = func(name string) bool { return name == "greeting" }
	if err := Compare(w.Options, w.lock(), []Wish{far}); err == nil || !strings.Contains(err.Error(), "greeting is built in") {
		t.Errorf("a built-in's name: %v", err)
	}
	if found, err := Installed(t.Context(), w.Options); err == nil || !strings.Contains(err.Error(), "greeting is built in") || len(found) != 1 {
		t.Errorf("a built-in's name: %v, %v", found, err)
	}
}

func TestAFolderThatBecameAnArchiveIsADifference(t *testing.T) {
	w := newWorld(t)
	plugin("greeting", "0.1.0").in(t, filepath.Join(w.Dir, "it"))
	wish := Wish{Name: "greeting", Source: "./it"}
	w.init(wish)
	swap := func(make func(path string)) {
		t.Helper()
		path := filepath.Join(w.Dir, "it")
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		make(path)
	}
	swap(func(path string) {
		if err := os.WriteFile(path, plugin("greeting", "0.1.0").packed(t), 0o644); err != nil {
			t.Fatal(err)
		}
	})
	w.refuses(wish, "kind: dtm.lock has a folder, the configuration says an archive", "dtm init --upgrade")
	w.Upgrade = true
	w.init(wish)
	if f := w.found()[0]; f.Local {
		t.Errorf("found %+v", f)
	}
	swap(func(path string) { plugin("greeting", "0.1.0").in(t, path) })
	w.Upgrade = false
	if result := w.init(wish); result.Changed() {
		t.Errorf("what is locked and installed: %+v", result)
	}
	if err := os.RemoveAll(w.home()); err != nil {
		t.Fatal(err)
	}
	w.refuses(wish, "kind: dtm.lock has an archive, the configuration says a folder")
	w.Upgrade = true
	wish.Key = anAuthor(t).public
	w.refuses(wish, "a folder has no signature")
}

func TestAPasswordInWhatIsNoSourceIsNotTold(t *testing.T) {
	for _, text := range []string{
		"https://me:hunter22@example.org/x.tgz", "https://me:hunter22@example.org", "HTTPS://me:hunter22@example.org/x.tgz",
		"git+https://me:hunter22@example.org/x", "git+https://me:hunter22/@example.org/x", "https:/me:hunter22@example.org/x.tgz",
		"me:hunter22@example.org/x", "https://{me:hunter22@}example.org/x.tgz", "https://me:hunter22%zz@example.org/x.tgz",
		"oci://me:hunter22@example.org/x",
	} {
		if _, err := parseSource(text); err == nil || strings.Contains(err.Error()+hintOf(err), "hunter22") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
