package schema

import (
	"fmt"

	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/parser"
)

// FormatCUE is a CUE file as the stock `cue fmt` leaves it. Mistakes are [Errors], placed in a file of that name.
func FormatCUE(name string, text []byte) ([]byte, error) {
	f, err := parser.ParseFile(name, text, parser.ParseComments)
	if err != nil {
		var mistakes Errors
		for _, e := range errors.Errors(err) {
			pos := Pos{File: name}
			if at := e.Position(); at.IsValid() {
				pos.Line, pos.Column = at.Line(), at.Column()
			}
			mistakes.Add(pos, "", messageOf(e), "")
		}
		return nil, mistakes.Err()
	}
	out, err := format.Node(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}
