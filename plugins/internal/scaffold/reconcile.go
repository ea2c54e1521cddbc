package scaffold

import (
	"maps"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

func lower(at scm.Path) string { return strings.ToLower(at.String()) }

// edits are what would have to be done to the files of a branch.
type edits struct {
	put    map[string]scm.File
	remove []string
	// after are the blobs that are dtm's once that is done, kept those while it is only proposed.
	after, kept map[string]string
	// left are the files that differ from the template and are people's, sorted.
	left []string
	// changed are those of put that replace a file.
	changed map[string]bool
}

// reconcile compares what a template gives with what is there. A file is dtm's as long as its blob is one that dtm is known
// to have written; several memories count, for a run may have ended before the last one was kept. A file that dtm has
// written and that is gone was removed by people, and is theirs, too.
func reconcile(files map[string]scm.File, now map[string]string, memories ...map[string]string) edits {
	e := edits{put: map[string]scm.File{}, after: map[string]string{}, kept: map[string]string{}, changed: map[string]bool{}}
	for path, f := range files {
		blob, is := f.Blob(), now[path]
		was, ours := recollect(memories, path, is)
		switch {
		case is == blob:
			e.after[path], e.kept[path] = blob, blob
		case is == "" && was == "":
			e.put[path], e.after[path] = f, blob
		case is != "" && ours:
			e.put[path], e.changed[path] = f, true
			e.after[path], e.kept[path] = blob, is
		default:
			e.left = append(e.left, path)
			if was != "" {
				e.after[path], e.kept[path] = was, was
			}
		}
	}
	var gone []string
	for _, m := range memories {
		for path := range m {
			if _, stays := files[path]; !stays && !slices.Contains(gone, path) {
				gone = append(gone, path)
			}
		}
	}
	for _, path := range gone {
		is := now[path]
		if _, ours := recollect(memories, path, is); is != "" && ours {
			e.remove = append(e.remove, path)
			e.kept[path] = is
		}
	}
	slices.Sort(e.remove)
	slices.Sort(e.left)
	return e
}

// recollect is the blob that was written last, "" if none was, and whether any that was written is the one that is there.
func recollect(memories []map[string]string, path, is string) (was string, ours bool) {
	for _, m := range memories {
		if blob := m[path]; blob != "" {
			if was == "" {
				was = blob
			}
			ours = ours || blob == is
		}
	}
	return was, ours
}

// empty tells whether there is nothing to do.
func (e edits) empty() bool { return len(e.put) == 0 && len(e.remove) == 0 }

// parts are the edits for people.
func (e edits) parts() []plugins.Part {
	var parts []plugins.Part
	for _, path := range slices.Sorted(maps.Keys(e.put)) {
		action := plugins.PartCreate
		if e.changed[path] {
			action = plugins.PartUpdate
		}
		parts = append(parts, plugins.Part{Action: action, Name: path})
	}
	for _, path := range e.remove {
		parts = append(parts, plugins.Part{Action: plugins.PartDelete, Name: path})
	}
	return parts
}
