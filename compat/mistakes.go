package compat

import (
	"fmt"

	"github.com/devstream-io/dtm/schema"
)

// maxMistakes is how many mistakes are told at once: whoever has more does not read them, and a file may have one in every
// second byte.
const maxMistakes = 1000

// mistakes are schema.Errors that do not grow without end.
type mistakes schema.Errors

// Add appends a mistake, up to the last one that is told.
func (m *mistakes) Add(pos schema.Pos, path, msg, hint string) {
	m.put(&schema.Error{Pos: pos, Path: path, Msg: msg, Hint: hint})
}

func (m *mistakes) put(e *schema.Error) {
	switch {
	case len(*m) < maxMistakes:
		*m = append(*m, e)
	case len(*m) == maxMistakes:
		*m = append(*m, &schema.Error{Pos: e.Pos, Msg: fmt.Sprintf("more than %d mistakes: no more are told", maxMistakes)})
	}
}

// Err is what schema.Errors gives.
func (m mistakes) Err() error { return schema.Errors(m).Err() }
