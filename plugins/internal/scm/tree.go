package scm

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/devstream-io/dtm/plugins"
)

// entry is something in a tree: a file, or what is where one is looked for. mode is Git's.
type entry struct{ sha, mode string }

const (
	plainMode      = "100644"
	executableMode = "100755"
	folderMode     = "040000"
	linkMode       = "120000"
	submoduleMode  = "160000"
)

// file tells whether it is a file. A symbolic link is none: who writes to its path changes what it leads to, or replaces it.
func (e entry) file() bool {
	return e.sha != "" && e.mode != folderMode && e.mode != linkMode && e.mode != submoduleMode
}

func (e entry) String() string {
	switch e.mode {
	case folderMode:
		return "a folder"
	case linkMode:
		return "a symbolic link"
	case submoduleMode:
		return "a submodule"
	}
	return "a file"
}

// blocker is the path of what keeps a file from being where it is to be, "" if nothing does: something that is no file, or
// above it something that is no folder. have has what is at the path and at those above it.
func blocker(have map[string]entry, file string) string {
	for at := file; at != "."; at = path.Dir(at) {
		e, there := have[at]
		if there && (at == file && !e.file() || at != file && e.mode != folderMode) {
			return at
		}
	}
	return ""
}

// blocked says that a change cannot be made without the loss of something that nobody asked to have removed. Git would
// replace a whole folder by a file and say nothing.
func blocked(in Path, have map[string]entry, change Change) error {
	for _, file := range slices.Sorted(maps.Keys(change.Put)) {
		at := blocker(have, file)
		if at == "" || have[at].file() && slices.Contains(change.Remove, at) {
			continue
		}
		return blockedError(in, file, fmt.Sprintf("%s is %s", at, have[at]))
	}
	return nil
}

func blockedError(in Path, file, what string) error {
	return &also{
		plugins.Hinted(errors.New("file "+file+" of "+in.String()+" cannot be written: "+what), "move it away, or choose another path: nothing but a file is ever replaced"),
		ErrExists,
	}
}

// treeOf is what List tells of a branch at head.
func treeOf(head string, have map[string]entry, files []string) Tree {
	tree := Tree{Head: head, Blobs: map[string]string{}, Executable: map[string]bool{}, Blocked: map[string]string{}}
	for _, file := range files {
		if at := blocker(have, file); at != "" {
			tree.Blocked[file] = at
		} else if e, there := have[file]; there {
			tree.Blobs[file] = e.sha
			if e.mode == executableMode {
				tree.Executable[file] = true
			}
		}
	}
	return tree
}
