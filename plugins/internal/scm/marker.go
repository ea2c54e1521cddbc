package scm

import (
	"bytes"
	"fmt"
)

// MarkerOf is how a file says that it belongs to tools of a plugin, in a comment among its first lines.
func MarkerOf(plugin string) string { return "managed by dtm (" + plugin + ")" }

// markedWithin is how far into a file its marker may be, in bytes: further down it may be a quotation.
const markedWithin = 512

func marked(content []byte, marker string) bool {
	return bytes.Contains(content[:min(len(content), markedWithin)], []byte(marker))
}

// foreignError says that a file is in the way that is not the tool's own.
type foreignError struct {
	at           Path
	branch, file string
}

func (e *foreignError) Error() string {
	return fmt.Sprintf("%s of %s on %s is not dtm's: %s", e.file, e.at, e.branch, ErrExists)
}

func (e *foreignError) Unwrap() error { return ErrExists }

// Hint says what the user can do about it.
func (e *foreignError) Hint() string {
	return "set adopt: true to have it replaced, or choose another file name"
}

// noBaseError says that there is nothing to merge a proposal into.
type noBaseError struct {
	at     Path
	branch string
}

func (e *noBaseError) Error() string {
	return fmt.Sprintf("%s has no branch %s that a change could be merged into", e.at, e.branch)
}

// Hint says what the user can do about it.
func (e *noBaseError) Hint() string {
	return "make the branch, or leave out viaPullRequest for the first commit"
}
