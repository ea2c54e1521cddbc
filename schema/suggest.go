package schema

import (
	"strings"

	"github.com/agext/levenshtein"
)

// Nearest is the name out of names that was probably meant by a mistyped one, or empty. A third of the letters may be wrong,
// but never more than three, nor all of them; upper and lower case do not count.
func Nearest(name string, names []string) string {
	best, least := "", min(3, max(1, len(name)/3))+1
	for _, n := range names {
		d := levenshtein.Distance(name, n, nil)
		if strings.EqualFold(name, n) {
			d = 0
		}
		if d < least && d < max(1, len(name)) {
			best, least = n, d
		}
	}
	return best
}

// DidYouMean is "did you mean `x`?" with the nearest of names, or empty if none is near.
func DidYouMean(name string, names []string) string { return didYouMean(Nearest(name, names)) }

func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return "did you mean `" + name + "`?"
}

// nearestID is the tool that was probably meant. The plugin's name is long and often the same, so only the letters of
// the instance count for how many may be wrong.
func nearestID(id ID, names []string) string {
	near := Nearest(string(id), names)
	if levenshtein.Distance(string(id), near, nil) > max(1, len(id.Instance())/3) {
		return ""
	}
	return near
}
