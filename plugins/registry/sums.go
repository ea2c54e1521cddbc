package registry

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

const sumsName = "SHA256SUMS"

// parseSums reads a file as sha256sum writes it: the digests ("sha256:…") of files, by name. Empty lines and those that
// begin with # are left out; a line that is anything else is an error, as are two digests of one name.
func parseSums(data []byte) (map[string]string, error) {
	sums := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, longestText)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), " \t\r")
		if line == "" || line[0] == '#' {
			continue
		}
		sum, name, _ := strings.Cut(line, " ")
		// Between them is a space for a text and a star for bytes, which are the same here.
		name = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(name, " "), "*"), "./")
		raw, err := hex.DecodeString(sum)
		if err != nil || len(raw) != 32 || name == "" {
			return nil, fmt.Errorf("%s: line %d is not a SHA-256 and a name", sumsName, n)
		}
		digest := "sha256:" + hex.EncodeToString(raw)
		if other, there := sums[name]; there && other != digest {
			return nil, fmt.Errorf("%s: %q has two digests", sumsName, name)
		}
		sums[name] = digest
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", sumsName, err)
	}
	if len(sums) == 0 {
		return nil, errors.New(sumsName + " is empty")
	}
	return sums, nil
}
