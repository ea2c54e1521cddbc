package helm

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// archives keeps charts on disk, by their digest, in a folder that only the user can read. What it cannot keep is fetched
// again the next time, so none of its errors matters.
type archives struct {
	// dir is made when something is put into it. Without one, nothing is kept.
	dir string
}

// get returns the archive of a version, if it is kept and whole.
func (a archives) get(at place, version string) ([]byte, bool) {
	if a.dir == "" {
		return nil, false
	}
	want, err := os.ReadFile(a.note(at, version))
	if err != nil {
		return nil, false
	}
	data, err := os.ReadFile(a.blob(string(want)))
	if err != nil || digest(data) != string(want) {
		return nil, false
	}
	return data, true
}

// put keeps an archive.
func (a archives) put(at place, version string, data []byte) {
	if a.dir == "" {
		return
	}
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return
	}
	sum := digest(data)
	// One that is there already may be damaged: that is why it was fetched.
	if err := renameio.WriteFile(a.blob(sum), data, 0o600); err != nil {
		return
	}
	_ = renameio.WriteFile(a.note(at, version), []byte(sum), 0o600)
}

// note is the file that says which archive a version is.
func (a archives) note(at place, version string) string {
	sum := sha256.Sum256([]byte(at.key(version)))
	return filepath.Join(a.dir, hex.EncodeToString(sum[:])+".version")
}

func (a archives) blob(digest string) string {
	return filepath.Join(a.dir, strings.TrimPrefix(digest, "sha256:")+".tgz")
}
