package develop

import (
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/mod/modfile"
)

// modulePath is the Go module of dtm.
const modulePath = "github.com/devstream-io/dtm"

// Checkout is the folder of the checkout of dtm that dir is in, "" if it is in none. What counts is the nearest go.mod above:
// a plugin of its own in a checkout is not part of dtm.
func Checkout(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at := abs; ; at = filepath.Dir(at) {
		data, err := os.ReadFile(filepath.Join(at, "go.mod"))
		switch {
		case err == nil && modfile.ModulePath(data) == modulePath:
			return at, nil
		case err == nil, at == filepath.Dir(at):
			return "", nil
		}
	}
}

// ownSource is the checkout that this dtm was built from, "" if it is not known or not there any more.
func ownSource() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) { // -trimpath
		return ""
	}
	root, err := Checkout(filepath.Dir(file))
	if err != nil {
		return ""
	}
	return root
}
