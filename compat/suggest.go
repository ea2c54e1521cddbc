package compat

import (
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// suggest is "did you mean `x`?" with the closest of the known names, or empty if none is close.
func suggest(name string, known ...string) string { return schema.DidYouMean(name, known) }

// suggestOrList is what suggest gives, or else the list of the known names.
func suggestOrList(name string, known []string) string {
	if hint := suggest(name, known...); hint != "" {
		return hint
	}
	return "known are " + strings.Join(known, ", ")
}
