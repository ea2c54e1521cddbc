package compat

import (
	"strings"

	"github.com/agext/levenshtein"
)

// suggest is "did you mean `x`?" with the closest of the known names, or empty if none is close.
func suggest(name string, known ...string) string {
	best, least := "", 1+min(3, max(1, len(name)/3))
	for _, k := range known {
		distance := levenshtein.Distance(name, k, nil)
		if strings.EqualFold(name, k) {
			distance = 0
		}
		if distance < least {
			best, least = k, distance
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean `" + best + "`?"
}

// suggestOrList is what suggest gives, or else the list of the known names.
func suggestOrList(name string, known []string) string {
	if hint := suggest(name, known...); hint != "" {
		return hint
	}
	return "known are " + strings.Join(known, ", ")
}
