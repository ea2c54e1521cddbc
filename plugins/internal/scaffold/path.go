package scaffold

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkPath tells whether a path is one that a repository may have on every system: inside its folder, and not in Git's own.
func checkPath(name string) error {
	if name == "." || !fs.ValidPath(name) {
		return fmt.Errorf("path %q is not one inside the repository", name)
	}
	if strings.ContainsAny(name, `\:*?"<>|`) || !utf8.ValidString(name) || strings.ContainsFunc(name, unsafe) {
		return fmt.Errorf("path %q has letters that not every system can have in a path", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		switch plain := strings.ToLower(strings.TrimRight(part, ". ")); {
		case plain == ".git" || strings.HasPrefix(plain, "git~"):
			return fmt.Errorf("path %q is in Git's own folder", name)
		case device(plain):
			return fmt.Errorf("path %q has a part that Windows keeps for a device", name)
		case len(part) > 255:
			return fmt.Errorf("path %q has a part of more than 255 bytes", name)
		case part != strings.TrimRight(part, ". "):
			return fmt.Errorf("path %q has a part that ends in a dot or a space, which not every system can have", name)
		}
	}
	return nil
}

// device tells whether a name is one that Windows has no files of, whatever follows its first dot. It is in small letters.
func device(name string) bool {
	name, _, _ = strings.Cut(name, ".")
	if rest := strings.TrimRight(name, "123456789"); len(name)-len(rest) == 1 {
		return rest == "com" || rest == "lpt"
	}
	return name == "con" || name == "prn" || name == "aux" || name == "nul"
}

// unsafe tells whether a letter is one that people do not see, and that some systems ignore in names.
func unsafe(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// checkPaths tells whether the paths can be beside one another on every system: no two are the same but for their case, and
// none is a file and a folder.
func checkPaths[V any](files map[string]V) error {
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := checkPath(name); err != nil {
			return err
		}
		if path.Base(name) == manifestFile && path.Dir(name) == "." {
			return fmt.Errorf("path %q is dtm's own", name)
		}
		for at := name; at != "."; at = path.Dir(at) {
			folded := strings.ToLower(at)
			key := folded
			if at != name {
				key += "/"
			}
			if other, ok := seen[key]; ok && other != at {
				return fmt.Errorf("paths %q and %q differ in their case alone", other, at)
			}
			seen[key] = at
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if folder, ok := seen[strings.ToLower(name)+"/"]; ok {
			return fmt.Errorf("path %q is both a file and a folder (%q)", name, folder)
		}
	}
	return nil
}
