package helm

import "strings"

// maxName is how long the name of most objects in a cluster may be.
const maxName = 63

// Fullname is what nearly every chart calls its objects: the release's name and the chart's, or the release's alone where
// it has the chart's in it.
func Fullname(release, chart string) string {
	return ShortFullname(release, chart, maxName)
}

// ShortFullname is [Fullname] for charts that leave room for what they append.
func ShortFullname(release, chart string, length int) string {
	name := release
	if !strings.Contains(release, chart) {
		name += "-" + chart
	}
	return Truncated(name, length)
}

// Truncated is a name as charts shorten it.
func Truncated(name string, length int) string {
	if len(name) > length {
		name = name[:length]
	}
	return strings.TrimSuffix(name, "-")
}
