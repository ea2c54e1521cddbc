package localfile

import (
	"fmt"
	"io/fs"
	"strconv"
)

// parseMode reads octal digits; none are the schema's default, as in options recorded by DevStream.
func parseMode(s string) (fs.FileMode, error) {
	if s == "" {
		return 0o644, nil
	}
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n > 0o777 {
		return 0, fmt.Errorf("mode %q: want three octal digits, as in \"0644\"", s)
	}
	if n&0o400 == 0 {
		return 0, fmt.Errorf("mode %q: the owner must be allowed to read, or no change of the file could be seen", s)
	}
	return fs.FileMode(n), nil
}

// formatMode writes a mode as chmod takes it. The bits that cannot be asked for are in it, so that somebody's setuid
// shows as a change.
func formatMode(m fs.FileMode) string {
	n := m.Perm()
	if m&fs.ModeSetuid != 0 {
		n |= 0o4000
	}
	if m&fs.ModeSetgid != 0 {
		n |= 0o2000
	}
	if m&fs.ModeSticky != 0 {
		n |= 0o1000
	}
	return fmt.Sprintf("%04o", uint32(n))
}
