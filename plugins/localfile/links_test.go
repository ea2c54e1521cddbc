package localfile

import (
	"errors"
	"os"
	"testing"
)

func TestALinkIsReplacedAndNotFollowed(t *testing.T) {
	w := newWorld(t)
	w.put(t, "theirs", "theirs")
	must(t, os.Symlink("theirs", w.path("ours")))
	o := Options{Filename: "ours", Content: "ours"}
	r := w.create(t, o)
	w.mustRead(t, "theirs", "theirs")
	w.mustRead(t, "ours", "ours")

	must(t, errors.Join(os.Remove(w.path("ours")), os.Symlink("theirs", w.path("ours"))))
	if err := w.kind.Delete(t.Context(), encode(o), r); err != nil {
		t.Fatal(err)
	}
	w.mustHold(t, "theirs")
	w.mustRead(t, "theirs", "theirs")
}

func TestANewNameForTheSameFileDoesNotRemoveIt(t *testing.T) {
	w := newWorld(t)
	must(t, errors.Join(os.Mkdir(w.path("real"), 0o755), os.Symlink("real", w.path("linked"))))
	for _, names := range [][2]string{
		{"a", "./a"}, {"a", "real/../a"}, {"a", w.path("a")}, {"real/a", "linked/a"}, {"linked/a", "real/a"},
	} {
		have := Options{Filename: names[0], Content: "x"}
		want := Options{Filename: names[1], Content: "y"}
		w.update(t, want, have, w.create(t, have))
		w.mustRead(t, names[1], "y")
		if err := w.kind.Delete(t.Context(), encode(want), nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARenameRemovesLinksBetweenOldAndNew(t *testing.T) {
	for name, drift := range map[string]func(w world) error{
		"the new is a hard link to the old": func(w world) error { return os.Link(w.path("old"), w.path("new")) },
		"the new is a link to the old":      func(w world) error { return os.Symlink("old", w.path("new")) },
		"the old is a link to the new": func(w world) error {
			return errors.Join(os.Rename(w.path("old"), w.path("new")), os.Symlink("new", w.path("old")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			have, want := Options{Filename: "old", Content: "x"}, Options{Filename: "new", Content: "x"}
			r := w.create(t, have)
			must(t, drift(w))
			w.update(t, want, have, r)
			w.mustHold(t, "new")
			if info, err := os.Lstat(w.path("new")); err != nil || !info.Mode().IsRegular() {
				t.Errorf("new is %v, %v", info, err)
			}
		})
	}
}
