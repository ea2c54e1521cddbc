package registry

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bundled is a world with two plugins from the network and a folder, and a bundle of it.
func bundled(t *testing.T, platforms ...string) (*world, []Wish, string) {
	t.Helper()
	w, s, h := newWorld(t), newSite(t), newHub(t, "", "")
	s.release(t, "0.1.0", here, "darwin/arm64")
	s.files["other.tgz"] = plugin("other", "1.0.0").packed(t)
	h.release(w.Options, "0.1.0", here, "darwin/arm64")
	from := h.wish("^0.1")
	wishes := []Wish{from, {Name: "other", Source: s.URL + "/other.tgz"}}
	w.init(wishes...)
	dir := filepath.Join(t.TempDir(), "deep", "bundle")
	made, err := CreateBundle(t.Context(), w.Options, dir, platforms)
	if err != nil {
		t.Fatal(err)
	}
	if made.Archives < 2 || made.Bytes == 0 {
		t.Errorf("made %+v", made)
	}
	s.Close()
	h.Close()
	return w, wishes, dir
}

// away is another machine without a network, with the dtm.lock of w if it is there.
func (w *world) away(bundle string, lock bool) (*world, *noNetwork) {
	other := newWorld(w.t)
	other.Bundle = bundle
	if lock {
		text, err := w.lock().text()
		if err == nil {
			err = os.WriteFile(filepath.Join(other.Dir, LockName), text, 0o644)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return other, other.offline()
}

func TestABundleInstallsWithoutANetwork(t *testing.T) {
	w, wishes, dir := bundled(t)
	for _, platform := range []string{here, "darwin/arm64"} {
		for _, lock := range []bool{true, false} {
			other, network := w.away(dir, lock)
			other.Platform = platform
			result := other.init(wishes...)
			if !result.Changed() || result.Plugins[0].Outcome != Fetched || len(network.asked) > 0 {
				t.Errorf("result %+v, asked %v", result, network.asked)
			}
			if found := other.found(); len(found) != 2 {
				t.Errorf("found %+v", found)
			}
			before := state(t, other.Dir, other.Cache)
			for _, bundle := range []string{dir, ""} {
				other.Bundle = bundle
				if result := other.init(wishes...); result.Changed() {
					t.Errorf("the second time: %+v", result)
				}
			}
			if after := state(t, other.Dir, other.Cache); after != before || len(network.asked) > 0 {
				t.Errorf("the second time changed\n%s\nto\n%s, and asked %v", before, after, network.asked)
			}
		}
	}
}

func TestABundleAddsAPlatformThatTheLockDidNotHave(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here, "darwin/arm64")
	delete(s.files, "0.1.0/"+sumsName)
	wish := s.wish("0.1.0")
	w.init(wish)
	early, _ := w.away("", true)
	late, _ := w.away("", true)
	mac := *w
	mac.Platform = "darwin/arm64"
	mac.init(wish)
	dir := t.TempDir()
	if _, err := CreateBundle(t.Context(), w.Options, dir, nil); err != nil {
		t.Fatal(err)
	}
	early.Bundle, early.Platform = dir, mac.Platform
	early.init(wish)
	early.found()
	// Not if it has another one for the platforms that are locked.
	lock, err := ReadLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	lock.Plugins["greeting"].Platforms[here] = Platform{Archive: "sha256:" + strings.Repeat("0", 64)}
	if _, err := lock.write(dir); err != nil {
		t.Fatal(err)
	}
	late.Bundle, late.Platform = dir, mac.Platform
	late.refuses(wish, "archive for linux/amd64: dtm.lock has sha256:", "sha256:0000")
}

func TestABundleForOnePlatformHasOnlyThat(t *testing.T) {
	w, wishes, dir := bundled(t, "darwin/arm64")
	archives, _ := filepath.Glob(filepath.Join(dir, "sha256", "*"))
	if len(archives) != 2 {
		t.Errorf("it has %v", archives)
	}
	other, _ := w.away(dir, true)
	other.refuses(wishes[0], "has no archive sha256:", here, "dtm bundle create")
	other.Platform = "darwin/arm64"
	other.init(wishes...)
	if _, err := CreateBundle(t.Context(), w.Options, t.TempDir(), []string{"plan9/386"}); err == nil || !strings.Contains(err.Error(), "it is not there for plan9/386") {
		t.Errorf("it says %v", err)
	}
}

func TestABundleThatIsDamagedInstallsNothing(t *testing.T) {
	w, wishes, dir := bundled(t)
	archives, _ := filepath.Glob(filepath.Join(dir, "sha256", "*"))
	for _, archive := range archives {
		if err := os.WriteFile(archive, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	other, network := w.away(dir, true)
	other.refuses(wishes[0], "the bundle is damaged", "wrong checksum", "copy it here again")
	for _, archive := range archives {
		if err := os.Remove(archive); err != nil {
			t.Fatal(err)
		}
	}
	other.refuses(wishes[0], "has no archive sha256:")
	if err := os.WriteFile(filepath.Join(dir, LockName), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	other.refuses(wishes[0], "the bundle", "it is damaged")
	if err := os.Remove(filepath.Join(dir, LockName)); err != nil {
		t.Fatal(err)
	}
	other.refuses(wishes[0], "the bundle", "dtm.lock", "dtm bundle create")
	if len(network.asked) > 0 {
		t.Errorf("it asked %v", network.asked)
	}
}

func TestABundleIsOnlyForWhatItWasMadeFor(t *testing.T) {
	w, wishes, dir := bundled(t)
	other, _ := w.away(dir, false)
	wish := wishes[0]
	wish.Version = "^2"
	other.refuses(wish, "the bundle: version: ", "0.1.0", "^2")
	wish = wishes[0]
	wish.Source = "oci://example.org/another"
	other.refuses(wish, "the bundle: source: ")
	other.refuses(Wish{Name: "third", Source: "https://example.org/x.tgz"}, "does not have it", "dtm bundle create")
	wish = wishes[0]
	wish.Key = anAuthor(t).public
	other.refuses(wish, "key")
	// A bundle's own word is not enough where a signature is asked for.
	lock, err := ReadLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	k, err := other.keyOf(wish)
	if err != nil {
		t.Fatal(err)
	}
	e := lock.Plugins["greeting"]
	e.Key = k.digest
	lock.Plugins["greeting"] = e
	if _, err := lock.write(dir); err != nil {
		t.Fatal(err)
	}
	other.refuses(wish, "a bundle has no signatures", "take its dtm.lock along")
	trusting, _ := w.away(dir, false)
	if _, err := lock.write(trusting.Dir); err != nil {
		t.Fatal(err)
	}
	trusting.init(wish)
}

func TestABundleOfALocalFolderSaysSo(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here)
	plugin("near", "0.3.0").in(t, filepath.Join(w.Dir, "near"))
	dir := t.TempDir()
	if _, err := CreateBundle(t.Context(), w.Options, dir, nil); err == nil || hintOf(err) != initHint {
		t.Errorf("without plugins: %v", err)
	}
	w.init(s.wish("0.1.0"), Wish{Name: "near", Source: "./near"})
	if _, err := CreateBundle(t.Context(), w.Options, w.Dir, nil); err == nil || !strings.Contains(err.Error(), "cannot be the folder of the configuration") {
		t.Errorf("into itself: %v", err)
	}
	for range 2 {
		made, err := CreateBundle(t.Context(), w.Options, dir, nil)
		if err != nil || made.Archives != 1 || !slices.Equal(made.Local, []string{"near"}) {
			t.Errorf("made %+v, %v", made, err)
		}
	}
	other, _ := w.away(dir, true)
	other.refuses(Wish{Name: "near", Source: "./near"}, "no such file")
	// What came from a mirror is checked, too.
	entries, err := os.ReadDir(filepath.Join(dir, "sha256"))
	if err != nil || len(entries) != 1 || strings.HasSuffix(entries[0].Name(), partial) {
		t.Errorf("it has %v, %v", entries, err)
	}
	if err := os.WriteFile(filepath.Join(dir, LockName), []byte(`{"lock": 9}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateBundle(t.Context(), w.Options, dir, nil); err == nil || !strings.Contains(err.Error(), "form 9") {
		t.Errorf("over a newer one: %v", err)
	}
}

func TestABundleIsReadableByOthers(t *testing.T) {
	_, _, dir := bundled(t)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode()&0o044 != 0o044 {
			t.Errorf("%s has %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
