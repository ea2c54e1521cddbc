package localfile

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestWhatCannotBeWrittenIsAnErrorAndTouchesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		options   Options
		err, hint string
	}{
		"no folder":            {Options{Filename: "no/a.txt"}, "/no/a.txt: folder ", "set createDirs: true"},
		"a folder":             {Options{Filename: "folder"}, "/folder: it is a folder", "choose another filename or move the folder away"},
		"an empty folder":      {Options{Filename: "empty"}, "/empty: it is a folder", "choose another filename or move the folder away"},
		"here":                 {Options{Filename: "."}, ": it is a folder", "choose another filename or move the folder away"},
		"a pipe":               {Options{Filename: "pipe"}, "/pipe: it is not a regular file", "choose another filename"},
		"a file on the way":    {Options{Filename: "file/a.txt", CreateDirs: true}, "/file/a.txt: ", ""},
		"a file farther":       {Options{Filename: "file/x/a.txt", CreateDirs: true}, "/file/x/a.txt: ", ""},
		"a long name":          {Options{Filename: strings.Repeat("x", 252)}, "xx: open ", ""},
		"no name":              {Options{}, "filename is empty", ""},
		"a slash behind":       {Options{Filename: "a/"}, `filename "a/" ends with a slash`, ""},
		"no octal mode":        {Options{Filename: "a", Mode: "rw"}, `mode "rw"`, ""},
		"a mode beyond":        {Options{Filename: "a", Mode: "4755"}, `mode "4755"`, ""},
		"an unreadable result": {Options{Filename: "a", Mode: "0200"}, `mode "0200"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.put(t, "file", "")
			w.put(t, "folder/inside", "")
			must(t, errors.Join(os.Mkdir(w.path("empty"), 0o755), syscall.Mkfifo(w.path("pipe"), 0o644)))
			check := func(verb string, err error) {
				t.Helper()
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%s: %v, want %q in it", verb, err, c.err)
				}
				var hinted interface{ Hint() string }
				if c.hint != "" && (!errors.As(err, &hinted) || hinted.Hint() != c.hint) {
					t.Errorf("%s: %v has not the hint %q", verb, err, c.hint)
				}
				w.mustHold(t, "file", "folder/inside", "pipe")
				if _, err := os.Stat(w.path("empty")); err != nil {
					t.Errorf("%s: %v", verb, err)
				}
			}
			_, err := w.kind.Create(t.Context(), encode(c.options))
			check("create", err)
			if strings.Contains(c.err, "it is") {
				_, err = w.kind.Read(t.Context(), encode(c.options), nil)
				check("read", err)
				check("delete", w.kind.Delete(t.Context(), encode(c.options), nil))
			}
		})
	}
}
