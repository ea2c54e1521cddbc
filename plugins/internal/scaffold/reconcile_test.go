package scaffold

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins/internal/scm"
)

func file(text string) scm.File { return scm.File{Content: []byte(text)} }

// blobs reads "path=text path=text".
func blobs(text string) map[string]string {
	m := map[string]string{}
	for f := range strings.FieldsSeq(text) {
		path, content, _ := strings.Cut(f, "=")
		m[path] = file(content).Blob()
	}
	return m
}

func TestWhatIsStillAsItWasWrittenIsBroughtUpToDateAndNothingElse(t *testing.T) {
	for _, c := range []struct{ name, template, now, last, written, want string }{
		{name: "nothing is there", template: "a=1", want: "put a; after a=1"},
		{name: "it is there already", template: "a=1", now: "a=1", last: "a=1", want: "after a=1; kept a=1"},
		{name: "it is there by chance", template: "a=1", now: "a=1", want: "after a=1; kept a=1"},
		{name: "the template has changed", template: "a=2", now: "a=1", last: "a=1", want: "put a!; after a=2; kept a=1"},
		{name: "people have changed it", template: "a=2", now: "a=x", last: "a=1", want: "left a; after a=1; kept a=1"},
		{name: "people have removed it", template: "a=2", last: "a=1", want: "left a; after a=1; kept a=1"},
		{name: "people had it before", template: "a=1", now: "a=x", want: "left a"},
		{name: "the journal missed the last commit", template: "a=3", now: "a=2", last: "a=1", written: "a=2", want: "put a!; after a=3; kept a=2"},
		{name: "the manifest is of before", template: "a=3", now: "a=2", last: "a=2", written: "a=1", want: "put a!; after a=3; kept a=2"},
		{name: "the template does not have it any more", now: "a=1", last: "a=1", want: "remove a; kept a=1"},
		{name: "the template does not have it any more, people changed it", now: "a=x", last: "a=1", want: ""},
		{name: "the template does not have it any more, and it is gone", last: "a=1", want: ""},
		{name: "files beside it", template: "a=1", now: "a=1 z=people", last: "a=1", want: "after a=1; kept a=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]scm.File{}
			words := map[string]string{}
			for f := range strings.FieldsSeq(c.template) {
				path, content, _ := strings.Cut(f, "=")
				files[path] = file(content)
			}
			for _, word := range strings.Fields(c.template + " " + c.now + " " + c.last + " " + c.written) {
				_, content, _ := strings.Cut(word, "=")
				words[file(content).Blob()] = content
			}
			e := reconcile(files, blobs(c.now), blobs(c.last), blobs(c.written))
			if got := show(e, words); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func show(e edits, words map[string]string) string {
	var parts []string
	for _, path := range slices.Sorted(maps.Keys(e.put)) {
		mark := ""
		if e.changed[path] {
			mark = "!"
		}
		parts = append(parts, "put "+path+mark)
	}
	for _, path := range e.remove {
		parts = append(parts, "remove "+path)
	}
	for _, path := range e.left {
		parts = append(parts, "left "+path)
	}
	for name, m := range map[string]map[string]string{"after": e.after, "kept": e.kept} {
		for path, blob := range m {
			parts = append(parts, fmt.Sprintf("%s %s=%s", name, path, words[blob]))
		}
	}
	order := []string{"put", "remove", "left", "after", "kept"}
	slices.SortStableFunc(parts, func(a, b string) int {
		x, y := strings.Fields(a)[0], strings.Fields(b)[0]
		return slices.Index(order, x) - slices.Index(order, y)
	})
	return strings.Join(parts, "; ")
}
