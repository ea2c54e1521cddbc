package registry

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/devstream-io/dtm/plugins"
)

// exactly is the version that a constraint names, if it is no range.
func exactly(constraint string) (string, bool) {
	v, err := semver.StrictNewVersion(strings.TrimPrefix(strings.TrimSpace(constraint), "v"))
	if err != nil {
		return "", false
	}
	return v.String(), true
}

// fits tells whether a version is one that a constraint allows. Everything fits none.
func fits(constraint, version string) (bool, error) {
	if constraint == "" {
		return true, nil
	}
	v, err := semver.NewVersion(version)
	if err != nil {
		return false, fmt.Errorf("%q is no version", version)
	}
	if exact, ok := exactly(constraint); ok {
		return v.String() == exact, nil
	}
	c, err := semver.NewConstraint(constraint)
	if err != nil {
		return false, plugins.Hinted(fmt.Errorf("version %q is neither a version nor a range", constraint), `as in "1.2.3", "^1.2" or ">=1.2 <3"`)
	}
	return c.Check(v), nil
}

// newest is the newest version among tags that fits, and its tag. If exact is not empty only that version fits. Tags that
// are no versions are left out, and pre-releases unless the constraint asks for them.
func newest(tags []string, constraint, exact string) (version, tag string, err error) {
	var best *semver.Version
	for _, t := range tags {
		v, err := semver.StrictNewVersion(strings.TrimPrefix(strings.ReplaceAll(t, "_", "+"), "v"))
		if err != nil || constraint == "" && exact == "" && v.Prerelease() != "" {
			continue
		}
		ok := v.String() == exact
		if exact == "" {
			if ok, err = fits(constraint, v.String()); err != nil {
				return "", "", err
			}
		}
		if ok && (best == nil || v.GreaterThan(best)) {
			best, tag = v, t
		}
	}
	if best != nil {
		return best.String(), tag, nil
	}
	wanted := "release"
	if constraint != "" || exact != "" {
		wanted = "version that fits " + max(exact, constraint)
	}
	return "", "", plugins.Hinted(absent{fmt.Errorf("there is no %s: %s", wanted, sortedTags(tags))}, "a pre-release is taken only where `version` names one")
}

// sortedTags are tags for an error, the last ones first.
func sortedTags(tags []string) string {
	if len(tags) == 0 {
		return "it has none"
	}
	tags = slices.Clone(tags)
	slices.Sort(tags)
	slices.Reverse(tags)
	return "it has " + strings.Join(tags[:min(len(tags), 10)], ", ")
}
