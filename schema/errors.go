package schema

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// Error is one mistake in a configuration.
type Error struct {
	// Pos is where the user wrote it; the user's own file wherever there is one.
	Pos Pos
	// Path is the field, as in "tools.localfile.hello.options.conten"; empty where there is none.
	Path string
	// Msg says what is wrong and what was expected.
	Msg string
	// Hint says what to try, as in "did you mean `content`?"; empty where nobody knows.
	Hint string
}

// Error is "path: message (hint): file:line:column".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Msg)
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	if e.Pos.IsValid() {
		b.WriteString(": " + e.Pos.String())
	}
	return b.String()
}

// Errors are all the mistakes of a configuration, sorted by place, each once. It is never empty when returned.
type Errors []*Error

// Error has one line a mistake.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a single mistake.
func (es Errors) Unwrap() []error {
	errs := make([]error, len(es))
	for i, e := range es {
		errs[i] = e
	}
	return errs
}

// Add appends a mistake.
func (es *Errors) Add(pos Pos, path, msg, hint string) {
	*es = append(*es, &Error{Pos: pos, Path: path, Msg: msg, Hint: hint})
}

// Err sorts the mistakes, drops repeats and returns them, or nil if there are none.
func (es Errors) Err() error {
	if len(es) == 0 {
		return nil
	}
	slices.SortStableFunc(es, func(a, b *Error) int {
		return cmp.Or(
			strings.Compare(a.Pos.File, b.Pos.File),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column),
			strings.Compare(a.Path, b.Path),
			strings.Compare(a.Msg, b.Msg),
		)
	})
	return slices.CompactFunc(es, func(a, b *Error) bool { return *a == *b })
}

// Join puts the mistakes of two errors together. An error that is not Errors comes alone.
func Join(a, b error) error {
	var first, second Errors
	switch {
	case a == nil:
		return b
	case b == nil || !errors.As(a, &first):
		return a
	case !errors.As(b, &second):
		return b
	}
	return append(slices.Clone(first), second...).Err()
}
